use std::ops::Range;

use crate::boxes::{BoxError, FileSlice, FourCc};

/// Boxes that contain boxes with timestamps.
const CONTAINERS: [&FourCc; 3] = [b"moov", b"trak", b"mdia"];

/// Boxes with timestamps. Their content begins with the version, the flags, the creation time and the modification time
/// (ISO/IEC 14496-12, 8.2.2, 8.3.2 and 8.4.2).
const BOXES_WITH_TIMESTAMPS: [&FourCc; 3] = [b"mvhd", b"tkhd", b"mdhd"];

/// Sets the creation and modification times to 0, so that the same frames always produce the same file. libavif writes
/// the current time.
///
/// # Errors
/// No file of libavif causes an error.
pub(crate) fn clear_timestamps(file: &mut [u8]) -> Result<(), BoxError> {
    for times in find_timestamps(&FileSlice::whole(file))? {
        file[times].fill(0);
    }
    Ok(())
}

/// Returns the positions of the two times in each box that has timestamps.
fn find_timestamps(boxes: &FileSlice<'_>) -> Result<Vec<Range<usize>>, BoxError> {
    let mut found = vec![];
    for child in boxes.child_boxes() {
        let (name, content) = child?;
        if CONTAINERS.contains(&&name) {
            found.extend(find_timestamps(&content)?);
        } else if BOXES_WITH_TIMESTAMPS.contains(&&name) {
            let (version, _) = content.fields(name).version_and_flags()?;
            // A box of version 1 has two 64-bit times. A box of version 0 has two 32-bit times.
            let length = if version == 1 { 16 } else { 8 };
            let times = content.skip(4, name)?;
            times.fields(name).take(length)?;
            found.push(times.range.start..times.range.start + length);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_cleared_and_other_bytes_are_unchanged() {
        let make_box = |name: &[u8; 4], content: &[u8]| {
            [&u32::try_from(content.len() + 8).unwrap().to_be_bytes(), &name[..], content].concat()
        };
        let file = |times: [[u8; 8]; 2]| {
            let [created, modified] = times;
            let media = make_box(b"mdhd", &[&[0, 0, 0, 0][..], &created, &[3; 8]].concat());
            let track = make_box(b"tkhd", &[&[1, 0, 0, 7][..], &created, &modified, &[3; 8]].concat());
            let track = make_box(b"trak", &[track, make_box(b"mdia", &media)].concat());
            [make_box(b"ftyp", b"avis"), make_box(b"moov", &track), make_box(b"mdat", &[9; 40])].concat()
        };
        let mut with_timestamps = file([[5; 8], [6; 8]]);
        clear_timestamps(&mut with_timestamps).unwrap();
        assert_eq!(with_timestamps, file([[0; 8]; 2]));
        for end in 0..with_timestamps.len() {
            let _ = clear_timestamps(&mut with_timestamps[..end]);
        }
        assert_eq!(with_timestamps, file([[0; 8]; 2]));
    }
}

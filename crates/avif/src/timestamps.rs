/// Boxes that contain boxes with timestamps.
const CONTAINERS: [&[u8; 4]; 3] = [b"moov", b"trak", b"mdia"];

/// Boxes with timestamps. Their content begins with the version, the flags, the creation time and the modification time
/// (ISO/IEC 14496-12, 8.2.2, 8.3.2 and 8.4.2).
const BOXES_WITH_TIMESTAMPS: [&[u8; 4]; 3] = [b"mvhd", b"tkhd", b"mdhd"];

/// Sets the creation and modification times to 0, so that the same frames always produce the same file. libavif writes
/// the current time.
pub(crate) fn clear_timestamps(mut boxes: &mut [u8]) {
    while let Some((size, _)) = boxes.split_first_chunk::<4>() {
        // Before the boxes with timestamps, libavif never writes a box with the special sizes 0 (up to the end of the
        // file) and 1 (a 64-bit size follows).
        let size = u32::from_be_bytes(*size) as usize;
        if size < 8 || size > boxes.len() {
            return;
        }
        let (this, rest) = boxes.split_at_mut(size);
        let (header, content) = this.split_at_mut(8);
        if CONTAINERS.iter().any(|name| header.ends_with(&name[..])) {
            clear_timestamps(content);
        } else if BOXES_WITH_TIMESTAMPS.iter().any(|name| header.ends_with(&name[..])) {
            // A box of version 1 has two 64-bit times. A box of version 0 has two 32-bit times.
            let length = if content.first() == Some(&1) { 16 } else { 8 };
            if let Some(times) = content.get_mut(4..4 + length) {
                times.fill(0);
            }
        }
        boxes = rest;
    }
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
        clear_timestamps(&mut with_timestamps);
        assert_eq!(with_timestamps, file([[0; 8]; 2]));
        for end in 0..with_timestamps.len() {
            clear_timestamps(&mut with_timestamps[..end]);
        }
        assert_eq!(with_timestamps, file([[0; 8]; 2]));
    }
}

/// Boxes that hold those that are dated.
const AROUND: [&[u8; 4]; 3] = [b"moov", b"trak", b"mdia"];

/// The movie, its tracks and their media begin with a version, flags, and the times they were made and changed (ISO/IEC
/// 14496-12, 8.2.2, 8.3.2 and 8.4.2).
const DATED: [&[u8; 4]; 3] = [b"mvhd", b"tkhd", b"mdhd"];

/// Sets the times that libavif took from the clock to none, so that the same images make the same file.
pub(crate) fn undate(mut boxes: &mut [u8]) {
    while let Some((size, _)) = boxes.split_first_chunk::<4>() {
        // Neither of the two special values, for the rest of the file and for a size that follows, comes before the dates.
        let size = u32::from_be_bytes(*size) as usize;
        if size < 8 || size > boxes.len() {
            return;
        }
        let (this, rest) = boxes.split_at_mut(size);
        let (header, content) = this.split_at_mut(8);
        if AROUND.iter().any(|name| header.ends_with(&name[..])) {
            undate(content);
        } else if DATED.iter().any(|name| header.ends_with(&name[..])) {
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
    fn what_is_dated_is_undated_and_nothing_else_changes() {
        let boxed = |name: &[u8; 4], content: &[u8]| {
            [&u32::try_from(content.len() + 8).unwrap().to_be_bytes(), &name[..], content].concat()
        };
        let file = |times: [[u8; 8]; 2]| {
            let [made, changed] = times;
            let media = boxed(b"mdhd", &[&[0, 0, 0, 0][..], &made, &[3; 8]].concat());
            let track = boxed(b"tkhd", &[&[1, 0, 0, 7][..], &made, &changed, &[3; 8]].concat());
            let track = boxed(b"trak", &[track, boxed(b"mdia", &media)].concat());
            [boxed(b"ftyp", b"avis"), boxed(b"moov", &track), boxed(b"mdat", &[9; 40])].concat()
        };
        let mut dated = file([[5; 8], [6; 8]]);
        undate(&mut dated);
        assert_eq!(dated, file([[0; 8]; 2]));
        for end in 0..dated.len() {
            undate(&mut dated[..end]);
        }
        assert_eq!(dated, file([[0; 8]; 2]));
    }
}

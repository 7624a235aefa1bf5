//! A JPEG's segments, up to its first scan (ITU-T T.81, annex B).

/// One segment that has a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment<'bytes> {
    /// The second byte of its marker.
    pub(super) marker: u8,
    /// Where its data begins in the file.
    pub(super) at: usize,
    pub(super) data: &'bytes [u8],
}

pub(super) const APP1: u8 = 0xe1;
pub(super) const APP2: u8 = 0xe2;

/// The segments that are there as a whole.
pub(super) fn segments(jpeg: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut at = if jpeg.starts_with(b"\xff\xd8") { 2 } else { jpeg.len() };
    std::iter::from_fn(move || {
        loop {
            let &[0xff, marker, high, low] = jpeg.get(at..at + 4)? else { return None };
            match marker {
                // Between segments, any number of these may stand.
                0xff => at += 1,
                // The scan begins, or the file ends.
                0xda | 0xd9 => return None,
                _ => {
                    let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
                    let segment = Segment { marker, at: at + 4, data: jpeg.get(at + 4..end)? };
                    at = end;
                    return Some(segment);
                }
            }
        }
    })
}

impl<'bytes> Segment<'bytes> {
    /// What follows the name that says whose application's segment this is.
    pub(super) fn of(self, marker: u8, name: &[u8]) -> Option<&'bytes [u8]> {
        (self.marker == marker).then(|| self.data.strip_prefix(name)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_end_at_the_scan_and_where_one_is_cut_off() {
        let jpeg = b"\xff\xd8\xff\xe1\0\x05abc\xff\xff\xe2\0\x04de\xff\xda\0\x02\xff\xe1\0\x02";
        let found: Vec<_> = segments(jpeg).map(|segment| (segment.marker, segment.at, segment.data)).collect();
        assert_eq!(found, [(APP1, 6, b"abc".as_slice()), (APP2, 14, b"de")]);
        for end in 0..jpeg.len() {
            assert!(segments(&jpeg[..end]).count() <= 2);
        }
        assert_eq!(segments(b"\xff\xd8\xff\xe1\0\0").count(), 0, "a segment contains its own length");
    }
}

//! The segments of a JPEG (ITU-T T.81, annex B).

/// A segment, or a marker without a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment<'bytes> {
    /// The second byte of the marker.
    pub(crate) marker: u8,
    /// The position of the segment's data in the file.
    pub(crate) at: usize,
    pub(crate) data: &'bytes [u8],
}

pub(crate) const APP1: u8 = 0xe1;
pub(crate) const APP2: u8 = 0xe2;
pub(crate) const APP13: u8 = 0xed;
/// Start of a scan.
pub(crate) const SOS: u8 = 0xda;
const EOI: u8 = 0xd9;
/// Markers without a length: TEM, RST0 to RST7 and SOI.
pub(crate) const TEM: u8 = 0x01;
pub(crate) const RST0: u8 = 0xd0;
pub(crate) const RST7: u8 = 0xd7;
pub(crate) const SOI: u8 = 0xd8;

/// Returns the complete segments before the first scan.
pub(crate) fn segments(jpeg: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    all_segments(jpeg).take_while(|segment| segment.marker != SOS)
}

/// Returns the complete segments up to the end of the first image, including the segments between its scans. Bytes
/// between segments are skipped, as the decoders skip them.
pub(crate) fn all_segments(jpeg: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut at = if jpeg.starts_with(b"\xff\xd8") { 2 } else { jpeg.len() };
    std::iter::from_fn(move || {
        loop {
            at += jpeg.get(at..)?.iter().position(|byte| *byte == 0xff)?;
            match *jpeg.get(at + 1)? {
                // These bytes are entropy-coded data or stray bytes.
                0 => at += 2,
                // A marker may be preceded by any number of fill bytes.
                0xff => at += 1,
                EOI => return None,
                marker @ (TEM | RST0..=RST7 | SOI) => {
                    at += 2;
                    return Some(Segment { marker, at, data: &[] });
                }
                marker => {
                    let length = *jpeg.get(at + 2..)?.first_chunk()?;
                    let end = at + 2 + usize::from(u16::from_be_bytes(length));
                    let segment = Segment { marker, at: at + 4, data: jpeg.get(at + 4..end)? };
                    at = end;
                    return Some(segment);
                }
            }
        }
    })
}

impl<'bytes> Segment<'bytes> {
    /// Returns the data after an application's identifier, if the segment has this marker and this identifier.
    pub(crate) fn data_after(self, marker: u8, name: &[u8]) -> Option<&'bytes [u8]> {
        (self.marker == marker).then(|| self.data.strip_prefix(name)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_segments_stops_at_the_scan_and_at_a_truncated_segment() {
        let jpeg = b"\xff\xd8\xff\xe1\0\x05abc\xff\xff\xe2\0\x04de\xff\xda\0\x02\xff\xe1\0\x02";
        let actual: Vec<_> = segments(jpeg).map(|segment| (segment.marker, segment.at, segment.data)).collect();
        assert_eq!(actual, [(APP1, 6, b"abc".as_slice()), (APP2, 14, b"de")]);
        for end in 0..jpeg.len() {
            assert!(segments(&jpeg[..end]).count() <= 2);
        }
        assert_eq!(segments(b"\xff\xd8\xff\xe1\0\0").count(), 0, "a segment contains its own length");
    }

    #[test]
    fn segments_are_found_between_scans_and_after_stray_bytes() {
        let jpeg =
            b"\xff\xd8ab\xff\0\xff\xe1\0\x03c\xff\xda\0\x02d\xff\0\xff\xd0e\xff\xe2\0\x03f\xff\xd9\xff\xe1\0\x02";
        let actual: Vec<_> = all_segments(jpeg).map(|segment| (segment.marker, segment.data)).collect();
        assert_eq!(actual, [(APP1, b"c".as_slice()), (SOS, b""), (RST0, b""), (APP2, b"f")]);
        assert_eq!(segments(jpeg).count(), 1);
    }
}

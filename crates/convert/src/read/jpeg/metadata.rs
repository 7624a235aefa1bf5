//! The metadata segments of a JPEG: Exif, XMP and the ICC profile.

use super::segments::{APP1, APP2, SOS, all_segments, segments};

/// The metadata of a JPEG. Each block borrows from the file, except for the profile, which may have several segments.
pub(super) struct Metadata<'bytes> {
    /// Exif, starting at the TIFF header.
    pub(super) exif: Option<&'bytes [u8]>,
    /// The XMP packet, without the extended packet that a packet over 64 KiB has.
    pub(super) xmp: Option<&'bytes [u8]>,
    /// The ICC profile. It is empty if a segment of the profile is missing or occurs twice.
    pub(super) icc: Option<Vec<u8>>,
}

/// The identifier of XMP (XMP specification, part 3, 1.1.3).
pub(super) const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

impl<'bytes> Metadata<'bytes> {
    /// Reads the segments before the first scan. If there are several blocks of Exif or XMP, the first block counts, as in
    /// browsers and in libvips.
    pub(super) fn read(jpeg: &'bytes [u8]) -> Self {
        let (mut exif, mut xmp) = (None, None);
        let mut profile = ProfileSegments::default();
        for segment in segments(jpeg) {
            exif = exif.or_else(|| segment.data_after(APP1, b"Exif\0\0"));
            xmp = xmp.or_else(|| segment.data_after(APP1, XMP));
            if let Some(data) = segment.data_after(APP2, b"ICC_PROFILE\0") {
                profile.add(data);
            }
        }
        Self { exif, xmp, icc: profile.join() }
    }
}

/// Counts the scans of the file's first image.
pub(super) fn count_scans(jpeg: &[u8]) -> u32 {
    let scans = all_segments(jpeg).filter(|segment| segment.marker == SOS).count();
    u32::try_from(scans).unwrap_or(u32::MAX)
}

/// The segments of a profile. A segment begins with its number, which starts at 1, and the number of segments (ICC.1:2022,
/// B.4).
#[derive(Default)]
struct ProfileSegments<'bytes> {
    /// The data of each segment, at the index of its number. The number is a byte, so a profile has at most 16 MiB.
    parts: Vec<Option<&'bytes [u8]>>,
    is_present: bool,
    is_damaged: bool,
}

impl<'bytes> ProfileSegments<'bytes> {
    fn add(&mut self, data: &'bytes [u8]) {
        self.is_present = true;
        let (number, count, part) = match *data {
            [number, count, ref part @ ..] if number > 0 && count > 0 => (number, count, part),
            _ => {
                self.is_damaged = true;
                return;
            }
        };
        if self.parts.is_empty() {
            self.parts = vec![None; usize::from(count)];
        }
        let has_same_count = self.parts.len() == usize::from(count);
        match self.parts.get_mut(usize::from(number) - 1) {
            Some(place @ None) if has_same_count => *place = Some(part),
            _ => self.is_damaged = true,
        }
    }

    /// Returns the profile, or an empty profile if it is damaged. Returns `None` if the file has no profile.
    fn join(self) -> Option<Vec<u8>> {
        let parts: Option<Vec<&[u8]>> = self.parts.into_iter().collect();
        self.is_present.then(|| parts.filter(|_| !self.is_damaged).unwrap_or_default().concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg(segments: &[(u8, &[u8])]) -> Vec<u8> {
        let segment = |(marker, data): &(u8, &[u8])| {
            let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
            [&[0xff, *marker][..], &length, data].concat()
        };
        [b"\xff\xd8".to_vec(), segments.iter().flat_map(segment).collect(), b"\xff\xda\0\x02".to_vec()].concat()
    }

    #[test]
    fn first_exif_and_first_xmp_count() {
        let file = jpeg(&[
            (APP2, b"Exif\0\0other"),
            (APP1, b"http://ns.adobe.com/xap/1.0/\0one"),
            (APP1, b"Exif\0\0first"),
            (APP1, b"http://ns.adobe.com/xap/1.0/\0two"),
            (APP1, b"Exif\0\0second"),
        ]);
        let Metadata { exif, xmp, icc } = Metadata::read(&file);
        assert_eq!((exif, xmp, icc), (Some(b"first".as_slice()), Some(b"one".as_slice()), None));
    }

    #[test]
    fn profile_is_joined_by_number_and_is_empty_if_a_segment_is_missing_or_repeated() {
        let icc = |segments: &[&[u8]]| {
            let segments: Vec<_> = segments.iter().map(|data| [b"ICC_PROFILE\0", *data].concat()).collect();
            let segments: Vec<_> = segments.iter().map(|data| (APP2, &data[..])).collect();
            Metadata::read(&jpeg(&segments)).icc
        };
        assert_eq!(icc(&[b"\x02\x02b", b"\x01\x02a"]), Some(b"ab".to_vec()));
        let damaged: [&[&[u8]]; 6] = [
            &[b"\x01\x02a"],
            &[b"\x01\x01a", b"\x01\x01a"],
            &[b"\x01\x02a", b"\x02\x03b"],
            &[b"\0\x01a"],
            &[b"\x01\0a"],
            &[b"\x02\x01a"],
        ];
        for segments in damaged {
            assert_eq!(icc(segments), Some(vec![]), "{segments:?}");
        }
        assert_eq!(icc(&[]), None);
    }
}

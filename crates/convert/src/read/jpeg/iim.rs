//! IPTC-IIM in a JPEG: an image resource of Photoshop.

use super::segments::{APP13, segments};
use crate::read::metadata::MAX_BLOCK_BYTES;

/// The identifier of the resource (Adobe Photoshop File Formats Specification, "Image Resource IDs").
const IIM: u16 = 0x0404;

/// Finds IPTC-IIM. Returns `None` if there is none, or if the resources before it are damaged.
pub(super) fn find(jpeg: &[u8]) -> Option<Vec<u8>> {
    // Resources over 64 KiB continue in the next segment.
    let parts = segments(jpeg).filter_map(|segment| segment.data_after(APP13, b"Photoshop 3.0\0"));
    let resources: Vec<u8> = parts.flatten().take(MAX_BLOCK_BYTES).copied().collect();
    let mut rest = &resources[..];
    // A resource consists of a signature, an identifier, a name, and data. A byte pads the name and the data to an even length.
    while let Some(resource) = rest.strip_prefix(b"8BIM") {
        let (id, resource) = resource.split_first_chunk()?;
        let name_length = 1 + usize::from(*resource.first()?);
        let (length, resource) = resource.get(name_length.next_multiple_of(2)..)?.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let data = resource.get(..length)?;
        if u16::from_be_bytes(*id) == IIM {
            return Some(data.to_vec());
        }
        rest = resource.get(length + length % 2..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(id: u16, name: &[u8], data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        let padded = |bytes: &[u8]| [bytes, &vec![0; bytes.len() % 2]].concat();
        let name = padded(&[&[u8::try_from(name.len()).unwrap()], name].concat());
        [b"8BIM", &id.to_be_bytes()[..], &name, &length, &padded(data)].concat()
    }

    fn jpeg(segments: &[&[u8]]) -> Vec<u8> {
        let segment = |data: &&[u8]| {
            let length = u16::try_from(data.len() + 16).unwrap().to_be_bytes();
            [&[0xff, APP13][..], &length, b"Photoshop 3.0\0", data].concat()
        };
        [b"\xff\xd8".to_vec(), segments.iter().flat_map(segment).collect(), b"\xff\xda\0\x02".to_vec()].concat()
    }

    #[test]
    fn resource_is_found_after_others_and_across_segments() {
        let resources =
            [resource(0x040f, b"abc", b"odd"), resource(1, b"ab", b"even"), resource(IIM, b"", b"iim")].concat();
        let (first, second) = resources.split_at(40);
        assert_eq!(find(&jpeg(&[first, second])), Some(b"iim".to_vec()));
        for end in 0..resources.len() - 1 {
            assert_eq!(find(&jpeg(&[&resources[..end]])), None, "{end}");
        }
        assert_eq!(find(&jpeg(&[&resource(1, b"", b"")])), None);
    }
}

//! Adobe's marker in a JPEG, which says whether three components are RGB or luma and chroma (Adobe Technical Note 5116,
//! section 18). The decoder beneath takes the marker's "neither" for CMYK, however many components there are.

use crate::segments::{Segment, segments};
use crate::{Error, Format};

/// A copy of the file without the marker, where that says that fewer than four components are stored as they are.
pub(crate) fn without_marker(bytes: &[u8], largest: usize) -> Result<Option<Vec<u8>>, Error> {
    let Some(marker) = find_marker(bytes) else { return Ok(None) };
    if bytes.len() > largest {
        let message = format!("RGB without a transform, in a file of over {} MiB", largest >> 20);
        return Err(Error::Unsupported { format: Format::Jpeg, message });
    }
    let mut copy = bytes.to_vec();
    copy[marker] = b'-';
    Ok(Some(copy))
}

/// Where the name in that marker begins.
fn find_marker(bytes: &[u8]) -> Option<usize> {
    let (mut components, mut plain) = (None, None);
    for Segment { marker, at, data } in segments(bytes) {
        match marker {
            // Frame headers, of which DHT, JPG and DAC are none.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => components = data.get(5).copied(),
            0xee if data.starts_with(b"Adobe") => plain = (data.get(11) == Some(&0)).then_some(at).or(plain),
            _ => {}
        }
    }
    plain.filter(|_| components.is_some_and(|components| components < 4))
}

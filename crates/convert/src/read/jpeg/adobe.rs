//! Adobe's marker in a JPEG. The marker defines whether three components are RGB or luma and chroma (Adobe Technical
//! Note 5116, section 18). The value 0 means that the components are stored without a transform. For this value,
//! zune-jpeg assumes CMYK, even if the image has fewer than four components. This module therefore hides the marker
//! from the decoder.

use crate::read::jpeg::segments::{Segment, segments};
use crate::{Error, Format};

/// Returns a copy of the file in which decoders ignore the marker, if the marker declares that fewer than four
/// components are stored without a transform. Returns `None` for all other files.
pub(crate) fn without_marker(bytes: &[u8], max_bytes: usize) -> Result<Option<Vec<u8>>, Error> {
    let Some(marker) = find_marker(bytes) else { return Ok(None) };
    if bytes.len() > max_bytes {
        let message = format!("a file with untransformed RGB is over {} MiB", max_bytes >> 20);
        return Err(Error::Unsupported { format: Format::JPEG, message });
    }
    let mut copy = bytes.to_vec();
    copy[marker] = b'-';
    Ok(Some(copy))
}

/// Finds the position of the marker's identifier.
fn find_marker(bytes: &[u8]) -> Option<usize> {
    let (mut components, mut marker_at) = (None, None);
    for Segment { marker, at, data } in segments(bytes) {
        match marker {
            // Markers in this range start a frame header, except 0xc4 (DHT), 0xc8 (JPG) and 0xcc (DAC).
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => components = data.get(5).copied(),
            0xee if data.starts_with(b"Adobe") => marker_at = (data.get(11) == Some(&0)).then_some(at).or(marker_at),
            _ => {}
        }
    }
    marker_at.filter(|_| components.is_some_and(|components| components < 4))
}

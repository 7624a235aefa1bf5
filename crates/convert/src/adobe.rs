//! Adobe's marker in a JPEG. It defines whether three components are RGB or luma and chroma (Adobe Technical Note 5116,
//! section 18). For the marker's value 0 (neither), zune-jpeg assumes CMYK, whatever the number of components is.

use crate::segments::{Segment, segments};
use crate::{Error, Format};

/// Copies the file without the marker, if the marker declares that fewer than four components are stored without a
/// transform. Returns `None` for other files.
pub(crate) fn without_marker(bytes: &[u8], max_bytes: usize) -> Result<Option<Vec<u8>>, Error> {
    let Some(marker) = find_marker(bytes) else { return Ok(None) };
    if bytes.len() > max_bytes {
        let message = format!("a file with untransformed RGB is over {} MiB", max_bytes >> 20);
        return Err(Error::Unsupported { format: Format::Jpeg, message });
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
            // These markers start a frame header. DHT, JPG and DAC are markers in the same range.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => components = data.get(5).copied(),
            0xee if data.starts_with(b"Adobe") => marker_at = (data.get(11) == Some(&0)).then_some(at).or(marker_at),
            _ => {}
        }
    }
    marker_at.filter(|_| components.is_some_and(|components| components < 4))
}

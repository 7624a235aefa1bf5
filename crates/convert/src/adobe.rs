//! Adobe's marker in a JPEG, which says whether three components are RGB or luma and chroma (Adobe Technical Note 5116,
//! section 18). The decoder beneath takes the marker's "neither" for CMYK, however many components there are.

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
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        let data = at + 4;
        let length = usize::from(u16::from_be_bytes([high, low]));
        match marker {
            // Between segments, any number of these may stand.
            0xff => {
                at += 1;
                continue;
            }
            // The scan begins, or the file ends.
            0xda | 0xd9 => break,
            // Frame headers, of which DHT, JPG and DAC are none.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => components = bytes.get(data + 5).copied(),
            0xee if bytes.get(data..)?.starts_with(b"Adobe") => {
                plain = (bytes.get(data + 11) == Some(&0)).then_some(data).or(plain);
            }
            _ => {}
        }
        at = at.checked_add(2 + length)?;
    }
    plain.filter(|_| components.is_some_and(|components| components < 4))
}

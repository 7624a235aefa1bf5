//! The color space in a `BITMAPV4HEADER` or `BITMAPV5HEADER`.

use super::header::{FILE_HEADER, u32_le};
use crate::read::metadata;

/// The interpretation of the colors.
#[derive(Default)]
pub(super) struct ColorSpace {
    /// The ICC profile. It is empty if the file has a profile that cannot be read.
    pub(super) icc: Option<Vec<u8>>,
    /// A message for the user.
    pub(super) note: Option<String>,
}

/// Reads the color space. All colors without a profile are sRGB. Chromium ignores the primaries and the gamma of
/// `LCS_CALIBRATED_RGB`.
pub(super) fn read(bytes: &[u8]) -> ColorSpace {
    const LINKED: u32 = u32::from_be_bytes(*b"LINK");
    const EMBEDDED: u32 = u32::from_be_bytes(*b"MBED");
    let (header, length) = (bytes.get(FILE_HEADER..).unwrap_or_default(), u32_le(bytes, FILE_HEADER));
    let Some(108 | 124) = length else { return ColorSpace::default() };
    match u32_le(header, 56) {
        Some(EMBEDDED) if length == Some(124) => ColorSpace { icc: Some(embedded_profile(header)), note: None },
        Some(LINKED) => {
            let note = "its ICC profile is in another file; the image was treated as sRGB";
            ColorSpace { icc: None, note: Some(note.into()) }
        }
        _ => ColorSpace::default(),
    }
}

/// Returns the ICC profile in the file. It is empty if it is incomplete or too large. The offset is relative to the start
/// of the header.
fn embedded_profile(header: &[u8]) -> Vec<u8> {
    let (Some(start), Some(length)) = (u32_le(header, 112), u32_le(header, 116)) else { return vec![] };
    let profile = header.get(start as usize..).and_then(|profile| profile.get(..length as usize));
    profile.map(metadata::copy_block).unwrap_or_default()
}

//! The color space in a `BITMAPV4HEADER` or `BITMAPV5HEADER`.

use moxcms::{Chromaticity, ColorPrimaries, ColorProfile, ToneReprCurve, XyY};

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

/// Reads the color space. The colors are sRGB if the header is shorter, or if it declares sRGB or the default color space
/// of Windows.
pub(super) fn read(bytes: &[u8]) -> ColorSpace {
    const CALIBRATED: u32 = 0;
    const LINKED: u32 = u32::from_be_bytes(*b"LINK");
    const EMBEDDED: u32 = u32::from_be_bytes(*b"MBED");
    let (header, length) = (bytes.get(FILE_HEADER..).unwrap_or_default(), u32_le(bytes, FILE_HEADER));
    let Some(108 | 124) = length else { return ColorSpace::default() };
    match u32_le(header, 56) {
        Some(CALIBRATED) => ColorSpace { icc: calibrated_profile(header), note: None },
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

/// Builds a profile from the primaries and the gamma values in the header. Like Chromium, it assumes the white point
/// D65, and ignores values that do not describe a color space. Many programs write zeros.
fn calibrated_profile(header: &[u8]) -> Option<Vec<u8>> {
    // The coordinates x, y and z of red, green and blue, in 2.30 fixed point; z is not needed.
    let coordinate = |at: usize| u32_le(header, at).map(|number| fixed_point(number, 30));
    let point = |at: usize| Some(Chromaticity { x: coordinate(at)?, y: coordinate(at + 4)? });
    let primaries = ColorPrimaries { red: point(60)?, green: point(72)?, blue: point(84)? };
    let is_color = |point: Chromaticity| (0.0..=1.0).contains(&point.x) && (0.001..=1.0).contains(&point.y);
    if ![primaries.red, primaries.green, primaries.blue].into_iter().all(is_color) || !spans_area(&primaries) {
        return None;
    }
    // The exponents that convert levels to light, in 16.16 fixed point.
    let [red, green, blue] = [96, 100, 104].map(|at| u32_le(header, at).map(|number| fixed_point(number, 16)));
    let gammas = [red?, green?, blue?];
    if !gammas.iter().all(|gamma| (0.1..=10.0).contains(gamma)) {
        return None;
    }
    let mut profile = ColorProfile::new_srgb();
    profile.update_rgb_colorimetry(XyY::new(0.31271, 0.32902, 1.0), primaries);
    let [red, green, blue] = gammas.map(|gamma| Some(ToneReprCurve::Parametric(vec![gamma])));
    (profile.red_trc, profile.green_trc, profile.blue_trc) = (red, green, blue);
    // The profile no longer describes sRGB, so the code points of sRGB are removed.
    profile.cicp = None;
    profile.description = None;
    profile.encode().ok()
}

/// Whether the primaries are not on one line.
fn spans_area(ColorPrimaries { red, green, blue }: &ColorPrimaries) -> bool {
    let area = (green.x - red.x) * (blue.y - red.y) - (blue.x - red.x) * (green.y - red.y);
    area.abs() > 0.001
}

#[expect(clippy::cast_precision_loss, reason = "24 bits are more precise than a chromaticity needs to be")]
fn fixed_point(number: u32, fraction_bits: i32) -> f32 {
    number as f32 / 2_f32.powi(fraction_bits)
}

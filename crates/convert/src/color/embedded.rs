//! The colors of WebP and JPEG: 8 bits per channel, and an ICC profile instead of code points.

use image::DynamicImage;
use model::{Cicp, Color};
use moxcms::ColorProfile;

use super::icc::IccProfile;
use super::to_srgb::{SrgbTransform, UNSPECIFIED, profile_of_code_points};
use super::tone_map::tone_map;

/// Pixels of 8 bits per channel, and the profile that a file with these pixels must contain.
pub(crate) struct EmbeddedPixels {
    /// Gray or RGB, with or without alpha.
    pub(crate) pixels: DynamicImage,
    /// The ICC profile. `None` means sRGB.
    pub(crate) icc: Option<Vec<u8>>,
}

impl EmbeddedPixels {
    /// Converts pixels with this color description. PQ and HLG become sRGB.
    pub(crate) fn new(pixels: &DynamicImage, color: &Color) -> Self {
        if !color.cicp.is_sdr() && color.icc.is_none() {
            return Self { pixels: tone_map(pixels, color.cicp), icc: None };
        }
        let icc = color.icc.clone().or_else(|| profile(color.cicp));
        // Only RGB pixels can have the profile, which is for RGB.
        let is_rgb = pixels.color().has_color() || icc.is_some();
        let pixels = match (is_rgb, pixels.color().has_alpha()) {
            (true, true) => pixels.to_rgba8().into(),
            (true, false) => pixels.to_rgb8().into(),
            (false, true) => pixels.to_luma_alpha8().into(),
            (false, false) => pixels.to_luma8().into(),
        };
        Self { pixels, icc }
    }

    /// Converts the pixels to sRGB. Pixels whose profile cannot be read stay unchanged.
    pub(crate) fn into_srgb(self) -> DynamicImage {
        let profile = self.icc.and_then(|icc| IccProfile::read(&icc).ok());
        match profile.and_then(|profile| profile.transform_to(&ColorProfile::new_srgb())) {
            Some(transform) => SrgbTransform(transform).apply(self.pixels),
            None => self.pixels,
        }
    }
}

/// Returns the profile with these code points, unless they are those of sRGB or browsers do not support them.
fn profile(cicp: Cicp) -> Option<Vec<u8>> {
    let is = |code: u16, srgb: u16| code == srgb || code == UNSPECIFIED;
    if is(cicp.primaries, Cicp::SRGB.primaries) && is(cicp.transfer, Cicp::SRGB.transfer) {
        return None;
    }
    // Display P3 has a description that programs show.
    let profile = match (cicp.primaries, cicp.transfer) {
        (12, 13) => ColorProfile::new_display_p3(),
        _ => profile_of_code_points(cicp)?,
    };
    profile.encode().ok()
}

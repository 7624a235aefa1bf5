//! Decides whether an ICC profile is copied to the AVIF or applied to the pixels.
//!
//! An AVIF can contain an RGB profile for RGB pixels. If 4:0:0 planes have a gray profile, nearly every reader displays
//! the image with different levels. AV1 does not support CMYK. Therefore, pixels with a gray or CMYK profile are
//! converted to sRGB.

use std::sync::Arc;

use image::DynamicImage;
use model::{Cicp, Color};
use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};

use crate::color::icc_tags;

/// The data color space of a profile (ICC.1:2022, 7.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProfileColorSpace {
    Rgb,
    Gray,
    Other,
    /// The data is not a profile, because the signature is missing.
    Invalid,
}

impl ProfileColorSpace {
    /// Reads only the header, because an RGB profile is copied without a check of its contents.
    fn read(icc: &[u8]) -> Self {
        match (icc.get(36..40), icc.get(16..20)) {
            (Some(b"acsp"), Some(b"RGB ")) => Self::Rgb,
            (Some(b"acsp"), Some(b"GRAY")) => Self::Gray,
            (Some(b"acsp"), Some(_)) => Self::Other,
            _ => Self::Invalid,
        }
    }
}

/// Removes the private tags of a profile that is copied to the AVIF. A damaged RGB profile becomes empty. Other
/// profiles stay unchanged, because they are not copied.
pub(crate) fn without_private_tags(icc: Vec<u8>) -> Vec<u8> {
    match ProfileColorSpace::read(&icc) {
        ProfileColorSpace::Rgb => icc_tags::without_private_tags(&icc).unwrap_or_default(),
        ProfileColorSpace::Gray | ProfileColorSpace::Other | ProfileColorSpace::Invalid => icc,
    }
}

/// Returns the pixels and the color description for the AVIF. Converts the pixels to sRGB if the AVIF cannot contain
/// their profile. Pixels without a color description are treated as sRGB.
pub(crate) fn resolve_colors(
    image: DynamicImage,
    icc: Option<Vec<u8>>,
    cicp: Option<Cicp>,
    notes: &mut Vec<String>,
) -> (DynamicImage, Color) {
    let (srgb_levels, color) = choose_color(!image.color().has_color(), icc, cicp, notes);
    (if let Some(levels) = srgb_levels { map_gray_levels(image, &levels) } else { image }, color)
}

/// Returns the color description for luma and chroma planes. Such planes are never converted to another color space.
pub(crate) fn resolve_planar_color(icc: Option<Vec<u8>>, notes: &mut Vec<String>) -> Color {
    choose_color(false, icc, None, notes).1
}

/// Chooses the color description. For gray pixels with a profile, also returns the sRGB level for each level of the
/// profile.
fn choose_color(
    is_gray: bool,
    icc: Option<Vec<u8>>,
    cicp: Option<Cicp>,
    notes: &mut Vec<String>,
) -> (Option<Vec<u16>>, Color) {
    let srgb = Color { cicp: Cicp::SRGB, icc: None };
    let Some(icc) = icc else { return (None, Color { cicp: cicp.unwrap_or(Cicp::SRGB), icc: None }) };
    let problem = match (ProfileColorSpace::read(&icc), is_gray) {
        (ProfileColorSpace::Rgb, false) => return (None, Color { cicp: Cicp::ICC, icc: Some(icc) }),
        (ProfileColorSpace::Rgb | ProfileColorSpace::Gray, true) => match gray_to_srgb_levels(&icc) {
            Some(levels) => return (Some(levels), srgb),
            None => "is damaged",
        },
        (ProfileColorSpace::Gray, false) => "is for gray pixels, but the image has color",
        (ProfileColorSpace::Other, _) => "is for neither RGB nor gray pixels",
        (ProfileColorSpace::Invalid, _) => "is damaged",
    };
    notes.push(format!("the ICC profile {problem}; the image was treated as sRGB"));
    (None, srgb)
}

/// Converts ink levels (255 is full ink) to sRGB. Uses the ICC profile if it is valid and is for CMYK.
pub(crate) fn cmyk_to_srgb(inks: &[u8], icc: Option<&[u8]>, notes: &mut Vec<String>) -> Vec<u8> {
    if let Some(icc) = icc {
        match cmyk_transform(icc) {
            Some(transform) => {
                let mut pixels = vec![0; inks.len() / 4 * 3];
                if transform.transform(inks, &mut pixels).is_ok() {
                    notes.push("CMYK was converted to sRGB by its ICC profile".into());
                    return pixels;
                }
            }
            None => notes.push("the ICC profile is damaged or not for CMYK, and was omitted".into()),
        }
    }
    notes.push("CMYK was converted to sRGB without a profile; its colors are approximate".into());
    inks.as_chunks::<4>().0.iter().flat_map(|&[c, m, y, k]| [c, m, y].map(|ink| mix_with_black(ink, k))).collect()
}

/// Returns the amount of light, 0 to 255, that passes through one ink and the black ink.
fn mix_with_black(ink: u8, black: u8) -> u8 {
    let light = u32::from(255 - ink) * u32::from(255 - black);
    u8::try_from((light + 127) / 255).unwrap_or(u8::MAX)
}

fn cmyk_transform(icc: &[u8]) -> Option<Arc<Transform8BitExecutor>> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    if profile.color_space != DataColorSpace::Cmyk {
        return None;
    }
    let options = TransformOptions { rendering_intent: profile.rendering_intent, ..Default::default() };
    profile.create_transform_8bit(Layout::Rgba, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()
}

/// Returns the sRGB level for each of the 65,536 gray levels of this profile.
fn gray_to_srgb_levels(icc: &[u8]) -> Option<Vec<u16>> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    let (layout, channels) = match profile.color_space {
        DataColorSpace::Gray => (Layout::Gray, 1),
        DataColorSpace::Rgb => (Layout::Rgb, 3),
        _ => return None,
    };
    let options = TransformOptions { rendering_intent: profile.rendering_intent, ..Default::default() };
    let srgb = ColorProfile::new_srgb();
    let transform = profile.create_transform_16bit(layout, &srgb, Layout::Rgb, options).ok()?;
    let ramp: Vec<u16> = (0..=u16::MAX).flat_map(|level| std::iter::repeat_n(level, channels)).collect();
    let mut srgb_pixels = vec![0; 3 << 16];
    transform.transform(&ramp, &mut srgb_pixels).ok()?;
    // The red, green and blue levels of a gray color are equal, so the green level is used for all three.
    Some(srgb_pixels.as_chunks::<3>().0.iter().map(|&[_, green, _]| green).collect())
}

/// Replaces each gray level by its entry in `levels`. The image has no color, because only images without color get
/// such a table.
fn map_gray_levels(mut image: DynamicImage, levels: &[u16]) -> DynamicImage {
    // One step of 8-bit levels corresponds to 257 steps of 16-bit levels.
    let eight = |level: &mut u8| {
        let mapped = u32::from(levels[usize::from(*level) * 257]);
        *level = u8::try_from((mapped + 128) / 257).unwrap_or(u8::MAX);
    };
    let sixteen = |level: &mut u16| *level = levels[usize::from(*level)];
    match &mut image {
        DynamicImage::ImageLuma8(image) => image.iter_mut().for_each(eight),
        DynamicImage::ImageLuma16(image) => image.iter_mut().for_each(sixteen),
        DynamicImage::ImageLumaA8(image) => image.iter_mut().step_by(2).for_each(eight),
        DynamicImage::ImageLumaA16(image) => image.iter_mut().step_by(2).for_each(sixteen),
        _ => {}
    }
    image
}

//! ICC profiles: which travel with the picture, and which are applied because they cannot.
//!
//! An AVIF carries an RGB profile for RGB pixels. Gray profiles on 4:0:0 are drawn differently by nearly every reader,
//! and CMYK has no place in AV1 at all; both become sRGB here.

use std::sync::Arc;

use image::DynamicImage;
use model::{Cicp, Color};
use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};

use crate::icc_tags;

/// The color space of the samples a profile describes (ICC.1:2022, 7.2.6), if it is a profile at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    Rgb,
    Gray,
    Other,
    /// Not a profile: no signature where one belongs.
    None,
}

impl Space {
    /// By the header alone: a profile for RGB is carried along, not judged.
    fn of(icc: &[u8]) -> Self {
        match (icc.get(36..40), icc.get(16..20)) {
            (Some(b"acsp"), Some(b"RGB ")) => Self::Rgb,
            (Some(b"acsp"), Some(b"GRAY")) => Self::Gray,
            (Some(b"acsp"), Some(_)) => Self::Other,
            _ => Self::None,
        }
    }
}

/// The profile as it may travel where metadata is stripped. One that is damaged comes out empty; one that cannot travel
/// stays what it is.
pub(crate) fn without_private_tags(icc: Vec<u8>) -> Vec<u8> {
    match Space::of(&icc) {
        Space::Rgb => icc_tags::without_private_tags(&icc).unwrap_or_default(),
        Space::Gray | Space::Other | Space::None => icc,
    }
}

/// Settles what the pixels' colors are: the pixels, changed where their profile cannot travel, and what is to be said of
/// them, which is sRGB where nothing was.
pub(crate) fn settle(
    image: DynamicImage,
    icc: Option<Vec<u8>>,
    cicp: Option<Cicp>,
    notes: &mut Vec<String>,
) -> (DynamicImage, Color) {
    let (tone, color) = judge(!image.color().has_color(), icc, cicp, notes);
    (if let Some(tone) = tone { apply(image, &tone) } else { image }, color)
}

/// The same for luma and chroma, which no profile changes.
pub(crate) fn of_planes(icc: Option<Vec<u8>>, notes: &mut Vec<String>) -> Color {
    judge(false, icc, None, notes).1
}

/// What is to be said of the colors, and of gray perhaps the tone curve that makes it true.
fn judge(gray: bool, icc: Option<Vec<u8>>, cicp: Option<Cicp>, notes: &mut Vec<String>) -> (Option<Vec<u16>>, Color) {
    let srgb = Color { cicp: Cicp::SRGB, icc: None };
    let Some(icc) = icc else { return (None, Color { cicp: cicp.unwrap_or(Cicp::SRGB), icc: None }) };
    let because = match (Space::of(&icc), gray) {
        (Space::Rgb, false) => return (None, Color { cicp: Cicp::ICC, icc: Some(icc) }),
        (Space::Rgb | Space::Gray, true) => match tone(&icc) {
            Some(tone) => return (Some(tone), srgb),
            None => "is damaged",
        },
        (Space::Gray, false) => "is for gray pixels and these have color",
        (Space::Other, _) => "is for neither RGB nor gray pixels",
        (Space::None, _) => "is damaged",
    };
    notes.push(format!("the ICC profile {because}; the picture was taken as sRGB"));
    (None, srgb)
}

/// sRGB from amounts of ink (255 is full), by the profile where there is one that works.
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
            None => notes.push("the ICC profile is damaged or not for CMYK, and was left out".into()),
        }
    }
    notes.push("CMYK was converted to sRGB without a profile; its colors are approximate".into());
    inks.as_chunks::<4>().0.iter().flat_map(|&[c, m, y, k]| [c, m, y].map(|ink| without(ink, k))).collect()
}

/// The light that one ink under black lets through.
fn without(ink: u8, black: u8) -> u8 {
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

/// For each of 65,536 gray levels by this profile, the sRGB level that looks the same.
fn tone(icc: &[u8]) -> Option<Vec<u16>> {
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
    let mut toned = vec![0; 3 << 16];
    transform.transform(&ramp, &mut toned).ok()?;
    // A neutral color has three equal levels; green stands for them.
    Some(toned.as_chunks::<3>().0.iter().map(|&[_, green, _]| green).collect())
}

/// Maps the gray levels of a picture without color; one with color never comes here.
fn apply(mut image: DynamicImage, tone: &[u16]) -> DynamicImage {
    // 257 steps of 16 bits make one of 8.
    let eight = |level: &mut u8| {
        let toned = u32::from(tone[usize::from(*level) * 257]);
        *level = u8::try_from((toned + 128) / 257).unwrap_or(u8::MAX);
    };
    let sixteen = |level: &mut u16| *level = tone[usize::from(*level)];
    match &mut image {
        DynamicImage::ImageLuma8(image) => image.iter_mut().for_each(eight),
        DynamicImage::ImageLuma16(image) => image.iter_mut().for_each(sixteen),
        DynamicImage::ImageLumaA8(image) => image.iter_mut().step_by(2).for_each(eight),
        DynamicImage::ImageLumaA16(image) => image.iter_mut().step_by(2).for_each(sixteen),
        _ => {}
    }
    image
}

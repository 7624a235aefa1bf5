//! Converts CMYK to sRGB, because AV1 does not support CMYK.

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};

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

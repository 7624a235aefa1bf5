//! Decides which color description the variants of an image get, and how its pixels are converted.
//!
//! An AVIF can contain an RGB profile for RGB pixels. Gray pixels with a profile are always converted to sRGB.

use image::DynamicImage;
use model::{Cicp, Color, ColorMode, Metadata, Recipe};
use moxcms::{ColorProfile, TransferCharacteristics};

use super::gray::GrayLevels;
use super::icc::{IccProfile, ProfileChannels, ProfileProblem};
use super::replacement;
use super::to_srgb::{SrgbTransform, UNSPECIFIED};

/// The color description of a source file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceColors<'a> {
    pub(crate) is_gray: bool,
    /// The ICC profile. It is empty if the file has a profile that cannot be read.
    pub(crate) icc: Option<&'a [u8]>,
    pub(crate) cicp: Option<Cicp>,
}

/// The color description of the variants, and the conversion of the pixels to it.
pub(crate) struct ColorPlan {
    conversion: Conversion,
    pub(crate) color: Color,
}

enum Conversion {
    /// The pixels stay unchanged.
    None,
    Gray(GrayLevels),
    Rgb(SrgbTransform),
}

/// The note about an image in PQ or HLG that would have been converted to sRGB.
const HDR_NOTE: &str = "the image has a high dynamic range (PQ or HLG) and was not converted to sRGB";

impl ColorPlan {
    /// The plan for pixels that are sRGB already.
    pub(crate) const SRGB: Self = Self { conversion: Conversion::None, color: Color { cicp: Cicp::SRGB, icc: None } };

    /// Chooses the color description. Pixels without a usable color description are treated as sRGB.
    pub(crate) fn choose(source: SourceColors<'_>, recipe: &Recipe, notes: &mut Vec<String>) -> Self {
        let SourceColors { is_gray, icc, cicp } = source;
        let Some(icc) = icc else { return Self::for_code_points(cicp.unwrap_or(Cicp::SRGB), is_gray, recipe, notes) };
        let problem = match (IccProfile::read(icc), is_gray) {
            (Ok(profile), true) => match gray_levels(&profile) {
                Some(levels) => return Self { conversion: Conversion::Gray(levels), ..Self::SRGB },
                None => "is damaged",
            },
            (Ok(profile), false) => match profile.channels {
                ProfileChannels::Rgb => return Self::for_profile(profile, icc, recipe, notes),
                ProfileChannels::Gray => "is for gray pixels, but the image has color",
            },
            (Err(ProfileProblem::OtherChannels), _) => "is for neither RGB nor gray pixels",
            (Err(ProfileProblem::Damaged), _) => "is damaged",
        };
        notes.push(format!("the ICC profile {problem}; the image was treated as sRGB"));
        Self::SRGB
    }

    /// Whether the pixels stay unchanged.
    pub(crate) fn keeps_pixels(&self) -> bool {
        matches!(self.conversion, Conversion::None)
    }

    /// Converts the pixels to the color space of the plan.
    pub(crate) fn apply(&self, image: DynamicImage) -> DynamicImage {
        match &self.conversion {
            Conversion::None => image,
            Conversion::Gray(levels) => levels.apply(image),
            Conversion::Rgb(transform) => transform.apply(image),
        }
    }

    fn for_profile(profile: IccProfile, icc: &[u8], recipe: &Recipe, notes: &mut Vec<String>) -> Self {
        let kept = |profile| Self { conversion: Conversion::None, color: profile_color(profile, icc, recipe) };
        if recipe.color != ColorMode::Srgb {
            return kept(profile);
        }
        if replacement::equal_code_points(&profile) == Some(Cicp::SRGB) {
            return Self::SRGB;
        }
        let transfer = profile.colors.cicp.map(|code| code.transfer_characteristics);
        if matches!(transfer, Some(TransferCharacteristics::Smpte2084 | TransferCharacteristics::Hlg)) {
            notes.push(HDR_NOTE.into());
            return kept(profile);
        }
        let Some(transform) = profile.transform_to(&ColorProfile::new_srgb()) else {
            notes.push("the ICC profile cannot be converted to sRGB and was kept".into());
            return kept(profile);
        };
        Self { conversion: Conversion::Rgb(SrgbTransform(transform)), ..Self::SRGB }
    }

    fn for_code_points(cicp: Cicp, is_gray: bool, recipe: &Recipe, notes: &mut Vec<String>) -> Self {
        let kept = Self { conversion: Conversion::None, color: Color { cicp, icc: None } };
        let is = |code: u16, srgb: u16| code == srgb || code == UNSPECIFIED;
        let has_srgb_primaries = is_gray || is(cicp.primaries, Cicp::SRGB.primaries);
        if recipe.color != ColorMode::Srgb {
            return kept;
        }
        if has_srgb_primaries && is(cicp.transfer, Cicp::SRGB.transfer) {
            return Self::SRGB;
        }
        if !cicp.is_sdr() {
            notes.push(HDR_NOTE.into());
            return kept;
        }
        let conversion = SrgbTransform::from_code_points(cicp).and_then(|transform| {
            if is_gray {
                GrayLevels::new(&*transform.0, 3).map(Conversion::Gray)
            } else {
                Some(Conversion::Rgb(transform))
            }
        });
        if let Some(conversion) = conversion {
            return Self { conversion, ..Self::SRGB };
        }
        let Cicp { primaries, transfer, .. } = cicp;
        notes.push(format!("the code points {primaries}/{transfer} cannot be converted to sRGB and were kept"));
        kept
    }
}

/// Returns the color description of an image that keeps its pixels: a profile, or the code points that replace it.
pub(crate) fn profile_color(profile: IccProfile, icc: &[u8], recipe: &Recipe) -> Color {
    let replacement = match recipe.color {
        ColorMode::Compact => replacement::equal_code_points(&profile),
        ColorMode::Keep | ColorMode::Srgb => None,
    };
    let icc = match recipe.metadata {
        Metadata::Strip | Metadata::Copyright => profile.public,
        Metadata::Keep => icc.to_vec(),
    };
    replacement.map_or(Color { cicp: Cicp::ICC, icc: Some(icc) }, |cicp| Color { cicp, icc: None })
}

fn gray_levels(profile: &IccProfile) -> Option<GrayLevels> {
    let channels = match profile.channels {
        ProfileChannels::Rgb => 3,
        ProfileChannels::Gray => 1,
    };
    GrayLevels::new(&*profile.transform_to(&ColorProfile::new_srgb())?, channels)
}

//! Finds the code points that can replace an ICC profile.

use std::iter;

use model::Cicp;
use moxcms::{CicpProfile, ColorProfile};

use super::icc::{IccProfile, ProfileChannels};

/// The maximum difference between a profile and the code points that replace it, in levels of 8 bits. Ten sRGB profiles
/// and three Display P3 profiles of HP, the ICC, lcms2, colord and others were measured to differ by 0 or 1 level.
const MAX_DIFFERENCE: u16 = 1;
/// The distance between two colors of the grid that is compared, in levels of 8 bits.
const GRID_STEP: u16 = 15;

/// Returns the code points of sRGB or Display P3, if the profile describes the same colors. If the pixels of the profile
/// are converted to the color space of the code points, no channel may change by more than one level of 8 bits. A profile
/// with lookup tables has no equal code points, because readers choose different tables.
pub(super) fn equal_code_points(profile: &IccProfile) -> Option<Cicp> {
    let colors = &profile.colors;
    let tables = [&colors.lut_a_to_b_perceptual, &colors.lut_a_to_b_colorimetric, &colors.lut_a_to_b_saturation];
    if profile.channels != ProfileChannels::Rgb || tables.into_iter().any(Option::is_some) {
        return None;
    }
    // The primaries 12 and the transfer 13 are Display P3 (ITU-T H.273, tables 2 and 3).
    let candidates = [
        (Cicp::SRGB, ColorProfile::new_srgb as fn() -> ColorProfile),
        (Cicp::with_default_matrix(12, 13), ColorProfile::new_display_p3),
    ];
    let mut candidates = candidates.into_iter().filter(|(cicp, _)| declares_no_other(colors.cicp, *cicp));
    let is_equal = |target: &ColorProfile| max_difference(profile, target).is_some_and(|most| most <= MAX_DIFFERENCE);
    candidates.find(|(_, target)| is_equal(&target())).map(|(cicp, _)| cicp)
}

/// Whether the code points that a profile contains are these code points. A profile without code points has no others.
fn declares_no_other(in_profile: Option<CicpProfile>, cicp: Cicp) -> bool {
    in_profile.is_none_or(|code| {
        let transfer = code.transfer_characteristics as u16;
        (code.color_primaries as u16, transfer) == (cicp.primaries, cicp.transfer)
    })
}

/// Returns the maximum difference between the pixels of a profile and the same colors as pixels of another color space,
/// in levels of 8 bits. `None` if the colors cannot be converted.
fn max_difference(profile: &IccProfile, target: &ColorProfile) -> Option<u16> {
    let levels: Vec<u16> = compared_pixels().flatten().collect();
    // One step of 8-bit levels corresponds to 257 steps of 16-bit levels.
    let pixels: Vec<u16> = levels.iter().map(|level| level * 257).collect();
    let mut converted = vec![0; pixels.len()];
    profile.transform_to(target)?.transform(&pixels, &mut converted).ok()?;
    let rounded = |level: u16| u16::try_from((u32::from(level) + 128) / 257).unwrap_or(u16::MAX);
    levels.iter().zip(converted).map(|(before, after)| before.abs_diff(rounded(after))).max()
}

/// Returns pixels of 8 bits: all levels of gray and of each primary, and a grid of all colors.
fn compared_pixels() -> impl Iterator<Item = [u16; 3]> {
    let ramps = (0..=255).flat_map(|level| [[level; 3], [level, 0, 0], [0, level, 0], [0, 0, level]]);
    let levels = || (0..=255).step_by(GRID_STEP.into());
    let grid = levels().flat_map(move |red| levels().flat_map(move |green| iter::repeat((red, green)).zip(levels())));
    ramps.chain(grid.map(|((red, green), blue)| [red, green, blue]))
}

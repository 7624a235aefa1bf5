//! The colors of an item: its `colr` properties, or else the video usability information (VUI) of its HEVC stream.

use heifer_isobmff::boxes::{ColorInfo, HevcConfig, Property};
use heifer_isobmff::{HeifFile, ItemId};
use model::Cicp;

use super::hevc::read_sequence_parameters;

/// "Unspecified", for primaries, transfer characteristics and matrix coefficients (ITU-T H.273).
const UNSPECIFIED: u16 = 2;

/// Returns the code points of an image: those of the image or of its first tile. `config` is the configuration of the first
/// picture.
pub(super) fn code_points(file: &HeifFile<'_>, items: [ItemId; 2], config: &HevcConfig) -> Cicp {
    items.into_iter().find_map(|item| stored_code_points(file, item)).unwrap_or_else(|| stream_code_points(config))
}

fn stored_code_points(file: &HeifFile<'_>, item: ItemId) -> Option<Cicp> {
    file.item_properties(item).ok()?.find_map(|property| match *property {
        Property::Color(ColorInfo::Nclx { primaries, transfer, matrix, full_range }) => {
            Some(Cicp { primaries, transfer, matrix, full_range })
        }
        _ => None,
    })
}

/// Returns the code points in the VUI. Without a VUI, all of them are unspecified, and the range is limited (ITU-T H.265,
/// E.3.1).
pub(super) fn stream_code_points(config: &HevcConfig) -> Cicp {
    let sets = read_sequence_parameters(config);
    let vui = sets.sps.iter().flatten().find_map(|sps| sps.vui.as_ref());
    vui.map_or(Cicp { primaries: UNSPECIFIED, transfer: UNSPECIFIED, matrix: UNSPECIFIED, full_range: false }, |vui| {
        Cicp {
            primaries: vui.colour_primaries.into(),
            transfer: vui.transfer_characteristics.into(),
            matrix: vui.matrix_coeffs.into(),
            full_range: vui.video_full_range_flag,
        }
    })
}

/// Returns the ICC profile of the first of these items that has one.
pub(super) fn profile(file: &HeifFile<'_>, items: &[ItemId]) -> Option<Vec<u8>> {
    let own = |item: &ItemId| {
        file.item_properties(*item).ok()?.find_map(|property| match property {
            Property::Color(ColorInfo::Icc(icc)) if !icc.is_empty() => Some(icc.clone()),
            _ => None,
        })
    };
    items.iter().find_map(own)
}

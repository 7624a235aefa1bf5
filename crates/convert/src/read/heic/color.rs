//! The colors of an item: its `colr` properties, or else the video usability information (VUI) of its HEVC stream.

use heifer::heifer_hevc_dec::nal::NalUnit;
use heifer::heifer_hevc_dec::params::ParameterSets;
use heifer::heifer_isobmff::boxes::{ColorInfo, HevcConfig, Property};
use heifer::heifer_isobmff::{HeifFile, ItemId};
use model::Cicp;

/// "Unspecified", for primaries, transfer characteristics and matrix coefficients (ITU-T H.273).
const UNSPECIFIED: u16 = 2;

/// Returns the code points of an image: those of the first item that has them. `config` is the configuration of the first
/// picture.
pub(super) fn code_points(file: &HeifFile<'_>, items: &[ItemId], config: &HevcConfig) -> Cicp {
    items.iter().find_map(|&item| stored_code_points(file, item)).unwrap_or_else(|| stream_code_points(config))
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
    let mut sets = ParameterSets::default();
    for unit in &config.nal_units {
        // Damaged parameter sets are reported when the picture is decoded.
        if let Ok(unit) = NalUnit::parse(unit) {
            let _ = sets.add(&unit);
        }
    }
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

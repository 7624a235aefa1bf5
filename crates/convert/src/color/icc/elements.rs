//! Checks the elements of a profile, which are the data of its tags (ICC.1:2022, 10). The rules are at least as strict as
//! those of skcms, which Chromium uses, and of lcms2. If skcms rejects an element, Chromium shows no part of the AVIF.

use super::number;

/// A number in the format s15Fixed16Number is this many times the value.
const FIXED_POINT_ONE: f32 = 65_536.0;
/// The maximum number of entries of a curve. lcms2 rejects longer curves.
const MAX_CURVE_ENTRIES: usize = 0x7fff;
/// The lengths of the input and output tables of the type `mft2` (ICC.1:2022, 10.10).
const TABLE_ENTRIES: std::ops::RangeInclusive<usize> = 2..=4096;
/// The length of the fixed part of the types `mAB ` and `mBA `.
const MULTI_STAGE_BYTES: usize = 32;
/// skcms reads up to this many bytes after the last grid entry. The bytes may belong to any part of the profile.
pub(super) const BYTES_AFTER_GRID: usize = 2;

/// Whether a transform is from device colors to the connection space, or the reverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    FromDevice,
    ToDevice,
}

/// Returns the three numbers of an XYZ element (10.31).
pub(super) fn xyz(data: &[u8]) -> Option<[f32; 3]> {
    let numbers = [fixed_point(data, 8)?, fixed_point(data, 12)?, fixed_point(data, 16)?];
    data.starts_with(b"XYZ ").then_some(numbers)
}

/// Whether the element is the matrix of a chromatic adaptation: nine numbers (10.22).
pub(super) fn is_adaptation(data: &[u8]) -> bool {
    data.starts_with(b"sf32") && data.len() >= 8 + 9 * 4
}

/// Whether the element contains code points (10.4).
pub(super) fn is_code_points(data: &[u8]) -> bool {
    data.starts_with(b"cicp") && data.len() >= 12
}

/// Returns the length of a curve in bytes (10.6 and 10.18), if a reader can use the curve.
pub(super) fn curve_length(data: &[u8]) -> Option<usize> {
    let length = match data.get(..4)? {
        b"curv" => {
            let entries = usize::try_from(number(data, 8)?).ok()?;
            // A single entry is an exponent in the format u8Fixed8Number. With the exponent 0, all colors would be white.
            let is_constant = entries == 1 && data.get(12..14)? == [0, 0];
            (entries <= MAX_CURVE_ENTRIES && !is_constant).then_some(12 + 2 * entries)?
        }
        b"para" => {
            let kind = usize::from(u16::from_be_bytes(data.get(8..10)?.try_into().ok()?));
            let count = *[1, 3, 4, 5, 7].get(kind)?;
            let parameters = (0..count).map(|index| fixed_point(data, 12 + 4 * index)).collect::<Option<Vec<_>>>()?;
            is_usable_function(kind, &parameters).then_some(12 + 4 * count)?
        }
        _ => return None,
    };
    (length <= data.len()).then_some(length)
}

/// Whether skcms accepts the parameters of a parametric curve (10.18, table 68): no parameter except the offsets is
/// negative, and no power has a negative base. The curve is `(ax + b)^g + e` from `d` on, and `cx + f` below `d`.
fn is_usable_function(kind: usize, parameters: &[f32]) -> bool {
    let (a, b, c, d) = match (kind, parameters) {
        (0, _) => (1.0, 0.0, 0.0, 0.0),
        // These kinds begin where the base is 0.
        (1 | 2, [_, a, b, ..]) => (*a, *b, 0.0, -b / a),
        (_, [_, a, b, c, d, ..]) => (*a, *b, *c, *d),
        _ => return false,
    };
    // skcms computes the base with or without a rounded product, depending on the processor.
    let bases = [a * d + b, a.mul_add(d, b)];
    parameters[0] > 0.0 && a >= 0.0 && c >= 0.0 && d >= 0.0 && bases.iter().all(|base| base.is_finite() && *base >= 0.0)
}

/// Whether a reader can use a lookup table for a device with this number of channels. `bytes_after` is the number of
/// bytes of the profile that follow the element.
pub(super) fn is_lookup_table(data: &[u8], channels: usize, direction: Direction, bytes_after: usize) -> bool {
    let (inputs, outputs) = match direction {
        Direction::FromDevice => (channels, 3),
        Direction::ToDevice => (3, channels),
    };
    let has_channels = data.get(8..10).is_some_and(|bytes| [inputs, outputs] == [bytes[0], bytes[1]].map(usize::from));
    let is_complete = match (data.get(..4), direction) {
        (Some(b"mft1"), _) => single_grid_length(data, inputs, outputs, 1),
        (Some(b"mft2"), _) => single_grid_length(data, inputs, outputs, 2),
        (Some(b"mAB "), Direction::FromDevice) | (Some(b"mBA "), Direction::ToDevice) => {
            multi_stage_length(data, inputs, outputs, direction, bytes_after)
        }
        _ => None,
    };
    has_channels && is_complete.is_some()
}

/// Checks the types `mft1` and `mft2` (10.10 and 10.11): tables for the inputs, a grid, tables for the outputs. Returns
/// the length in bytes.
fn single_grid_length(data: &[u8], inputs: usize, outputs: usize, entry_bytes: usize) -> Option<usize> {
    let (start, input_entries, output_entries) = if entry_bytes == 1 {
        (48, 256, 256)
    } else {
        let entries =
            |at: usize| data.get(at..at + 2).map(|bytes| usize::from(u16::from_be_bytes([bytes[0], bytes[1]])));
        (52, entries(48)?, entries(50)?)
    };
    let points = usize::from(*data.get(10)?);
    let grid = points.checked_pow(u32::try_from(inputs).ok()?)?.checked_mul(outputs)?;
    let entries = grid.checked_add(inputs * input_entries + outputs * output_entries)?;
    let length = entries.checked_mul(entry_bytes)?.checked_add(start)?;
    let is_complete = points >= 2
        && [input_entries, output_entries].iter().all(|entries| TABLE_ENTRIES.contains(entries))
        && length <= data.len();
    is_complete.then_some(length)
}

/// Checks the types `mAB ` and `mBA ` (10.12 and 10.13). Curves next to the connection space are required. A matrix and
/// its curves are optional together, and so are a grid and its curves. Returns the length in bytes.
fn multi_stage_length(
    data: &[u8],
    inputs: usize,
    outputs: usize,
    direction: Direction,
    bytes_after: usize,
) -> Option<usize> {
    let offset = |at: usize| usize::try_from(number(data, at)?).ok();
    let [b_curves, matrix, m_curves, grid, a_curves] =
        [offset(12)?, offset(16)?, offset(20)?, offset(24)?, offset(28)?];
    let device_channels = if direction == Direction::FromDevice { inputs } else { outputs };
    let is_start = |at: usize| at >= MULTI_STAGE_BYTES;
    let has_curves = |at: usize, count: usize| is_start(at) && are_curves(data, at, count);
    let has_matrix = if (matrix, m_curves) == (0, 0) {
        true
    } else {
        is_start(matrix) && data.get(matrix..)?.len() >= 12 * 4 && has_curves(m_curves, 3)
    };
    let has_grid = if (grid, a_curves) == (0, 0) {
        inputs == outputs
    } else {
        let length = grid_length(data.get(grid..)?, inputs, outputs)?;
        let rest = data.len().checked_sub(grid.checked_add(length)?)?;
        is_start(grid) && rest + bytes_after >= BYTES_AFTER_GRID && has_curves(a_curves, device_channels)
    };
    (has_curves(b_curves, 3) && has_matrix && has_grid).then_some(data.len())
}

/// Whether this number of curves starts at an offset, each padded to a multiple of 4 bytes.
fn are_curves(data: &[u8], mut at: usize, count: usize) -> bool {
    (0..count).all(|_| {
        let length = data.get(at..).and_then(curve_length);
        at += length.unwrap_or(0).next_multiple_of(4);
        length.is_some()
    })
}

/// Returns the length of a grid in bytes (10.12.3): 16 numbers of points, the bytes per entry, and the entries.
fn grid_length(data: &[u8], inputs: usize, outputs: usize) -> Option<usize> {
    let entry_bytes = usize::from(*data.get(16)?);
    let mut length = outputs.checked_mul(entry_bytes)?;
    for points in data.get(..inputs)? {
        length = length.checked_mul((*points >= 2).then_some(usize::from(*points))?)?;
    }
    matches!(entry_bytes, 1 | 2).then_some(length.checked_add(20)?)
}

/// Whether the element is a chain of floating-point elements from three to three channels (10.16). Only lcms2 reads such
/// a chain.
pub(super) fn is_float_chain(data: &[u8]) -> bool {
    let elements = || {
        let count = usize::try_from(number(data, 12)?).ok()?;
        let places = data.get(16..)?.as_chunks::<8>().0.get(..count)?;
        let is_complete = |place: &[u8; 8]| {
            let (start, length) = (usize::try_from(number(place, 0)?).ok()?, usize::try_from(number(place, 4)?).ok()?);
            let element = data.get(start..start.checked_add(length)?)?;
            matches!(element.get(..4)?, b"cvst" | b"matf" | b"clut" | b"bACS" | b"eACS").then_some(())
        };
        places.iter().map(is_complete).collect::<Option<Vec<_>>>()
    };
    data.starts_with(b"mpet") && data.get(8..12) == Some(&[0, 3, 0, 3]) && elements().is_some()
}

#[expect(clippy::cast_precision_loss, reason = "skcms also reads the number as a float of 32 bits")]
fn fixed_point(data: &[u8], at: usize) -> Option<f32> {
    Some(number(data, at)?.cast_signed() as f32 / FIXED_POINT_ONE)
}

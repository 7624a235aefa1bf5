//! Decodes an image up to the first damage, as Chromium does, which uses the same decoder.

use std::borrow::Cow;
use std::io::Cursor;

use png::{InterlaceInfo, Reader, splat_interlaced_row};

use super::{damaged, decoder_error};
use crate::Error;
use crate::damage::Damage;

/// How much of an image was decoded.
pub(super) struct DecodedRows {
    /// The number of rows from the top in which pixels were decoded. In an interlaced image, a pixel of an early pass
    /// represents the missing pixels around it.
    pub(super) visible: u32,
    pub(super) damage: Damage,
}

/// Decodes the rows of the next image up to the first error. `samples` contains zeros, and has the length of an image of
/// this size.
///
/// # Errors
/// The decoder's error, if there is no row before it.
pub(super) fn decode_rows(
    reader: &mut Reader<Cursor<Cow<'_, [u8]>>>,
    samples: &mut [u8],
    (width, height): (u32, u32),
) -> Result<DecodedRows, Error> {
    let stride = reader.output_line_size(width).ok_or_else(|| damaged("a row is too large for memory"))?;
    let (color, depth) = reader.output_color_type();
    let bits_per_pixel = u8::try_from(color.samples() * depth as usize).unwrap_or(u8::MAX);
    let (mut rows, mut is_interlaced) = (0_u32, false);
    let error = loop {
        match reader.next_interlaced_row() {
            Ok(Some(row)) => {
                match row.interlace() {
                    InterlaceInfo::Adam7(info) => {
                        is_interlaced = true;
                        splat_interlaced_row(samples, stride, row.data(), info, bits_per_pixel);
                    }
                    InterlaceInfo::Null(_) => {
                        let start = rows as usize * stride;
                        let to = samples.get_mut(start..start + stride);
                        to.ok_or_else(|| damaged("it has more rows than its height"))?.copy_from_slice(row.data());
                    }
                }
                rows += 1;
            }
            Ok(None) => break None,
            Err(error) => break Some(decoder_error(&error)),
        }
    };
    let message = match error {
        Some(error) if rows == 0 => return Err(error),
        Some(Error::Damaged { message, .. }) => message,
        Some(error) => return Err(error),
        None => "a checksum is wrong".into(),
    };
    if is_interlaced {
        let (passes, visible) = complete_passes(rows, (width, height));
        let damage =
            if passes == PASSES.len() { Damage::Reported(message) } else { Damage::Passes { complete: passes } };
        return Ok(DecodedRows { visible, damage });
    }
    let damage = match height - rows {
        0 => Damage::Reported(message),
        missing => Damage::Rows { missing, of: height },
    };
    Ok(DecodedRows { visible: rows, damage })
}

/// The first column, the first row, the distance of the columns and the distance of the rows in each pass (PNG
/// specification, third edition, 8.1).
const PASSES: [[u32; 4]; 7] =
    [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

/// Returns the number of complete passes, and the number of rows from the top that have pixels, if `decoded` rows of the
/// passes were decoded.
fn complete_passes(mut decoded: u32, (width, height): (u32, u32)) -> (usize, u32) {
    for (index, [left, top, _, row_step]) in PASSES.into_iter().enumerate() {
        let rows = if left < width { height.saturating_sub(top).div_ceil(row_step) } else { 0 };
        if decoded < rows {
            let visible = if index == 0 { (decoded * row_step).min(height) } else { height };
            return (index, visible);
        }
        decoded -= rows;
    }
    (PASSES.len(), height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_counted() {
        let passes = |decoded| complete_passes(decoded, (8, 16));
        assert_eq!([0, 1, 2, 3].map(passes), [(0, 0), (0, 8), (1, 16), (1, 16)]);
        assert_eq!([29, 30].map(passes), [(6, 16), (7, 16)]);
        // An image of one column has no pixels in the passes that begin at a later column.
        assert_eq!([1, 2, 3].map(|decoded| complete_passes(decoded, (1, 5))), [(2, 5), (4, 5), (6, 5)]);
    }
}

//! The data of derived items, which are made from other items.

use super::damaged;
use super::decoding_cost::DeclaredSize;
use crate::Error;
use avif::boxes::FieldReader;

/// A grid item (ISO/IEC 23008-12, 6.6.2.3).
pub(super) struct Grid {
    pub(super) cell_count: usize,
    pub(super) size: DeclaredSize,
    pub(super) data: Vec<u8>,
}

/// Reads the data of a grid item. Bytes after the last field are dropped.
pub(super) fn read_grid(data: &[u8]) -> Result<Grid, Error> {
    let mut fields = FieldReader { bytes: data, box_type: *b"grid" };
    let (version, flags) = (fields.u8()?, fields.u8()?);
    if version != 0 {
        return Err(damaged(&format!("unknown grid version {version}")));
    }
    let cell_count = (usize::from(fields.u8()?) + 1) * (usize::from(fields.u8()?) + 1);
    let is_wide = flags & 1 == 1;
    let size = DeclaredSize { width: fields.id(is_wide)?, height: fields.id(is_wide)? };
    Ok(Grid { cell_count, size, data: data[..data.len() - fields.bytes.len()].to_vec() })
}

/// Reads the gain map metadata of a `tmap` item (ISO 21496-1, C.2.2). Bytes after the last field are dropped. Returns
/// `None` if the version is unknown, or if a denominator or a gamma is 0.
pub(super) fn read_tone_map(data: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let mut fields = FieldReader { bytes: data, box_type: *b"tmap" };
    let (version, minimum, _writer) = (fields.u8()?, fields.u16()?, fields.u16()?);
    let flags = fields.u8()?;
    if version != 0 || minimum != 0 || flags & 0x3f != 0 {
        return Ok(None);
    }
    let channels = if flags & 0x80 == 0 { 1 } else { 3 };
    // The metadata contains two headrooms, then five numbers per channel. Each headroom and each number has a numerator
    // and a denominator.
    let numbers = fields.take(2 * 8 + channels * 5 * 8)?;
    let has_zero_denominator = numbers.chunks_exact(8).any(|fraction| fraction[4..] == [0; 4]);
    // The third number of each channel is its gamma.
    let has_zero_gamma = numbers[16..].chunks_exact(5 * 8).any(|channel| channel[16..20] == [0; 4]);
    if has_zero_denominator || has_zero_gamma {
        return Ok(None);
    }
    // The writer version is set to 0, the version that this module writes.
    Ok(Some([&[0, 0, 0, 0, 0, flags][..], numbers].concat()))
}

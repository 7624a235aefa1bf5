//! The data of items that are made of other items.

use super::boxes::Fields;
use super::claim::Claim;
use super::damaged;
use crate::Error;

/// A grid (ISO/IEC 23008-12, 6.6.2.3).
pub(super) struct Grid {
    pub(super) cells: usize,
    pub(super) claim: Claim,
    pub(super) data: Vec<u8>,
}

/// Reads a grid's data; what stands behind it is left out.
pub(super) fn grid(data: &[u8]) -> Result<Grid, Error> {
    let mut fields = Fields { bytes: data, name: *b"grid" };
    let (version, flags) = (fields.u8()?, fields.u8()?);
    if version != 0 {
        return Err(damaged(&format!("a grid of version {version}")));
    }
    let cells = (usize::from(fields.u8()?) + 1) * (usize::from(fields.u8()?) + 1);
    let is_wide = flags & 1 == 1;
    let claim = Claim { width: fields.id(is_wide)?, height: fields.id(is_wide)? };
    Ok(Grid { cells, claim, data: data[..data.len() - fields.bytes.len()].to_vec() })
}

/// Reads how a gain map is applied (ISO 21496-1, C.2.2); what stands behind it is left out. Nothing where the version is
/// not known.
pub(super) fn gain_map(data: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let mut fields = Fields { bytes: data, name: *b"tmap" };
    let (version, minimum, _writer) = (fields.u8()?, fields.u16()?, fields.u16()?);
    let flags = fields.u8()?;
    if version != 0 || minimum != 0 || flags & 0x3f != 0 {
        return Ok(None);
    }
    let channels = if flags & 0x80 == 0 { 1 } else { 3 };
    // Two headrooms, then five numbers a channel, each a numerator and a denominator.
    let numbers = fields.take(2 * 8 + channels * 5 * 8)?;
    // The writer's version is that of what is written here.
    Ok(Some([&[0, 0, 0, 0, 0, flags][..], numbers].concat()))
}

//! Decodes one HEVC picture (ITU-T H.265) with the parts of heifer-hevc-dec.
//!
//! Its own function `decode_picture` trusts the stream: it decodes parts that are repeated again and again, allocates memory
//! before it checks the size, and may panic if the slices of a picture have different parameter sets.

use heifer_hevc_dec::Error;
use heifer_hevc_dec::nal::{NalHeader, NalUnit, NalUnitType};
use heifer_hevc_dec::params::ParameterSets;
use heifer_hevc_dec::recon::{Frame, Reconstructor};
use heifer_hevc_dec::slice::SliceHeader;
use heifer_hevc_dec::syntax::{Picture, decode_slice_segment};
use heifer_isobmff::boxes::HevcConfig;

/// The maximum number of units of a picture. Encoders write fewer than ten.
const MAX_UNITS: usize = 4096;

/// Decodes the first picture. `sample` consists of units with their lengths. The picture, as it is coded, has at most
/// `max_pixels` pixels.
///
/// # Errors
/// [`Error`] if the picture is damaged, is not intra-coded, or is larger.
pub(super) fn decode(config: &HevcConfig, sample: &[u8], max_pixels: u64) -> Result<Frame, Error> {
    let stored = config.nal_units.iter().map(Vec::as_slice);
    let units: Vec<&[u8]> = stored.chain(split_units(config, sample)?).collect();
    if units.len() > MAX_UNITS {
        return Err(Error::Invalid("the picture has too many units"));
    }
    let is_slice = |unit: &&&[u8]| NalHeader::parse(unit).is_ok_and(|header| header.unit_type.is_slice());
    let first_slice =
        units.iter().position(|unit| is_slice(&unit)).ok_or(Error::Invalid("the picture has no slice"))?;
    let (sets, slices) = units.split_at(first_slice);
    let sets = read_parameter_sets(sets, max_pixels)?;
    let mut picture: Option<(u8, Picture<'_>, Reconstructor<'_>)> = None;
    let mut previous: Option<SliceHeader> = None;
    for unit in slices.iter().filter(is_slice) {
        let unit = NalUnit::parse(unit)?;
        // The first bit means that another picture begins.
        let is_first = unit.rbsp.first().is_some_and(|byte| byte & 0x80 != 0);
        // Other layers contain other views or other resolutions.
        if unit.header.layer_id != 0 || (is_first && picture.is_some()) {
            break;
        }
        let header = SliceHeader::parse(&unit.rbsp, &unit.header, &sets, previous.as_ref())?;
        let id = header.slice_pic_parameter_set_id;
        let (pps, sps) = sets.get(usize::from(id))?;
        let (first_id, decoded, reconstructor) =
            picture.get_or_insert_with(|| (id, Picture::new(sps, pps), Reconstructor::new(sps, pps)));
        if *first_id != id {
            return Err(Error::Invalid("the slices of a picture have different parameter sets"));
        }
        reconstructor.start_slice(&header);
        let data = unit.rbsp.get(header.header_size..).ok_or(Error::UnexpectedEof)?;
        decode_slice_segment(decoded, &header, header.slice_qp_y(&sets)?, data, reconstructor)?;
        if let Some(error) = reconstructor.error.take() {
            return Err(error);
        }
        if decoded.decoded_ctbs > decoded.layout.width * decoded.layout.height {
            return Err(Error::Invalid("the picture has blocks that are coded twice"));
        }
        if !header.dependent_slice_segment_flag {
            previous = Some(header);
        }
    }
    let (_, picture, reconstructor) = picture.ok_or(Error::Invalid("the picture has no slice"))?;
    if !picture.is_complete() {
        return Err(Error::Invalid("the picture is incomplete"));
    }
    let sps = picture.sps;
    let frame = reconstructor.finish(false);
    Ok(if sps.conf_win_offsets == [0; 4] { frame } else { frame.cropped(sps) })
}

/// Reads the parameter sets before the first slice. Checks the size of the picture before heifer allocates memory for it.
fn read_parameter_sets(units: &[&[u8]], max_pixels: u64) -> Result<ParameterSets, Error> {
    let mut sets = ParameterSets::default();
    for unit in units {
        let unit = NalUnit::parse(unit)?;
        if unit.header.layer_id != 0 {
            continue;
        }
        sets.add(&unit)?;
        if unit.header.unit_type == NalUnitType::Sps {
            // A picture parameter set depends on the sequence parameter set before it.
            sets.pps.clear();
            let pixels = |width: u32, height: u32| u64::from(width) * u64::from(height);
            let is_larger = sets
                .sps
                .iter()
                .flatten()
                .any(|sps| pixels(sps.pic_width_in_luma_samples, sps.pic_height_in_luma_samples) > max_pixels);
            if is_larger {
                return Err(Error::Invalid("the picture is larger than its description"));
            }
        }
    }
    Ok(sets)
}

/// Splits a sample into its units. An error means that the sample ends within a unit.
fn split_units<'sample>(config: &HevcConfig, mut sample: &'sample [u8]) -> Result<Vec<&'sample [u8]>, Error> {
    let mut units = vec![];
    while !sample.is_empty() {
        let (length, rest) = sample.split_at_checked(config.nal_length_size.into()).ok_or(Error::UnexpectedEof)?;
        let length = length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
        let (unit, rest) = rest.split_at_checked(length).ok_or(Error::UnexpectedEof)?;
        if units.len() > MAX_UNITS {
            return Err(Error::Invalid("the picture has too many units"));
        }
        units.push(unit);
        sample = rest;
    }
    Ok(units)
}

/// The color description in the sequence parameter set of a configuration.
pub(super) fn read_sequence_parameters(config: &HevcConfig) -> ParameterSets {
    let mut sets = ParameterSets::default();
    for unit in &config.nal_units {
        // Damaged parameter sets are reported when the picture is decoded. A picture parameter set is not needed.
        if let Ok(unit) = NalUnit::parse(unit)
            && unit.header.unit_type == NalUnitType::Sps
        {
            let _ = sets.add(&unit);
        }
    }
    sets
}

//! Gain map metadata of ISO 21496-1: binary numbers in a segment of the gain map's JPEG.

use avif::{GainMapChannel, GainMapMetadata, SignedFraction, UnsignedFraction};

/// The identifier of the segment.
pub(crate) const SEGMENT_NAME: &[u8] = b"urn:iso:std:iso:ts:21496:-1\0";

const MULTICHANNEL_FLAG: u8 = 0x80;
const BASE_COLORS_FLAG: u8 = 0x40;
/// This flag means that all numbers have one common denominator. The standard does not define this flag, but
/// libultrahdr writes it.
const COMMON_DENOMINATOR_FLAG: u8 = 0x08;
/// This flag means that the gain map must be applied in the opposite direction. Only libultrahdr defines this flag. No
/// file with this flag is known.
const BACKWARD_FLAG: u8 = 0x04;

/// Reads the data that follows the identifier in the segment. Returns `None` if the data is not complete: in the base
/// image of a file with a gain map, the segment contains only a version.
pub(super) fn read_metadata(data: &[u8]) -> Option<GainMapMetadata> {
    let mut fields = FieldReader { rest: data, common_denominator: None };
    // The fields are the minimum version that a reader must support, the version of the writer, and the flags.
    let &[0, 0, _, _, flags] = fields.take()? else { return None };
    if flags & BACKWARD_FLAG != 0 {
        return None;
    }
    if flags & COMMON_DENOMINATOR_FLAG != 0 {
        fields.common_denominator = Some(fields.u32()?);
    }
    let (base_headroom, alternate_headroom) = (fields.unsigned()?, fields.unsigned()?);
    let first = fields.channel()?;
    let channels =
        if flags & MULTICHANNEL_FLAG == 0 { [first; 3] } else { [first, fields.channel()?, fields.channel()?] };
    Some(GainMapMetadata {
        channels,
        base_headroom,
        alternate_headroom,
        uses_base_color_space: flags & BASE_COLORS_FLAG != 0,
    })
}

struct FieldReader<'data> {
    rest: &'data [u8],
    /// The denominator of all numbers, if they have a common denominator.
    common_denominator: Option<u32>,
}

impl FieldReader<'_> {
    fn take<const COUNT: usize>(&mut self) -> Option<&[u8; COUNT]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().copied().map(u32::from_be_bytes)
    }

    fn unsigned(&mut self) -> Option<UnsignedFraction> {
        Some((
            self.u32()?,
            match self.common_denominator {
                Some(denominator) => denominator,
                None => self.u32()?,
            },
        ))
    }

    fn signed(&mut self) -> Option<SignedFraction> {
        self.unsigned().map(|(over, under)| (over.cast_signed(), under))
    }

    fn channel(&mut self) -> Option<GainMapChannel> {
        Some(GainMapChannel {
            min: self.signed()?,
            max: self.signed()?,
            gamma: self.unsigned()?,
            base_offset: self.signed()?,
            alternate_offset: self.signed()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbers: &[i32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    #[test]
    fn single_channel_applies_to_all_channels_and_common_denominator_to_all_numbers() {
        let long = [&[0, 0, 0, 0, 0x40], &*numbers(&[0, 9, 12, 9, -3, 9, 18, 9, 9, 9, 1, 9, 2, 9])].concat();
        let short = [&[0, 0, 0, 0, 0x48], &*numbers(&[9, 0, 12, -3, 18, 9, 1, 2])].concat();
        let channel =
            GainMapChannel { min: (-3, 9), max: (18, 9), gamma: (9, 9), base_offset: (1, 9), alternate_offset: (2, 9) };
        let expected = GainMapMetadata {
            channels: [channel; 3],
            base_headroom: (0, 9),
            alternate_headroom: (12, 9),
            uses_base_color_space: true,
        };
        assert_eq!([read_metadata(&long), read_metadata(&short)], [Some(expected); 2]);
        for data in [long, short] {
            for end in 0..data.len() {
                assert_eq!(read_metadata(&data[..end]), None);
            }
        }
    }

    #[test]
    fn each_of_three_channels_has_its_own_numbers() {
        let channels: Vec<i32> = (0..30).collect();
        let data = [&[0, 0, 0, 0, 0x80], &*numbers(&[0, 1, 2, 1]), &*numbers(&channels)].concat();
        let gain = read_metadata(&data).unwrap();
        assert_eq!(gain.channels.map(|channel| channel.max), [(2, 3), (12, 13), (22, 23)]);
        assert!(!gain.uses_base_color_space);
    }
}

//! Gain map metadata as ISO 21496-1 has it in a JPEG: numbers in a segment of the map's own.

use avif::{GainMapChannel, GainMapMetadata, SignedFraction, UnsignedFraction};

/// The segment's name.
pub(super) const NAME: &[u8] = b"urn:iso:std:iso:ts:21496:-1\0";

const MANY_CHANNELS: u8 = 0x80;
const IN_BASE_COLORS: u8 = 0x40;
/// Not the standard's, but libultrahdr's: one denominator for all.
const ONE_DENOMINATOR: u8 = 0x08;
/// libultrahdr's, too: the map is to be applied the other way round. No file is known to have it.
const BACKWARD: u8 = 0x04;

/// What follows the name; nothing where that is but the version, by which the first picture says that there is a map.
pub(super) fn gain(data: &[u8]) -> Option<GainMapMetadata> {
    let mut fields = Fields { rest: data, one: None };
    // The least version that a reader must know, and the writer's.
    let &[0, 0, _, _, flags] = fields.take()? else { return None };
    if flags & BACKWARD != 0 {
        return None;
    }
    if flags & ONE_DENOMINATOR != 0 {
        fields.one = Some(fields.number()?);
    }
    let (base_headroom, alternate_headroom) = (fields.unsigned()?, fields.unsigned()?);
    let first = fields.channel()?;
    let channels = if flags & MANY_CHANNELS == 0 { [first; 3] } else { [first, fields.channel()?, fields.channel()?] };
    Some(GainMapMetadata {
        channels,
        base_headroom,
        alternate_headroom,
        uses_base_color_space: flags & IN_BASE_COLORS != 0,
    })
}

struct Fields<'data> {
    rest: &'data [u8],
    /// The denominator, where it is one for all.
    one: Option<u32>,
}

impl Fields<'_> {
    fn take<const COUNT: usize>(&mut self) -> Option<&[u8; COUNT]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().copied().map(u32::from_be_bytes)
    }

    fn unsigned(&mut self) -> Option<UnsignedFraction> {
        Some((
            self.number()?,
            match self.one {
                Some(denominator) => denominator,
                None => self.number()?,
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
    fn one_channel_stands_for_three_and_one_denominator_for_all() {
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
        assert_eq!([gain(&long), gain(&short)], [Some(expected); 2]);
        for data in [long, short] {
            for end in 0..data.len() {
                assert_eq!(gain(&data[..end]), None);
            }
        }
    }

    #[test]
    fn three_channels_are_told_apart() {
        let channels: Vec<i32> = (0..30).collect();
        let data = [&[0, 0, 0, 0, 0x80], &*numbers(&[0, 1, 2, 1]), &*numbers(&channels)].concat();
        let gain = gain(&data).unwrap();
        assert_eq!(gain.channels.map(|channel| channel.max), [(2, 3), (12, 13), (22, 23)]);
        assert!(!gain.uses_base_color_space);
    }
}

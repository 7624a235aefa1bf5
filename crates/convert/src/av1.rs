//! How large the frames of AV1 data may be, before a decoder makes room for them: libaom asks nobody's limit.

/// The pixels of the largest frame that the data's sequence headers allow (AV1 specification, 5.5.1).
pub(crate) fn largest_frame(data: &[u8]) -> u64 {
    units(data).filter_map(sequence_header).max().unwrap_or(0)
}

/// The payloads of the sequence headers among the data's units (5.3).
fn units(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    const SEQUENCE_HEADER: u8 = 1;
    std::iter::from_fn(move || {
        loop {
            let (header, rest) = data.split_first()?;
            let rest = rest.get(usize::from(header >> 2 & 1)..)?;
            let (size, rest) = if header & 2 == 0 { (rest.len(), rest) } else { leb128(rest)? };
            let (payload, behind) = rest.split_at_checked(size)?;
            data = behind;
            if header >> 3 & 15 == SEQUENCE_HEADER {
                return Some(payload);
            }
        }
    })
}

/// A number in groups of seven bits, the lowest first (4.10.5), and what follows it.
fn leb128(data: &[u8]) -> Option<(usize, &[u8])> {
    let length = data.iter().take(8).position(|byte| byte & 0x80 == 0)? + 1;
    let (bytes, rest) = data.split_at(length);
    let number = bytes.iter().rev().fold(0_u64, |number, byte| number << 7 | u64::from(byte & 0x7f));
    Some((usize::try_from(number).ok()?, rest))
}

fn sequence_header(payload: &[u8]) -> Option<u64> {
    let mut bits = Bits { data: payload, at: 0 };
    // Profile, and whether it is a still picture.
    bits.read(4)?;
    if bits.read(1)? == 1 {
        // The level.
        bits.read(5)?;
    } else {
        operating_points(&mut bits)?;
    }
    let (width_bits, height_bits) = (bits.read(4)? + 1, bits.read(4)? + 1);
    Some((bits.read(width_bits)? + 1) * (bits.read(height_bits)? + 1))
}

/// What stands between the header's beginning and its dimensions where it is not reduced to what a still picture needs.
fn operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    if bits.read(1)? == 1 {
        // Timing: the display's ticks, and how many of them a picture takes where all take as many.
        bits.read(64)?;
        if bits.read(1)? == 1 {
            bits.skip_variable()?;
        }
        if bits.read(1)? == 1 {
            // The decoder's model: the length of its delays, its ticks, and two more lengths.
            delay_bits = Some(bits.read(5)? + 1);
            bits.read(42)?;
        }
    }
    let has_display_delays = bits.read(1)? == 1;
    for _ in 0..=bits.read(5)? {
        bits.read(12)?;
        // From this level on there are two tiers.
        if bits.read(5)? > 7 {
            bits.read(1)?;
        }
        if let Some(delay) = delay_bits
            && bits.read(1)? == 1
        {
            bits.read(delay)?;
            bits.read(delay + 1)?;
        }
        if has_display_delays && bits.read(1)? == 1 {
            bits.read(4)?;
        }
    }
    Some(())
}

/// Bits, the highest of each byte first.
struct Bits<'data> {
    data: &'data [u8],
    at: usize,
}

impl Bits<'_> {
    /// A number of so many bits, 64 at most.
    fn read(&mut self, bits: u64) -> Option<u64> {
        (0..bits).try_fold(0, |number, _| {
            let byte = self.data.get(self.at / 8)?;
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(number << 1 | u64::from(bit))
        })
    }

    /// As many zeros as there are bits behind the one that ends them (4.10.3).
    fn skip_variable(&mut self) -> Option<()> {
        let mut zeros = 0;
        while self.read(1)? == 0 {
            zeros += 1;
        }
        // 32 of them stand for the highest number, and nothing follows.
        if zeros < 32 { self.read(zeros).map(|_| ()) } else { Some(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields and their widths in bits.
    fn packed(fields: &[(u64, u32)]) -> Vec<u8> {
        let bits: Vec<u8> = fields
            .iter()
            .flat_map(|&(value, bits)| (0..bits).rev().map(move |bit| u8::try_from(value >> bit & 1).unwrap()))
            .collect();
        bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |sum, (at, bit)| sum | bit << (7 - at))).collect()
    }

    fn unit(payload: &[u8]) -> Vec<u8> {
        [&[0x0a, u8::try_from(payload.len()).unwrap()], payload].concat()
    }

    const SIZE: [(u64, u32); 4] = [(11, 4), (9, 4), (3999, 12), (999, 10)];

    #[test]
    fn a_still_pictures_reduced_header_is_read() {
        let data = unit(&packed(&[&[(0, 3), (1, 1), (1, 1), (8, 5)][..], &SIZE].concat()));
        assert_eq!(largest_frame(&data), 4_000_000);
        // Behind a temporal delimiter, and without a size of its own.
        let bare = [&[0x12, 0, 0x08], &data[2..]].concat();
        assert_eq!(largest_frame(&bare), 4_000_000);
        assert_eq!(largest_frame(&data[..6]), 0);
    }

    #[test]
    fn a_whole_header_is_read_with_all_that_it_may_have() {
        let timing = [(1, 1), (1, 32), (30, 32), (1, 1), (1, 3), (2, 2)];
        let model = [(1, 1), (9, 5), (1, 32), (0, 10)];
        let point = [(0, 12), (9, 5), (1, 1), (1, 1), (5, 10), (6, 10), (1, 1), (1, 1), (3, 4)];
        let fields =
            [&[(0, 3), (0, 1), (0, 1)][..], &timing, &model, &[(1, 1), (1, 5)], &point, &point, &SIZE].concat();
        assert_eq!(largest_frame(&unit(&packed(&fields))), 4_000_000);
        let plain = [&[(0, 3), (0, 1), (0, 1), (0, 1), (0, 1), (0, 5), (0, 12), (4, 5)][..], &SIZE].concat();
        assert_eq!(largest_frame(&[unit(&packed(&plain)), unit(&[0; 4])].concat()), 4_000_000);
    }
}

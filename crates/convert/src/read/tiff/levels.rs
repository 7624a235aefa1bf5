//! Converts the samples of a row to levels.

use half::f16;
use tiff::tags::ByteOrder;

use crate::read::tiff::samples::SampleKind;

/// How samples become levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Samples of 1 to 8 bits become 0 to 255, and all other samples become 0 to 65,535. Floating-point numbers from 0
    /// to 1 become 0 to 65,535; other numbers are clamped.
    Full,
    /// Samples of up to 16 bits stay unchanged.
    Unchanged,
}

/// The samples of a row.
#[derive(Clone, Copy)]
pub(super) struct SampleRow<'row> {
    pub(super) bytes: &'row [u8],
    pub(super) kind: SampleKind,
    pub(super) byte_order: ByteOrder,
    /// The number of samples of a pixel in the row.
    pub(super) stride: usize,
}

impl SampleRow<'_> {
    /// Writes the level of the sample `index` of each pixel to the position `channel` of each pixel of `levels`, which has
    /// this number of channels.
    pub(super) fn unpack(self, index: usize, scale: Scale, levels: &mut [u16], channel: usize, channels: usize) {
        let targets = levels.iter_mut().skip(channel).step_by(channels);
        match self.kind {
            SampleKind::Unsigned(8) => {
                let samples = self.bytes.iter().skip(index).step_by(self.stride);
                targets.zip(samples).for_each(|(level, sample)| *level = (*sample).into());
            }
            SampleKind::Unsigned(16) => self.each::<2>(index, targets, u16::from_le_bytes),
            SampleKind::Unsigned(24) => self.each::<3>(index, targets, |[_, b, c]| u16::from_le_bytes([b, c])),
            SampleKind::Unsigned(32) => self.each::<4>(index, targets, |[_, _, c, d]| u16::from_le_bytes([c, d])),
            SampleKind::Unsigned(64) => {
                self.each::<8>(index, targets, |[.., g, h]| u16::from_le_bytes([g, h]));
            }
            SampleKind::Unsigned(bits) => {
                let max = (1_u32 << bits) - 1;
                let full = if bits <= 8 { 255 } else { 65_535 };
                for (at, level) in targets.enumerate() {
                    let sample = read_bits(self.bytes, (at * self.stride + index) * usize::from(bits), bits);
                    *level = match scale {
                        Scale::Unchanged => sample,
                        Scale::Full => low_half((u32::from(sample) * full + max / 2) / max),
                    };
                }
            }
            SampleKind::Signed(bits) => {
                let unsigned = Self { kind: SampleKind::Unsigned(bits), ..self };
                unsigned.unpack(index, scale, levels, channel, channels);
                // The highest bit is the sign.
                let sign = if bits > 8 { 0x8000 } else { 0x80 };
                levels.iter_mut().skip(channel).step_by(channels).for_each(|level| *level ^= sign);
            }
            SampleKind::Float(16) => {
                self.each::<2>(index, targets, |bytes| float_level(f16::from_le_bytes(bytes).to_f32()));
            }
            SampleKind::Float(32) => self.each::<4>(index, targets, |bytes| float_level(f32::from_le_bytes(bytes))),
            #[expect(clippy::cast_possible_truncation, reason = "a level needs few digits")]
            SampleKind::Float(_) => {
                self.each::<8>(index, targets, |bytes| float_level(f64::from_le_bytes(bytes) as f32));
            }
        }
    }

    /// Converts samples of whole bytes, in little-endian order.
    fn each<'level, const BYTES: usize>(
        self,
        index: usize,
        levels: impl Iterator<Item = &'level mut u16>,
        to_level: impl Fn([u8; BYTES]) -> u16,
    ) {
        let samples = self.bytes.as_chunks::<BYTES>().0.iter().skip(index).step_by(self.stride);
        for (level, sample) in levels.zip(samples) {
            let mut sample = *sample;
            if self.byte_order == ByteOrder::BigEndian {
                sample.reverse();
            }
            *level = to_level(sample);
        }
    }
}

/// Reads up to 16 bits, the highest bit first. Bits after the end are 0.
fn read_bits(bytes: &[u8], position: usize, count: u16) -> u16 {
    let byte = |offset: usize| u32::from(bytes.get(position / 8 + offset).copied().unwrap_or(0));
    let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    let shifted = bits << (8 + position % 8);
    low_half(shifted >> (32 - u32::from(count)))
}

fn low_half(number: u32) -> u16 {
    let [low, high, ..] = number.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// Converts 0 to 1 to a level of 16 bits. NaN becomes 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, and NaN becomes 0")]
fn float_level(number: f32) -> u16 {
    (number * 65_535.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(bytes: &[u8], kind: SampleKind, byte_order: ByteOrder, count: usize) -> Vec<u16> {
        let mut levels = vec![0; count];
        SampleRow { bytes, kind, byte_order, stride: 1 }.unpack(0, Scale::Full, &mut levels, 0, 1);
        levels
    }

    #[test]
    fn packed_bits_become_full_levels() {
        use ByteOrder::LittleEndian;
        assert_eq!(levels(&[0b1010_0000], SampleKind::Unsigned(1), LittleEndian, 4), [255, 0, 255, 0]);
        assert_eq!(levels(&[0b0001_1011], SampleKind::Unsigned(2), LittleEndian, 4), [0, 85, 170, 255]);
        assert_eq!(levels(&[0x0f, 0x80], SampleKind::Unsigned(4), LittleEndian, 3), [0, 255, 136]);
        assert_eq!(levels(&[0b0000_0111, 0b1000_0000], SampleKind::Unsigned(5), LittleEndian, 2), [0, 247]);
        // 12 bits are packed from the highest bit on in either byte order.
        let bytes = [0xff, 0xf0, 0x00, 0x80, 0x00];
        assert_eq!(levels(&bytes, SampleKind::Unsigned(12), LittleEndian, 3), [65_535, 0, 32_776]);
        assert_eq!(levels(&bytes, SampleKind::Unsigned(12), ByteOrder::BigEndian, 3), [65_535, 0, 32_776]);
    }

    #[test]
    fn wide_integers_keep_their_highest_bits_in_both_byte_orders() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        for (kind, little, big) in
            [(16, 0x0201, 0x0102), (24, 0x0302, 0x0102), (32, 0x0403, 0x0102), (64, 0x0807, 0x0102)]
        {
            let kind = SampleKind::Unsigned(kind);
            assert_eq!(levels(&bytes, kind, ByteOrder::LittleEndian, 1), [little]);
            assert_eq!(levels(&bytes, kind, ByteOrder::BigEndian, 1), [big]);
        }
    }

    #[test]
    fn signed_integers_become_levels_from_the_lowest_to_the_highest_number() {
        let eight = [i8::MIN, -1, 0, i8::MAX].map(|number| number.to_le_bytes()[0]);
        assert_eq!(levels(&eight, SampleKind::Signed(8), ByteOrder::LittleEndian, 4), [0, 127, 128, 255]);
        let sixteen = [i16::MIN, -1, 0, i16::MAX].map(i16::to_be_bytes).concat();
        assert_eq!(levels(&sixteen, SampleKind::Signed(16), ByteOrder::BigEndian, 4), [0, 32_767, 32_768, 65_535]);
        for (bits, lowest) in [(24, &[0, 0, 0x80][..]), (32, &[0, 0, 0, 0x80]), (64, &[0, 0, 0, 0, 0, 0, 0, 0x80])] {
            assert_eq!(levels(lowest, SampleKind::Signed(bits), ByteOrder::LittleEndian, 1), [0], "{bits} bits");
            let zero = vec![0; lowest.len()];
            assert_eq!(levels(&zero, SampleKind::Signed(bits), ByteOrder::LittleEndian, 1), [32_768], "{bits} bits");
        }
    }

    #[test]
    fn floats_are_clamped_to_zero_and_one() {
        let bytes: Vec<u8> = [0.0_f32, 0.5, 1.0, -1.0, 7.0, f32::NAN].into_iter().flat_map(f32::to_be_bytes).collect();
        let actual = levels(&bytes, SampleKind::Float(32), ByteOrder::BigEndian, 6);
        assert_eq!(actual, [0, 32_768, 65_535, 0, 65_535, 0]);
        let halves: Vec<u8> =
            [0x3800_u16, 0x3c00, 0xbc00, 0x7c00, 0x0001].into_iter().flat_map(u16::to_le_bytes).collect();
        let actual = levels(&halves, SampleKind::Float(16), ByteOrder::LittleEndian, 5);
        assert_eq!(actual, [32_768, 65_535, 0, 65_535, 0]);
        assert_eq!(levels(&0.25_f64.to_le_bytes(), SampleKind::Float(64), ByteOrder::LittleEndian, 1), [16_384]);
    }
}

//! Color masks: which bits of a pixel belong to which channel.

use super::damaged;
use crate::Error;

/// The masks of a bitmap. An empty alpha mask means that the pixels are opaque.
pub(super) struct Masks {
    /// Red, green and blue.
    pub(super) colors: [u32; 3],
    pub(super) alpha: u32,
}

impl Masks {
    /// The masks of a bitmap without masks (`BI_RGB`): five bits per color in pixels of 16 bits, otherwise eight.
    pub(super) fn of_uncompressed(bits_per_pixel: u32) -> Self {
        let colors = if bits_per_pixel == 16 { [0x7c00, 0x3e0, 0x1f] } else { [0x00ff_0000, 0xff00, 0xff] };
        Self { colors, alpha: 0 }
    }

    /// Checks the masks. Bits beyond the pixel are ignored.
    ///
    /// # Errors
    /// [`Error::Damaged`] if masks overlap or have gaps, as in Chromium.
    pub(super) fn channels(&self, bits_per_pixel: u32) -> Result<[Channel; 4], Error> {
        let within = u32::MAX.checked_shr(32_u32.saturating_sub(bits_per_pixel)).unwrap_or(0);
        let [red, green, blue] = self.colors;
        let masks = [red, green, blue, self.alpha].map(|mask| mask & within);
        let sum: u64 = masks.iter().map(|&mask| u64::from(mask)).sum();
        if sum != u64::from(masks.iter().fold(0, |all, mask| all | mask)) {
            return Err(damaged("its color masks overlap"));
        }
        let channels = masks.map(Channel::new);
        let [Some(red), Some(green), Some(blue), Some(alpha)] = channels else {
            return Err(damaged("a color mask has a gap"));
        };
        Ok([red, green, blue, alpha])
    }
}

/// The position and number of the bits of a channel. Only the highest eight bits are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Channel {
    shift: u32,
    bits: u32,
}

impl Channel {
    /// Returns `None` if the bits are not adjacent.
    fn new(mask: u32) -> Option<Self> {
        let (low, bits) = (mask.trailing_zeros() % 32, mask.count_ones());
        let is_adjacent = (mask >> low).trailing_ones() == bits;
        let used = bits.min(8);
        is_adjacent.then_some(Self { shift: low + bits - used, bits: used })
    }

    pub(super) fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Returns the level of the channel in a pixel, from 0 to 255. The level of an empty channel is 0.
    pub(super) fn level(self, pixel: u32) -> u8 {
        let max = (1 << self.bits) - 1;
        let level = pixel.checked_shr(self.shift).unwrap_or(0) & max;
        u8::try_from((level * 255 + max / 2).checked_div(max).unwrap_or(0)).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_scaled_to_eight_bits() {
        let level = |mask, pixel| Channel::new(mask).unwrap().level(pixel);
        assert_eq!([0, 1, 3, 30, 31].map(|pixel| level(0x1f, pixel)), [0, 8, 25, 247, 255]);
        assert_eq!(level(0x3ff0_0000, 0x2aa0_0000), 0xaa, "the lowest two of ten bits are omitted");
        assert_eq!([0, 1].map(|pixel| level(0x8000, pixel << 15)), [0, 255]);
        assert_eq!(level(0, u32::MAX), 0);
        assert_eq!(level(u32::MAX, 0x1234_5678), 0x12);
        assert_eq!(Channel::new(0b101), None);
    }
}

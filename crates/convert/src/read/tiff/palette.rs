//! Palette colors (TIFF 6.0, section 5).

use tiff::tags::Tag;

use crate::Error;
use crate::read::tiff::damaged;
use crate::read::tiff::directory::Directory;

/// The color of each index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Palette {
    /// Levels of red, green and blue; 0 to 65,535 if the palette is deep, else 0 to 255.
    pub(super) colors: Vec<[u16; 3]>,
    /// Whether the levels need 16 bits.
    pub(super) is_deep: bool,
}

impl Palette {
    /// Reads `ColorMap` for indexes with this number of bits. It contains all levels of red, then green, then blue.
    pub(super) fn read(directory: &mut Directory<'_>, bits: u16) -> Result<Self, Error> {
        let levels = directory.numbers::<u16>(Tag::ColorMap)?.ok_or_else(|| damaged("its palette has no ColorMap"))?;
        let count = 1_usize << bits;
        if levels.len() != 3 * count {
            return Err(damaged(format!("its ColorMap has {} values instead of {}", levels.len(), 3 * count)));
        }
        let (red, rest) = levels.split_at(count);
        let (green, blue) = rest.split_at(count);
        let colors = red.iter().zip(green).zip(blue).map(|((red, green), blue)| [*red, *green, *blue]).collect();
        Ok(Self::new(colors))
    }

    fn new(mut colors: Vec<[u16; 3]>) -> Self {
        let levels = || colors.as_flattened().iter();
        // Some writers store levels of 8 bits (libtiff, `checkcmap`).
        if levels().all(|level| *level < 256) {
            return Self { colors, is_deep: false };
        }
        // Writers expand 8 bits to 16 by repeating them or by appending zeros.
        let is_deep = !levels().all(|level| level % 256 == 0) && !levels().all(|level| level % 257 == 0);
        if !is_deep {
            colors.as_flattened_mut().iter_mut().for_each(|level| *level >>= 8);
        }
        Self { colors, is_deep }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palette_has_8_bits_unless_its_levels_need_16() {
        let palette = |levels: [u16; 3]| Palette::new(vec![levels]);
        let eight = |levels| Palette { colors: vec![levels], is_deep: false };
        assert_eq!(palette([0, 128 * 257, 65_535]), eight([0, 128, 255]));
        assert_eq!(palette([0, 128 << 8, 255 << 8]), eight([0, 128, 255]));
        assert_eq!(palette([0, 128, 255]), eight([0, 128, 255]));
        assert_eq!(palette([0, 128, 256]), Palette { colors: vec![[0, 128, 256]], is_deep: true });
    }
}

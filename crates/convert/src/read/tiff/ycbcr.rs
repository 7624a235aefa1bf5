//! Luma and chroma (TIFF 6.0, sections 20 and 21).

use crate::Error;
use crate::read::tiff::directory::Directory;

/// The conversion of luma and chroma of 8 bits to RGB.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct YCbCrConversion {
    /// The shares of red, green and blue in luma.
    coefficients: [f32; 3],
    /// Luma, 0 to 255 without footroom and headroom, for each sample.
    luma: Box<[f32; 256]>,
    /// Chroma, about -127 to 127, for each sample of Cb and of Cr.
    chroma: [Box<[f32; 256]>; 2],
}

impl YCbCrConversion {
    pub(super) fn read(directory: &mut Directory<'_>) -> Result<Self, Error> {
        let [y, cb, cr] = directory.reference_black_white()?;
        Ok(Self {
            coefficients: directory.ycbcr_coefficients()?,
            luma: full_range(y, 255.0),
            chroma: [full_range(cb, 127.0), full_range(cr, 127.0)],
        })
    }

    pub(super) fn to_rgb(&self, [y, cb, cr]: [u16; 3]) -> [u16; 3] {
        let at = |table: &[f32; 256], sample: u16| table[usize::from(sample.to_le_bytes()[0])];
        let [red_share, green_share, blue_share] = self.coefficients;
        let y = at(&self.luma, y);
        let red = y + at(&self.chroma[1], cr) * (2.0 - 2.0 * red_share);
        let blue = y + at(&self.chroma[0], cb) * (2.0 - 2.0 * blue_share);
        let green = (y - blue_share * blue - red_share * red) / green_share;
        [red, green, blue].map(level)
    }
}

/// Returns the value of each sample: 0 for the lowest or neutral sample, and `highest` for the highest sample.
fn full_range([lowest, highest_sample]: [f32; 2], highest: f32) -> Box<[f32; 256]> {
    let mut table = Box::new([0.0; 256]);
    for (sample, value) in (0_u8..=255).zip(table.iter_mut()) {
        *value = (f32::from(sample) - lowest) * highest / (highest_sample - lowest);
    }
    table
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn level(value: f32) -> u16 {
    (value.round() as u8).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversion(coefficients: [f32; 3], y: [f32; 2], chroma: [f32; 2]) -> YCbCrConversion {
        let chroma = full_range(chroma, 127.0);
        YCbCrConversion { coefficients, luma: full_range(y, 255.0), chroma: [chroma.clone(), chroma] }
    }

    #[test]
    fn luma_and_chroma_are_converted_with_the_coefficients_and_ranges() {
        // JFIF, page 3: R = Y + 1.402 (Cr - 128), B = Y + 1.772 (Cb - 128).
        let jfif = conversion([0.299, 0.587, 0.114], [0.0, 255.0], [128.0, 255.0]);
        assert_eq!(jfif.to_rgb([100, 128, 128]), [100, 100, 100]);
        assert_eq!(jfif.to_rgb([100, 178, 128]), [100, 83, 189]);
        assert_eq!(jfif.to_rgb([100, 128, 178]), [170, 64, 100]);
        // BT.709 with the ranges of video: luma 16 to 235, chroma 16 to 240.
        let video = conversion([0.2126, 0.7152, 0.0722], [16.0, 235.0], [128.0, 240.0]);
        assert_eq!(video.to_rgb([16, 128, 128]), [0, 0, 0]);
        assert_eq!(video.to_rgb([235, 128, 128]), [255, 255, 255]);
        assert_eq!(video.to_rgb([63, 102, 240]), [255, 1, 0]);
    }
}

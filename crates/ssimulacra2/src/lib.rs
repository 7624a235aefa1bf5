//! Computes SSIMULACRA2 scores (version 2.1, `tools/ssimulacra2.cc` of libjxl) row by row.
//!
//! The score compares two images at up to six scales; each scale has half of the width and height of the previous one.
//! At each scale, each channel contributes six terms, with weights that were fitted to human ratings. Most of the weights
//! are nearly zero. This crate leaves out the terms with a weight below 0.003, which is more than half of the work.
//!
//! It needs memory only for some rows, so it compares images of any size. It uses the same operations with all vector
//! instructions, so the score of two images does not depend on the processor.
//!
//! ```
//! let gray = [128; 3 * 16];
//! let stripes: Vec<u8> = (0..16).flat_map(|x| [x % 2 * 255; 3]).collect();
//! let mut comparison = ssimulacra2::Comparison::new(16, 16);
//! for _ in 0..16 {
//!     comparison.push(&gray, &stripes);
//! }
//! assert!(comparison.score() < 100.0);
//! ```

#![forbid(unsafe_code)]

mod blur;
mod channel;
mod color;
mod scale;
mod weights;

use crate::scale::Scale;
use crate::weights::WEIGHTS;

/// Terms with a smaller weight are left out. Together, they change a score by less than 0.01.
const MIN_WEIGHT: f64 = 0.003;
/// The maximum number of scales.
const MAX_SCALES: usize = 6;
/// If a side of a scale is shorter than this, there is no further scale.
const MIN_SIDE: usize = 8;

/// A comparison of two images of the same size.
pub struct Comparison {
    scales: Vec<Scale>,
    /// Whether all rows of both images are equal so far.
    is_equal: bool,
}

impl Comparison {
    /// Starts a comparison of two images of this width and height in pixels.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let mut sizes = vec![(width, height)];
        while sizes.len() < MAX_SCALES {
            let (width, height) = sizes[sizes.len() - 1];
            if width.min(height) < MIN_SIDE {
                break;
            }
            sizes.push((width.div_ceil(2), height.div_ceil(2)));
        }
        let count = sizes.len();
        let scales = sizes.into_iter().enumerate();
        // The weights of an image with fewer scales are consecutive rows of the table, as in the reference implementation.
        let scales = scales.map(|(index, (scale_width, _))| {
            Scale::new(scale_width, width, [0, 1, 2].map(|channel| &WEIGHTS[channel * count + index]))
        });
        Self { scales: scales.collect(), is_equal: true }
    }

    /// Adds the next row of both images: three bytes of sRGB for each pixel of the width. Missing bytes keep the values of
    /// an earlier row, and additional bytes are ignored.
    pub fn push(&mut self, reference: &[u8], image: &[u8]) {
        self.is_equal &= reference == image;
        if let Some((first, coarser)) = self.scales.split_first_mut() {
            first.push_srgb([reference, image], coarser);
        }
    }

    /// Returns the score after the last row. The score is 100 for equal images, and it has no lower limit.
    #[must_use]
    pub fn score(mut self) -> f64 {
        if self.is_equal {
            return 100.0;
        }
        let mut rest = self.scales.as_mut_slice();
        while let Some((scale, coarser)) = rest.split_first_mut() {
            scale.finish(coarser);
            rest = coarser;
        }
        weights::score(self.scales.iter().map(Scale::weighted).sum())
    }
}

#[cfg(test)]
mod tests {
    use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};
    use image::{Rgb, RgbImage};

    use super::*;

    fn score(reference: &RgbImage, image: &RgbImage) -> f64 {
        let (width, height) = (reference.width() as usize, reference.height() as usize);
        let mut comparison = Comparison::new(width, height);
        for (reference, image) in reference.as_raw().chunks(3 * width).zip(image.as_raw().chunks(3 * width)) {
            comparison.push(reference, image);
        }
        comparison.score()
    }

    /// The score by another implementation, which returns the same bits as libjxl's. Its blur accumulates rounding errors
    /// along a row and along a column, which lowers scores above 93 by up to 0.3.
    fn expected(reference: &RgbImage, image: &RgbImage) -> f64 {
        let (width, height) = reference.dimensions();
        let [reference, image] = [reference, image].map(|image| {
            PixelSlice::new(image.as_raw(), width, height, width as usize * 3, PixelDescriptor::RGB8_SRGB).unwrap()
        });
        compute_ssimulacra2(&reference, &image).unwrap()
    }

    /// A pseudorandom number below `limit` for each pixel.
    fn noise(x: u32, y: u32, limit: u8) -> u8 {
        let mixed = (x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77)).wrapping_mul(0xc2b2_ae3d);
        mixed.to_be_bytes()[0] % limit
    }

    /// Smooth gradients and waves with some noise.
    fn waves(width: u32, height: u32) -> RgbImage {
        let wave = |phase: u32| u8::try_from((phase % 200).abs_diff(100) * 2).unwrap();
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([wave(x + 2 * y), wave(5 * x + y), wave(x / 2 + y / 3)].map(|level| level + noise(x, y, 24)))
        })
    }

    /// The same image with fewer levels, and with noise in red and blue.
    fn distorted(image: &RgbImage, strength: u8) -> RgbImage {
        RgbImage::from_fn(image.width(), image.height(), |x, y| {
            let [r, g, b] =
                image.get_pixel(x, y).0.map(|level| (level / strength * strength).saturating_add(strength / 2));
            Rgb([r.saturating_add(noise(y, x, strength)), g, b.saturating_sub(noise(x + 1, y, strength))])
        })
    }

    #[test]
    fn scores_are_those_of_the_reference_implementation() {
        for (width, height) in [(256, 256), (333, 121), (64, 300), (31, 40), (16, 9), (8, 8), (500, 8)] {
            let image = waves(width, height);
            for strength in [6, 20, 60] {
                let distorted = distorted(&image, strength);
                let (score, expected) = (score(&image, &distorted), expected(&image, &distorted));
                assert!((score - expected).abs() < 0.05, "{width}x{height}, {strength}: {score} instead of {expected}");
            }
        }
    }

    #[test]
    fn equal_images_have_the_score_100() {
        for (width, height) in [(100, 70), (1, 1), (7, 3), (1, 300)] {
            let image = waves(width, height);
            assert!(score(&image, &image) >= 100.0, "{width}x{height}");
        }
    }
}

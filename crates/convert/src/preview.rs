//! What a page can show before the image arrives.

use image::{GenericImageView, RgbaImage};
use model::Cicp;
use serde::{Deserialize, Serialize};

use crate::color::embedded::EmbeddedPixels;
use crate::pixels::resize::FilterImage;
use crate::{Error, TransformedImage};

/// A very small description of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The `ThumbHash` (evanw.github.io/thumbhash), 5 to 25 bytes: a blurred image.
    pub thumbhash: Vec<u8>,
    /// The most frequent sRGB color. It ignores transparent pixels, and is black if all pixels are transparent.
    pub color: [u8; 3],
    /// Whether any pixel is transparent.
    pub has_alpha: bool,
}

/// The maximum width and height for a `ThumbHash`.
const MAX_SIDE: u32 = 100;
/// Colors count as the same color if the first bits of their levels are equal.
const COLOR_BITS: u32 = 4;

impl TransformedImage {
    /// Describes the image, from its smallest variant. Returns `None` if no pixels were decoded, because the only variant is
    /// a copy of the source.
    ///
    /// # Errors
    /// Returns [`Error::Planes`] if the planes cannot be converted.
    pub fn preview(&self) -> Result<Option<Preview>, Error> {
        // A page shows the placeholder of the whole image, unless all variants are crops.
        let whole = self.renditions.iter().rfind(|rendition| rendition.framing.crop.is_none());
        let Some(smallest) = whole.or(self.renditions.last()) else { return Ok(None) };
        let pixels = smallest.pixels()?;
        let EmbeddedPixels { pixels, icc } = EmbeddedPixels::new(&pixels, smallest.planar.color());
        let (width, height) = pixels.dimensions();
        let longest = width.max(height);
        let shorter = |side: u32| if longest <= MAX_SIDE { side } else { (side * MAX_SIDE / longest).max(1) };
        let small = FilterImage::from_pixels(&pixels, Cicp::SRGB)?.resize((shorter(width), shorter(height)))?;
        let small = EmbeddedPixels { pixels: small.to_pixels()?, icc }.into_srgb().into_rgba8();
        let (width, height) = (small.width() as usize, small.height() as usize);
        let thumbhash = thumbhash::rgba_to_thumb_hash(width, height, &small);
        Ok(Some(Preview { thumbhash, color: most_frequent_color(&small), has_alpha: pixels.color().has_alpha() }))
    }
}

/// Returns the mean of the pixels whose color is the most frequent one.
fn most_frequent_color(pixels: &RgbaImage) -> [u8; 3] {
    // For each color, the sums of red, green and blue weighted by alpha, and the sum of the weights.
    let mut sums = vec![[0_u64; 4]; 1 << (3 * COLOR_BITS)];
    for pixel in pixels.pixels() {
        let [red, green, blue, alpha] = pixel.0;
        let index =
            [red, green, blue].into_iter().fold(0, |index, level| index << COLOR_BITS | usize::from(level >> 4));
        for (sum, value) in sums[index].iter_mut().zip([red, green, blue, 1]) {
            *sum += u64::from(value) * u64::from(alpha);
        }
    }
    let [red, green, blue, weight] = sums.into_iter().max_by_key(|sum| sum[3]).unwrap_or_default();
    [red, green, blue].map(|sum| u8::try_from(sum / weight.max(1)).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    #[test]
    fn most_frequent_color_ignores_transparent_pixels() {
        let image = RgbaImage::from_fn(10, 1, |x, _| match x {
            0..6 => Rgba([9, 9, 9, 0]),
            6..9 => Rgba([200, 100, 50, 255]),
            _ => Rgba([0, 0, 255, 255]),
        });
        assert_eq!(most_frequent_color(&image), [200, 100, 50]);
        assert_eq!(most_frequent_color(&RgbaImage::new(2, 2)), [0, 0, 0]);
    }
}

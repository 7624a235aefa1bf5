//! Classifies an image as a photograph or a graphic, by the share of neighboring pixels that are equal.

use image::{DynamicImage, GenericImageView, Pixel};

/// The kind of an image. It determines the chroma resolution and the coding tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// An image from a camera. It has noise and gradients, so few neighboring pixels are equal.
    Photograph,
    /// A drawn image, such as a screenshot. It has flat areas, sharp edges and repeated glyphs.
    Graphic,
}

/// The maximum number of blocks that are sampled along each side. The blocks are evenly spaced. With this number, the
/// share is measured well enough, and the sampling takes no noticeable time.
const BLOCKS_PER_SIDE: u32 = 48;
/// Pixels along a block's side.
const BLOCK_SIDE: u32 = 8;
/// The minimum contrast of a block that is counted: the difference between its highest and its lowest luma, which are
/// in the range 0..=255.
const MIN_CONTRAST: u8 = 32;
/// Images with at most this many pixels are graphics. Icons have such sizes, and the loss of detail would be visible if
/// their chroma had half the resolution. Only the source is classified, not its variants, so a thumbnail of a
/// photograph is encoded as a photograph.
const MAX_ICON_PIXELS: u64 = 128 * 128;
/// The minimum share of equal neighbors in the counted blocks of a graphic. The measured shares were 0.4 to 0.9 for
/// screenshots and diagrams, and 0.00 to 0.06 for photographs, including decoded JPEGs.
const MIN_GRAPHIC_SHARE: f64 = 0.25;

/// Classifies an image by the share of neighboring pixels that are equal. At an edge in a photograph, noise and blur
/// make every pixel differ from the next pixel. At an edge in a drawn image, the pixels on each side have the same
/// color. Flat blocks are not counted, because photographs contain flat blocks too, for example in the sky.
pub(crate) fn classify(image: &DynamicImage) -> Content {
    let (width, height) = image.dimensions();
    if u64::from(width) * u64::from(height) <= MAX_ICON_PIXELS {
        return Content::Graphic;
    }
    let share = match image {
        DynamicImage::ImageLuma8(image) => equal_neighbors(image, width, height),
        DynamicImage::ImageLumaA8(image) => equal_neighbors(image, width, height),
        DynamicImage::ImageRgb8(image) => equal_neighbors(image, width, height),
        DynamicImage::ImageRgba8(image) => equal_neighbors(image, width, height),
        // An image with 16 bits per channel is treated as a photograph.
        _ => 0.0,
    };
    if share >= MIN_GRAPHIC_SHARE { Content::Graphic } else { Content::Photograph }
}

/// Returns the share of equal horizontal neighbors in the blocks with enough contrast.
fn equal_neighbors<P>(image: &impl GenericImageView<Pixel = P>, width: u32, height: u32) -> f64
where
    P: Pixel<Subpixel = u8> + PartialEq,
{
    let (mut equal, mut pairs) = (0_u32, 0_u32);
    for y in block_starts(height) {
        for x in block_starts(width) {
            let (block_width, block_height) = (BLOCK_SIDE.min(width - x), BLOCK_SIDE.min(height - y));
            // The colors of pixels with alpha 0 are not visible, so these pixels are treated as black and equal.
            let visible = |x, y| Some(image.get_pixel(x, y)).filter(|pixel| pixel.alpha() > 0);
            let luma =
                |at: u32| visible(x + at % block_width, y + at / block_width).map_or(0, |pixel| pixel.to_luma().0[0]);
            let (darkest, lightest) = (0..block_width * block_height)
                .map(luma)
                .fold((u8::MAX, 0), |(darkest, lightest), level| (darkest.min(level), lightest.max(level)));
            if lightest.saturating_sub(darkest) < MIN_CONTRAST {
                continue;
            }
            for row in 0..block_height {
                for column in 1..block_width {
                    pairs += 1;
                    let (left, right) = (x + column - 1, x + column);
                    equal += u32::from(visible(left, y + row) == visible(right, y + row));
                }
            }
        }
    }
    if pairs == 0 { 0.0 } else { f64::from(equal) / f64::from(pairs) }
}

/// Returns the positions of the blocks along one side.
fn block_starts(side: u32) -> impl Iterator<Item = u32> {
    let step = (side / BLOCKS_PER_SIDE).max(BLOCK_SIDE);
    (0..side).step_by(step as usize)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    #[test]
    fn letters_on_a_light_background_are_a_graphic() {
        let letters =
            RgbImage::from_fn(300, 200, |x, y| if (x / 3 + y / 5) % 4 == 0 { Rgb([20; 3]) } else { Rgb([240; 3]) });
        assert_eq!(classify(&letters.into()), Content::Graphic);
    }

    #[test]
    fn image_with_noisy_edges_is_a_photograph() {
        let noise =
            |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).wrapping_mul(2_246_822_519) >> 28;
        let photograph = RgbImage::from_fn(300, 200, |x, y| {
            let level = if (x / 16 + y / 16) % 2 == 0 { 40 } else { 200 } + noise(x, y);
            Rgb([u8::try_from(level).unwrap(); 3])
        });
        assert_eq!(classify(&photograph.into()), Content::Photograph);
    }

    #[test]
    fn image_without_contrast_is_a_photograph() {
        assert_eq!(classify(&RgbImage::new(500, 300).into()), Content::Photograph);
        assert_eq!(classify(&RgbImage::new(10_000, 2).into()), Content::Photograph);
    }

    #[test]
    fn icon_is_a_graphic() {
        assert_eq!(classify(&RgbImage::new(1, 1).into()), Content::Graphic);
        assert_eq!(classify(&RgbImage::new(128, 128).into()), Content::Graphic);
    }
}

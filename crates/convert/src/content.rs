//! Whether a picture was taken or drawn, by a small measure of its pixels.

use avif::Content;
use image::{DynamicImage, GenericImageView, Pixel};

/// Blocks looked at along each side, evenly spread: enough for a share, few enough to cost nothing.
const GRID: u32 = 48;
/// Pixels along a block's side.
const BLOCK: u32 = 8;
/// The difference of the lightest and darkest level (of 255) from which a block has something in it.
const CONTRAST: u8 = 32;
/// The most pixels of a picture too small to be judged. Icons are so small, and chroma at half resolution would be seen in
/// them; a thumbnail made of a photograph is judged by the photograph.
const SMALL: u64 = 128 * 128;
/// The share of equal neighbors, among blocks with something in them, from which a picture is drawn. Screenshots and
/// diagrams measured .4 to .9; photographs, decoded from JPEG ones included, .00 to .06.
const DRAWN: f64 = 0.25;

/// Tells a drawn picture by its equal neighbors: where a photograph has an edge, noise and blur make every pixel differ
/// from the next; a drawn edge stands between runs of one color. Flat blocks say nothing, for skies are flat too.
pub(crate) fn of(image: &DynamicImage) -> Content {
    let (width, height) = image.dimensions();
    if u64::from(width) * u64::from(height) <= SMALL {
        return Content::Graphic;
    }
    let share = match image {
        DynamicImage::ImageLuma8(image) => equal_neighbors(image, width, height),
        DynamicImage::ImageLumaA8(image) => equal_neighbors(image, width, height),
        DynamicImage::ImageRgb8(image) => equal_neighbors(image, width, height),
        DynamicImage::ImageRgba8(image) => equal_neighbors(image, width, height),
        // Nobody draws with 16 bits.
        _ => 0.0,
    };
    if share >= DRAWN { Content::Graphic } else { Content::Photograph }
}

fn equal_neighbors<P>(image: &impl GenericImageView<Pixel = P>, width: u32, height: u32) -> f64
where
    P: Pixel<Subpixel = u8> + PartialEq,
{
    let (mut equal, mut pairs) = (0_u32, 0_u32);
    for y in starts(height) {
        for x in starts(width) {
            let (wide, high) = (BLOCK.min(width - x), BLOCK.min(height - y));
            let luma = |at: u32| image.get_pixel(x + at % wide, y + at / wide).to_luma().0[0];
            let (low, top) = (0..wide * high).map(luma).fold((u8::MAX, 0), |(low, top), l| (low.min(l), top.max(l)));
            if top.saturating_sub(low) < CONTRAST {
                continue;
            }
            for row in 0..high {
                for column in 1..wide {
                    pairs += 1;
                    let (left, right) = (x + column - 1, x + column);
                    equal += u32::from(image.get_pixel(left, y + row) == image.get_pixel(right, y + row));
                }
            }
        }
    }
    if pairs == 0 { 0.0 } else { f64::from(equal) / f64::from(pairs) }
}

/// Where the blocks along one side begin.
fn starts(side: u32) -> impl Iterator<Item = u32> {
    let step = (side / GRID).max(BLOCK);
    (0..side).step_by(step as usize)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    #[test]
    fn letters_on_paper_are_drawn() {
        let letters =
            RgbImage::from_fn(300, 200, |x, y| if (x / 3 + y / 5) % 4 == 0 { Rgb([20; 3]) } else { Rgb([240; 3]) });
        assert_eq!(of(&letters.into()), Content::Graphic);
    }

    #[test]
    fn noisy_edges_are_taken() {
        let noise =
            |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).wrapping_mul(2_246_822_519) >> 28;
        let taken = RgbImage::from_fn(300, 200, |x, y| {
            let level = if (x / 16 + y / 16) % 2 == 0 { 40 } else { 200 } + noise(x, y);
            Rgb([u8::try_from(level).unwrap(); 3])
        });
        assert_eq!(of(&taken.into()), Content::Photograph);
    }

    #[test]
    fn a_picture_with_nothing_in_it_is_treated_as_taken() {
        assert_eq!(of(&RgbImage::new(500, 300).into()), Content::Photograph);
        assert_eq!(of(&RgbImage::new(10_000, 2).into()), Content::Photograph);
    }

    #[test]
    fn an_icon_is_treated_as_drawn() {
        assert_eq!(of(&RgbImage::new(1, 1).into()), Content::Graphic);
        assert_eq!(of(&RgbImage::new(128, 128).into()), Content::Graphic);
    }
}

//! Measures how much fine detail the chroma of an image has.

use image::DynamicImage;

/// Returns how much 4:2:0 changes the chroma of an image, in 8-bit levels: the 4-norm of the standard deviations of Cb
/// and Cr in blocks of 2x2 pixels. The 4-norm is high if a small part of the image changes much, like the edges of
/// colored letters, and not if the whole image changes little, like noise. Returns 0 for gray images.
pub(crate) fn chroma_detail(image: &DynamicImage) -> f64 {
    let width = image.width() as usize;
    match image {
        DynamicImage::ImageRgb8(image) => four_norm(image.as_chunks::<3>().0, width, u32::from),
        DynamicImage::ImageRgba8(image) => four_norm(image.as_chunks::<4>().0, width, u32::from),
        DynamicImage::ImageRgb16(image) => four_norm(image.as_chunks::<3>().0, width, eight_bits),
        DynamicImage::ImageRgba16(image) => four_norm(image.as_chunks::<4>().0, width, eight_bits),
        _ => 0.0,
    }
}

fn eight_bits(level: u16) -> u32 {
    u32::from(level >> 8)
}

/// Computes the 4-norm. A last column or row without a neighbor is ignored.
fn four_norm<T: Copy, const CHANNELS: usize>(
    pixels: &[[T; CHANNELS]],
    width: usize,
    level: impl Fn(T) -> u32 + Copy,
) -> f64 {
    let chroma = |pixel: &[T; CHANNELS]| {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(|channel| level(channel).cast_signed());
        // Cb and Cr of BT.601 in units of 1/256 (ITU-T T.871, section 7).
        [(128 * b - 43 * r - 85 * g) >> 8, (128 * r - 107 * g - 21 * b) >> 8]
    };
    let (mut sum, mut blocks) = (0.0_f64, 0.0_f64);
    for rows in pixels.chunks_exact((2 * width).max(1)) {
        let (upper, lower) = rows.split_at(width);
        for (upper, lower) in upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0) {
            let block = [&upper[0], &upper[1], &lower[0], &lower[1]].map(chroma);
            let variance: i32 = (0..2)
                .map(|plane| {
                    let samples = block.map(|chroma| chroma[plane]);
                    let total: i32 = samples.iter().sum();
                    // Four times the variance.
                    samples.iter().map(|sample| sample * sample).sum::<i32>() - total * total / 4
                })
                .sum();
            let variance = f64::from(variance) / 8.0;
            sum += variance * variance;
            blocks += 1.0;
        }
    }
    if blocks == 0.0 { 0.0 } else { (sum / blocks).sqrt().sqrt() }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Rgb, RgbImage};

    use super::*;

    #[test]
    fn gray_and_flat_images_have_no_chroma_detail() {
        let gray = RgbImage::from_fn(64, 64, |x, y| Rgb([u8::try_from((x * 31 + y * 17) % 256).unwrap(); 3]));
        assert!(chroma_detail(&gray.into()) < f64::EPSILON);
        assert!(chroma_detail(&RgbImage::from_pixel(9, 9, Rgb([200, 30, 30])).into()) < f64::EPSILON);
        assert!(chroma_detail(&GrayImage::new(64, 64).into()) < f64::EPSILON);
        assert!(chroma_detail(&RgbImage::new(1, 1).into()) < f64::EPSILON);
    }

    #[test]
    fn detail_of_red_and_gray_columns_is_the_deviation_of_their_chroma() {
        // Red has Cb -43 and Cr 127, gray has 0 and 0. The deviations are half of these differences.
        let columns = RgbImage::from_fn(64, 64, |x, _| if x % 2 == 0 { Rgb([255, 0, 0]) } else { Rgb([90; 3]) });
        let expected = f64::midpoint(21.5_f64.powi(2), 63.5_f64.powi(2)).sqrt();
        let columns = DynamicImage::from(columns);
        for columns in [columns.to_rgba8().into(), columns.to_rgb16().into(), columns.to_rgba16().into(), columns] {
            assert!((chroma_detail(&columns) - expected).abs() < 0.5, "{} {expected}", chroma_detail(&columns));
        }
    }
}

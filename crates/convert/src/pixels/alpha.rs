//! Keeps the colors of transparent pixels away from visible pixels in lossy encodes.
//!
//! A pixel with alpha 0 may have any color. A lossy encoder mixes the colors of neighboring pixels: 4:2:0 has one chroma
//! sample for four pixels, and quantization spreads the error of a hard edge over a block. So hidden pixels get the
//! color of the visible pixels near them, and chroma samples are means weighted by alpha.

use image::DynamicImage;

/// A sample with 8 or 16 bits.
pub(crate) trait Sample: Copy + Into<u64> {
    /// Converts a mean of samples, which is in the range of the samples.
    fn from_mean(mean: u64) -> Self;
}

impl Sample for u8 {
    fn from_mean(mean: u64) -> Self {
        Self::try_from(mean).unwrap_or(Self::MAX)
    }
}

impl Sample for u16 {
    fn from_mean(mean: u64) -> Self {
        Self::try_from(mean).unwrap_or(Self::MAX)
    }
}

/// Replaces the colors of the pixels with alpha 0. Visible pixels and all alpha values stay the same. An image without
/// an alpha channel stays the same.
pub(crate) fn fill_transparent(image: &mut DynamicImage) {
    let size = (image.width() as usize, image.height() as usize);
    match image {
        DynamicImage::ImageLumaA8(image) => fill(image.as_chunks_mut::<2>().0, size),
        DynamicImage::ImageLumaA16(image) => fill(image.as_chunks_mut::<2>().0, size),
        DynamicImage::ImageRgba8(image) => fill(image.as_chunks_mut::<4>().0, size),
        DynamicImage::ImageRgba16(image) => fill(image.as_chunks_mut::<4>().0, size),
        _ => {}
    }
}

/// Halves the width and the height of a chroma plane. Each sample of the result is the mean of up to four samples,
/// weighted by the alpha of their pixels. `alpha` contains a value for each sample of the plane.
pub(crate) fn halve_chroma<T: Sample>(plane: &[T], alpha: impl Fn(usize) -> T, width: usize) -> Vec<T> {
    let height = plane.len() / width.max(1);
    let mut half = Vec::with_capacity(width.div_ceil(2) * height.div_ceil(2));
    for y in (0..height).step_by(2) {
        for x in (0..width).step_by(2) {
            let (mut sum, mut weights, mut plain_sum, mut count) = (0, 0, 0, 0);
            for index in block((x, y), (width, height)) {
                let (sample, weight): (u64, u64) = (plane[index].into(), alpha(index).into());
                (sum, weights) = (sum + sample * weight, weights + weight);
                (plain_sum, count) = (plain_sum + sample, count + 1);
            }
            // If all pixels are hidden, their filled colors have equal weights.
            half.push(if weights == 0 { mean(plain_sum, count) } else { mean(sum, weights) });
        }
    }
    half
}

/// A version of the image with half the width and height, rounded up. The last channel of each pixel is its weight, and
/// the other channels are the mean colors of its visible pixels. A pixel without visible pixels has the weight 0.
struct Level<T, const CHANNELS: usize> {
    pixels: Vec<[T; CHANNELS]>,
    size: (usize, usize),
}

/// Fills hidden pixels with a pyramid: each level contains the mean colors of the visible pixels of the finer level. A
/// hidden pixel gets its color from the first level that has a color at this place. The colors are interpolated, so
/// there are no hard edges among the hidden pixels, and they add few bytes to the file.
fn fill<T: Sample, const CHANNELS: usize>(pixels: &mut [[T; CHANNELS]], size: (usize, usize)) {
    let mut levels: Vec<Level<T, CHANNELS>> = vec![];
    loop {
        let (finer, finer_size) = levels.last().map_or((&*pixels, size), |level| (&level.pixels[..], level.size));
        if finer_size == (1, 1) || !finer.iter().any(is_hidden) {
            break;
        }
        levels.push(halve(finer, finer_size));
    }
    while let Some(coarse) = levels.pop() {
        match levels.last_mut() {
            Some(Level { pixels, size }) => fill_level(pixels, *size, &coarse),
            None => fill_level(pixels, size, &coarse),
        }
    }
}

fn is_hidden<T: Sample, const CHANNELS: usize>(pixel: &[T; CHANNELS]) -> bool {
    pixel[CHANNELS - 1].into() == 0
}

fn halve<T: Sample, const CHANNELS: usize>(pixels: &[[T; CHANNELS]], size: (usize, usize)) -> Level<T, CHANNELS> {
    let half_size = (size.0.div_ceil(2), size.1.div_ceil(2));
    let mut half = Vec::with_capacity(half_size.0 * half_size.1);
    for y in (0..size.1).step_by(2) {
        for x in (0..size.0).step_by(2) {
            let (mut sums, mut weights) = ([0; CHANNELS], 0);
            for index in block((x, y), size) {
                let weight: u64 = pixels[index][CHANNELS - 1].into();
                weights += weight;
                for (sum, &level) in sums.iter_mut().zip(&pixels[index]) {
                    *sum += weight * level.into();
                }
            }
            let mut pixel = sums.map(|sum| mean(sum, weights.max(1)));
            // Rounded up, so that a pixel with any visible part has a weight.
            pixel[CHANNELS - 1] = mean(weights.div_ceil(4), 1);
            half.push(pixel);
        }
    }
    Level { pixels: half, size: half_size }
}

/// Gives each hidden pixel a color that is interpolated between the four nearest pixels of the coarser level.
fn fill_level<T: Sample, const CHANNELS: usize>(
    pixels: &mut [[T; CHANNELS]],
    (width, height): (usize, usize),
    coarse: &Level<T, CHANNELS>,
) {
    // The nearest pixel and the second nearest pixel of the coarser level along one side.
    let nearest = |at: usize, length: usize| {
        let second = if at.is_multiple_of(2) { (at / 2).saturating_sub(1) } else { (at / 2 + 1).min(length - 1) };
        [at / 2, second]
    };
    for y in 0..height {
        let rows = nearest(y, coarse.size.1).map(|row| row * coarse.size.0);
        for x in 0..width {
            let pixel = &mut pixels[y * width + x];
            if !is_hidden(pixel) {
                continue;
            }
            let columns = nearest(x, coarse.size.0);
            for channel in 0..CHANNELS - 1 {
                let level = |row: usize, column: usize| -> u64 { coarse.pixels[rows[row] + columns[column]][channel].into() };
                pixel[channel] = mean(9 * level(0, 0) + 3 * (level(0, 1) + level(1, 0)) + level(1, 1), 16);
            }
        }
    }
}

/// Returns the indexes of the up to four pixels from this position on. Blocks at the right and lower edges are cropped.
fn block((x, y): (usize, usize), (width, height): (usize, usize)) -> impl Iterator<Item = usize> {
    let rows = y..(y + 2).min(height);
    rows.flat_map(move |row| (x..(x + 2).min(width)).map(move |column| row * width + column))
}

/// Divides and rounds.
fn mean<T: Sample>(sum: u64, count: u64) -> T {
    T::from_mean((sum + count / 2) / count)
}

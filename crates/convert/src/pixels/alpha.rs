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
    let width = image.width() as usize;
    match image {
        DynamicImage::ImageLumaA8(image) => fill(image.as_chunks_mut::<2>().0, width),
        DynamicImage::ImageLumaA16(image) => fill(image.as_chunks_mut::<2>().0, width),
        DynamicImage::ImageRgba8(image) => fill(image.as_chunks_mut::<4>().0, width),
        DynamicImage::ImageRgba16(image) => fill(image.as_chunks_mut::<4>().0, width),
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

/// Gives each hidden pixel the color of the nearest visible pixel, measured in steps along rows and columns. In flat
/// areas, there are no new colors and no edges along visible pixels, so the hidden pixels add few bytes to the file.
///
/// The two passes compute an exact distance transform for this distance (Rosenfeld and Pfaltz, "Sequential Operations in
/// Digital Picture Processing", 1966).
fn fill<T: Sample, const CHANNELS: usize>(pixels: &mut [[T; CHANNELS]], width: usize) {
    if pixels.iter().all(is_hidden) {
        return pixels.fill([T::from_mean(0); CHANNELS]);
    }
    if !pixels.iter().any(is_hidden) {
        return;
    }
    // The distance to the nearest visible pixel that was found so far. A distance of more than 65,534 steps counts as
    // 65,534 steps. 65,535 means that no visible pixel was found. The distances are freed before the planes, which
    // need more memory, are allocated.
    let mut distances: Vec<u16> = pixels.iter().map(|pixel| if is_hidden(pixel) { u16::MAX } else { 0 }).collect();
    let length = pixels.len();
    let mut visit = |index: usize, from: usize| {
        let distance = distances[from].saturating_add(1).min(u16::MAX - 1);
        if distances[from] < u16::MAX && distance < distances[index] {
            distances[index] = distance;
            let color = pixels[from];
            pixels[index][..CHANNELS - 1].copy_from_slice(&color[..CHANNELS - 1]);
        }
    };
    for index in 0..length {
        if index % width > 0 {
            visit(index, index - 1);
        }
        if index >= width {
            visit(index, index - width);
        }
    }
    for index in (0..length).rev() {
        if (index + 1) % width > 0 {
            visit(index, index + 1);
        }
        if index + width < length {
            visit(index, index + width);
        }
    }
}

fn is_hidden<T: Sample, const CHANNELS: usize>(pixel: &[T; CHANNELS]) -> bool {
    pixel[CHANNELS - 1].into() == 0
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

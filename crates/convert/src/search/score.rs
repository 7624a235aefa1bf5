//! Computes the SSIMULACRA2 score of images of any size with a limited amount of memory.
//!
//! `fast-ssim2` needs 110 bytes per pixel, which is more than the encoder needs. It compares images of up to a few
//! megapixels in strips. In larger images, this module compares some cells, and computes the mean and the 4-norm of each
//! term over the pixels of all cells. Each cell has a margin that is compared but not counted, because the filters treat
//! the edge of a cell like the edge of an image.

use std::ops::RangeInclusive;

use fast_ssim2::{
    PixelDescriptor, PixelSlice, Ssimulacra2Config, Ssimulacra2Maps, StripConfig, compute_ssimulacra2_maps,
    compute_ssimulacra2_with_config,
};
use model::Depth;

use super::compared_image::{Area, ComparedImage};
use super::weights::{self, WEIGHTS};

/// The parts of an image that are compared.
#[derive(Debug)]
pub(super) enum Parts {
    /// The whole image, in strips of this number of rows.
    Whole {
        strip_rows: usize,
    },
    Cells(Vec<Cell>),
}

/// A part of an image that is compared in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// The pixels that count for the score.
    counted: Area,
    /// The counted pixels and their margin.
    compared: Area,
}

/// The side of a cell in pixels. It is a multiple of 32, because one pixel of the coarsest of the six scales covers 32
/// pixels of the image.
const CELL_SIDE: u32 = 512;
/// The width of a cell's margin. The filters of the two coarsest scales also use pixels beyond this margin. In
/// measurements, this difference changed the score by 0.1.
const CELL_MARGIN: u32 = 64;
/// The bias that is subtracted from the score of cells. On 11 photographs, the score of cells was 0 to 0.6 above the
/// score of the whole image. The reason is that the recursive filters of the reference implementation accumulate
/// rounding errors along a side, and these errors lower the score of large flat images.
const CELL_SCORE_BIAS: f64 = 0.25;
/// The bias that is subtracted from the score of strips. On 11 photographs, the score of strips was 0.1 to 0.6 above the
/// score of the whole image for the same reason. Comparing 8-bit pixels instead of the 16-bit pixels of a viewer lowers it
/// by about as much.
const STRIP_SCORE_BIAS: f64 = 0.05;
/// The additional bias that is subtracted for 8-bit images. Viewers convert the planes of these images to RGB with
/// integers, which lowers the score of smooth images by up to 0.5. Our score does not contain this effect, because
/// libavif converts the planes with floating-point numbers.
const EIGHT_BIT_SCORE_BIAS: f64 = 0.25;
/// The memory in bytes that the comparison of one cell needs.
pub(crate) const CELL_MEMORY: u64 = 160 * (CELL_SIDE as u64 * 3 / 2 + 2 * CELL_MARGIN as u64).pow(2);
/// The memory in bytes that comparing a strip needs for each of its pixels, and for each pixel of the image.
const STRIP_BYTES_PER_PIXEL: u64 = 110;
const BYTES_PER_PIXEL: u64 = 18;
/// The range of rows in a strip.
const STRIP_ROWS: RangeInclusive<usize> = 128..=512;
/// The rows of the margin on both sides of a strip, which are compared but not counted. On 11 photographs, the score of
/// strips with this margin was 0.1 to 0.6 above the score of the whole image. With margins of 96 rows, it was 0 to 0.5
/// above, but took a third more time.
const STRIP_MARGIN: usize = 32;

impl Parts {
    /// Returns the whole image if comparing it needs at most [`CELL_MEMORY`]. Otherwise, returns cells with about this
    /// number of pixels.
    pub(super) fn new(size: (u32, u32), pixels: u64) -> Self {
        let width = u64::from(size.0).max(1);
        let free = CELL_MEMORY.saturating_sub(width * u64::from(size.1) * BYTES_PER_PIXEL);
        let rows = usize::try_from(free / (width * STRIP_BYTES_PER_PIXEL)).unwrap_or(usize::MAX);
        let strip_rows = rows.saturating_sub(2 * STRIP_MARGIN).min(*STRIP_ROWS.end());
        if strip_rows >= *STRIP_ROWS.start() { Self::Whole { strip_rows } } else { Self::Cells(cells(size, pixels)) }
    }
}

/// Returns the cells of an image. If the image has more than `pixels` pixels, returns evenly distributed cells with
/// about that many pixels.
fn cells((width, height): (u32, u32), pixels: u64) -> Vec<Cell> {
    let (columns, rows) = (spans(width), spans(height));
    let image_pixels = u64::from(width) * u64::from(height);
    let interval = usize::try_from(image_pixels.div_ceil(pixels)).unwrap_or(usize::MAX);
    // In each row, the columns of the cells are shifted, so that the cells come from all columns.
    let shift = (interval / 2).max(1);
    let is_taken = |row: usize, column: usize| (column + row * shift).is_multiple_of(interval);
    let cell = |row: usize, column: usize| {
        let ((left, right), (top, bottom)) = (columns[column], rows[row]);
        let counted = Area { x: left, y: top, width: right - left, height: bottom - top };
        let (x, y) = (left.saturating_sub(CELL_MARGIN), top.saturating_sub(CELL_MARGIN));
        let (right, bottom) = ((right + CELL_MARGIN).min(width), (bottom + CELL_MARGIN).min(height));
        Cell { counted, compared: Area { x, y, width: right - x, height: bottom - y } }
    };
    let positions = (0..rows.len()).flat_map(|row| (0..columns.len()).map(move |column| (row, column)));
    positions.filter(|&(row, column)| is_taken(row, column)).map(|(row, column)| cell(row, column)).collect()
}

/// Divides a side of an image into spans of the length `CELL_SIDE`. The last span has at least half of this length,
/// unless the side of the image is shorter.
fn spans(side: u32) -> Vec<(u32, u32)> {
    let mut spans = vec![];
    let mut start = 0;
    while start < side {
        let end = if start + CELL_SIDE + CELL_SIDE / 2 > side { side } else { start + CELL_SIDE };
        spans.push((start, end));
        start = end;
    }
    spans
}

/// Returns the SSIMULACRA2 score of an image compared with its reference. The score is 100 if both are equal. The error
/// is the error message of libavif or `fast-ssim2`.
pub(super) fn ssimulacra2(
    reference: ComparedImage<'_>,
    image: ComparedImage<'_>,
    parts: &Parts,
) -> Result<f32, String> {
    let cells = match parts {
        Parts::Whole { strip_rows } => {
            let (width, height) = reference.size();
            let config =
                Ssimulacra2Config::default().with_strip(StripConfig::new(*strip_rows).with_halo_rows(STRIP_MARGIN));
            let whole = Area { x: 0, y: 0, width, height };
            let score = compare(reference, image, whole, |reference, image| {
                compute_ssimulacra2_with_config(reference, image, &config)
            })?;
            return Ok(rounded(score - STRIP_SCORE_BIAS - depth_bias(image)));
        }
        Parts::Cells(cells) => cells,
    };
    let mut terms = PooledTerms::default();
    for cell in cells {
        let maps = compare(reference, image, cell.compared, compute_ssimulacra2_maps)?;
        terms.add(&maps, *cell);
    }
    Ok(rounded(terms.score() - CELL_SCORE_BIAS - depth_bias(image)))
}

fn depth_bias(image: ComparedImage<'_>) -> f64 {
    match image {
        ComparedImage::Planar(image) if image.shape().depth == Depth::Eight => EIGHT_BIT_SCORE_BIAS,
        ComparedImage::Planar(_) | ComparedImage::Interleaved(_) => 0.0,
    }
}

/// Rounds the score to two decimals. Smaller differences are not significant.
#[expect(clippy::cast_possible_truncation, reason = "a score has few digits")]
fn rounded(score: f64) -> f32 {
    ((score * 100.0).round() / 100.0) as f32
}

fn compare<T>(
    reference: ComparedImage<'_>,
    image: ComparedImage<'_>,
    area: Area,
    metric: impl Fn(&PixelSlice<'_>, &PixelSlice<'_>) -> Result<T, fast_ssim2::Ssimulacra2Error>,
) -> Result<T, String> {
    let [reference, image] = [reference.rgb(area)?, image.rgb(area)?];
    let slice = |pixels| {
        // Both images have the same primaries, so treating the samples as sRGB changes the score little.
        let descriptor = PixelDescriptor::RGB8_SRGB;
        PixelSlice::new(pixels, area.width, area.height, area.width as usize * 3, descriptor)
            .map_err(|error| error.to_string())
    };
    metric(&slice(&reference)?, &slice(&image)?).map_err(|error| error.to_string())
}

/// The terms of the score, summed over the cells, for each scale.
#[derive(Default)]
struct PooledTerms {
    scales: Vec<ScaleSums>,
}

/// Sums over the pixels of one scale.
#[derive(Clone, Copy, Default)]
struct ScaleSums {
    pixels: usize,
    /// For each channel, the sums of the three terms and the sums of their fourth powers, in the order of the weights.
    sums: [[f64; 6]; 3],
}

impl PooledTerms {
    fn add(&mut self, maps: &Ssimulacra2Maps, Cell { counted, compared }: Cell) {
        let count = maps.scales.len();
        self.scales.resize(count, ScaleSums::default());
        for (index, (scale, maps)) in self.scales.iter_mut().zip(&maps.scales).enumerate() {
            let (x, y) = ((counted.x - compared.x) as usize >> index, (counted.y - compared.y) as usize >> index);
            let width = (counted.width as usize).div_ceil(1 << index).min(maps.width - x);
            let height = (counted.height as usize).div_ceil(1 << index).min(maps.height - y);
            scale.pixels += width * height;
            for (channel, sums) in scale.sums.iter_mut().enumerate() {
                for (term, map) in [&maps.ssim, &maps.artifact, &maps.detail_lost].into_iter().enumerate() {
                    let weights = &WEIGHTS[channel * count + index];
                    if weights[term] == 0.0 && weights[term + 3] == 0.0 {
                        continue;
                    }
                    for row in map[channel].chunks_exact(maps.width).skip(y).take(height) {
                        let row = &row[x..x + width];
                        sums[term] += f64::from(row.iter().sum::<f32>());
                        sums[term + 3] += f64::from(row.iter().map(|value| value.powi(4)).sum::<f32>());
                    }
                }
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no image has 2^52 pixels")]
    fn score(&self) -> f64 {
        let mut weighted = 0.0;
        for channel in 0..3 {
            for (index, scale) in self.scales.iter().enumerate() {
                for (term, weight) in WEIGHTS[channel * self.scales.len() + index].iter().enumerate() {
                    let mean = scale.sums[channel][term] / scale.pixels as f64;
                    weighted += weight * if term < 3 { mean } else { mean.sqrt().sqrt() };
                }
            }
        }
        weights::score(weighted)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cells_cover_the_image_once_and_stay_within_the_memory_limit(
            width in 1..=32_768_u32, height in 1..=4_000_u32,
        ) {
            let cells = cells((width, height), u64::MAX);
            let pixels = |area: Area| u64::from(area.width) * u64::from(area.height);
            prop_assert!(cells.iter().all(|cell| 160 * pixels(cell.compared) <= CELL_MEMORY));
            let counted: u64 = cells.iter().map(|cell| pixels(cell.counted)).sum();
            prop_assert_eq!(counted, u64::from(width) * u64::from(height));
        }
    }
}

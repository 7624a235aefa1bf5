//! SSIMULACRA2 of a picture of any size, in bounded memory.
//!
//! `fast-ssim2` wants 110 bytes a pixel, which is more than the encoder. So the picture is compared in cells, and what it
//! pools over all pixels (each term's mean and 4-norm) is pooled here over the cells. Each cell brings a margin along,
//! which is compared and not counted, so that no cell's edge is taken for the picture's.

use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Maps, compute_ssimulacra2, compute_ssimulacra2_maps};
use model::Depth;

use super::Failed;
use super::pixels::{Area, Pixels};
use super::weights::{self, WEIGHTS};

/// A part of a picture that is compared at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    /// What is counted.
    pub(crate) counted: Area,
    /// That and its margin.
    pub(crate) compared: Area,
}

/// Pixels along a cell's side, a multiple of 32, for the coarsest of the six scales has one pixel of 32.
pub(crate) const SIDE: u32 = 512;
/// Pixels around it. The filters reach further at the two coarsest scales, by what was measured to be .1 of a score.
const MARGIN: u32 = 64;
/// What cells score above the whole picture: 0 to .6, of 11 photographs. The reference's recursive filters gather rounding
/// errors along a side, which count against flat pictures.
const LENIENCE: f64 = 0.25;
/// What pictures of 8 bits score above that: viewers make colors of their planes in whole numbers, which costs smooth
/// pictures up to .5, and libavif in fractions.
const EIGHT_BIT_LENIENCE: f64 = 0.25;
/// Bytes of memory that comparing one cell takes.
pub(crate) const CELL_MEMORY: u64 = 160 * (SIDE as u64 * 3 / 2 + 2 * MARGIN as u64).pow(2);

/// Cells that cover a picture, or, where they are over `pixels`, evenly scattered ones of about so many.
pub(crate) fn cells((width, height): (u32, u32), pixels: u64) -> Vec<Cell> {
    let (columns, rows) = (spans(width), spans(height));
    let covered = u64::from(width) * u64::from(height);
    let every = usize::try_from(covered.div_ceil(pixels)).unwrap_or(usize::MAX);
    // Row by row to the side, so that no column is left out.
    let shift = (every / 2).max(1);
    let taken = |row: usize, column: usize| (column + row * shift).is_multiple_of(every);
    let cell = |row: usize, column: usize| {
        let ((left, right), (top, bottom)) = (columns[column], rows[row]);
        let counted = Area { x: left, y: top, width: right - left, height: bottom - top };
        let (x, y) = (left.saturating_sub(MARGIN), top.saturating_sub(MARGIN));
        let (right, bottom) = ((right + MARGIN).min(width), (bottom + MARGIN).min(height));
        Cell { counted, compared: Area { x, y, width: right - x, height: bottom - y } }
    };
    let places = (0..rows.len()).flat_map(|row| (0..columns.len()).map(move |column| (row, column)));
    places.filter(|&(row, column)| taken(row, column)).map(|(row, column)| cell(row, column)).collect()
}

/// A side's parts; none is under half a cell, unless the side itself is.
fn spans(side: u32) -> Vec<(u32, u32)> {
    let mut spans = vec![];
    let mut start = 0;
    while start < side {
        let end = if start + SIDE + SIDE / 2 > side { side } else { start + SIDE };
        spans.push((start, end));
        start = end;
    }
    spans
}

/// How near a candidate comes to the reference, as SSIMULACRA2: 100 where they are the same.
pub(crate) fn score(reference: Pixels<'_>, candidate: Pixels<'_>, cells: &[Cell]) -> Result<f32, Failed> {
    if let [Cell { counted, compared }] = cells
        && counted == compared
    {
        return compare(reference, candidate, *compared, |reference, candidate| {
            compute_ssimulacra2(reference, candidate)
        })
        .map(rounded);
    }
    let mut pool = Pool::default();
    for cell in cells {
        let maps = compare(reference, candidate, cell.compared, |reference, candidate| {
            compute_ssimulacra2_maps(reference, candidate)
        })?;
        pool.add(&maps, *cell);
    }
    Ok(rounded(pool.score() - lenience(candidate)))
}

fn lenience(candidate: Pixels<'_>) -> f64 {
    match candidate {
        Pixels::Planes(picture) if picture.shape().depth == Depth::Eight => LENIENCE + EIGHT_BIT_LENIENCE,
        Pixels::Planes(_) | Pixels::Image(_) => LENIENCE,
    }
}

/// To a hundredth, below which it means nothing.
#[expect(clippy::cast_possible_truncation, reason = "a score has few digits")]
fn rounded(score: f64) -> f32 {
    ((score * 100.0).round() / 100.0) as f32
}

fn compare<T>(
    reference: Pixels<'_>,
    candidate: Pixels<'_>,
    area: Area,
    by: impl Fn(&PixelSlice<'_>, &PixelSlice<'_>) -> Result<T, fast_ssim2::Ssimulacra2Error>,
) -> Result<T, Failed> {
    let [reference, candidate] = [reference.rgb(area)?, candidate.rgb(area)?];
    let slice = |pixels| {
        // Whatever the primaries, the samples are taken as sRGB's: of two pictures alike in them, that changes little.
        let form = PixelDescriptor::RGB8_SRGB;
        PixelSlice::new(pixels, area.width, area.height, area.width as usize * 3, form)
            .map_err(|error| Failed::Compare(error.to_string()))
    };
    by(&slice(&reference)?, &slice(&candidate)?).map_err(|error| Failed::Compare(error.to_string()))
}

/// Sums of terms, by scale.
#[derive(Default)]
struct Pool {
    scales: Vec<Scale>,
}

/// Sums over the pixels of one scale.
#[derive(Clone, Copy, Default)]
struct Scale {
    pixels: usize,
    /// By channel: each term, and its fourth power, in the order of the weights.
    sums: [[f64; 6]; 3],
}

impl Pool {
    fn add(&mut self, maps: &Ssimulacra2Maps, Cell { counted, compared }: Cell) {
        let count = maps.scales.len();
        self.scales.resize(count, Scale::default());
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

    #[expect(clippy::cast_precision_loss, reason = "no picture has 2^52 pixels")]
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
        fn cells_cover_a_picture_once_and_none_takes_more_memory_than_is_counted(
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

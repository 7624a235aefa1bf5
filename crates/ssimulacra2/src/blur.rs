//! The blur of SSIMULACRA2: an approximation of a Gaussian with a standard deviation of 1.5 samples.

/// The number of samples on each side that the blur uses.
pub(crate) const RADIUS: usize = 4;

/// The weights of the sample itself and of the samples at the distances 1 to 4. libjxl approximates the Gaussian with
/// three cosines that end at a distance of 5 samples (`CreateRecursiveGaussian` in `lib/jxl/gauss_blur.cc`, with sigma =
/// 1.5). These are the values of the sum of these cosines. Samples outside of the image count as 0.
pub(crate) const KERNEL: [f32; RADIUS + 1] = [0.264_621_1, 0.212_928_6, 0.109_335_37, 0.036_011_115, 0.009_414_368];

/// Blurs a row horizontally. `padded` contains the row, and [`RADIUS`] zeros on each side of it.
pub(crate) fn blur_row(padded: &[f32], blurred: &mut [f32]) {
    for (sample, window) in blurred.iter_mut().zip(padded.array_windows()) {
        *sample = weighted(*window);
    }
}

/// Blurs rows vertically, into one row. All rows have the same length.
pub(crate) fn blur_rows(rows: [&[f32]; 2 * RADIUS + 1], blurred: &mut [f32]) {
    let width = blurred.len();
    let rows = rows.map(|row| &row[..width]);
    for x in 0..width {
        blurred[x] = weighted(rows.map(|row| row[x]));
    }
}

/// Returns the weighted sum of a sample and its neighbors.
#[inline]
fn weighted(samples: [f32; 2 * RADIUS + 1]) -> f32 {
    let pair = |distance: usize| KERNEL[distance] * (samples[RADIUS - distance] + samples[RADIUS + distance]);
    KERNEL[0] * samples[RADIUS] + pair(1) + pair(2) + pair(3) + pair(4)
}

//! The colors that SSIMULACRA2 compares: linear RGB, and the channels of XYB, shifted so that all samples are positive.

use std::sync::LazyLock;

/// A row of linear RGB, as three planes with samples from 0 to 1.
pub(crate) type LinearRow = [Vec<f32>; 3];

/// The linear value of each sRGB level (IEC 61966-2-1).
static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|level| {
        let level = f64::from(u8::try_from(level).unwrap_or(u8::MAX)) / 255.0;
        let linear = if level <= 0.040_45 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) };
        single(linear)
    })
});

#[expect(clippy::cast_possible_truncation, reason = "the metric computes in single precision")]
fn single(value: f64) -> f32 {
    value as f32
}

/// The mix of red, green and blue that each of the three kinds of cones absorbs (`lib/jxl/opsin_params.h`).
const ABSORBANCE: [[f32; 3]; 3] =
    [[0.3, 0.622, 0.078], [0.23, 0.692, 0.078], [0.243_422_69, 0.204_767_45, 0.551_809_87]];
const ABSORBANCE_BIAS: f32 = 0.003_793_073_4;
/// The cube root of the bias.
const BIAS_ROOT: f32 = 0.155_954_2;

/// Converts a row of sRGB, with three bytes per pixel.
pub(crate) fn linear(srgb: &[u8], row: &mut LinearRow) {
    let table = &*LINEAR;
    let [red, green, blue] = row;
    for (((&[r, g, b], red), green), blue) in srgb.as_chunks::<3>().0.iter().zip(red).zip(green).zip(blue) {
        (*red, *green, *blue) = (table[usize::from(r)], table[usize::from(g)], table[usize::from(b)]);
    }
}

/// Converts a row to the channel X, Y or B.
pub(crate) fn xyb(channel: usize, row: &LinearRow, samples: &mut [f32]) {
    let width = samples.len();
    let [red, green, blue] = [&row[0][..width], &row[1][..width], &row[2][..width]];
    let cone = |index: usize, x: usize| {
        let [r, g, b] = ABSORBANCE[index];
        cube_root(r * red[x] + g * green[x] + b * blue[x] + ABSORBANCE_BIAS) - BIAS_ROOT
    };
    match channel {
        0 => (0..width).for_each(|x| samples[x] = 7.0 * (cone(0, x) - cone(1, x)) + 0.42),
        1 => (0..width).for_each(|x| samples[x] = 0.5 * (cone(0, x) + cone(1, x)) + 0.01),
        _ => (0..width).for_each(|x| samples[x] = cone(2, x) - 0.5 * (cone(0, x) + cone(1, x)) + 0.55),
    }
}

/// Returns the cube root of a number from 0.003 to 2, with a relative error of at most 1e-6.
fn cube_root(value: f32) -> f32 {
    // A third of the exponent is the exponent of the root. The error of this estimate is at most 6 %.
    let estimate = f32::from_bits(value.to_bits() / 3 + 0x2a51_1cd0);
    // Two steps of Halley's method.
    let step = |root: f32| {
        let cube = root * root * root;
        root * (cube + 2.0 * value) / (2.0 * cube + value)
    };
    step(step(estimate))
}

/// Averages two rows and each two neighboring samples. The last sample of an odd row has itself as its neighbor.
pub(crate) fn halve(upper: &LinearRow, lower: &LinearRow, half: &mut LinearRow) {
    for ((upper, lower), half) in upper.iter().zip(lower).zip(half) {
        let pairs = upper.chunks(2).zip(lower.chunks(2));
        for (sample, (upper, lower)) in half.iter_mut().zip(pairs) {
            let sum = |pair: &[f32]| pair[0] + pair[pair.len() - 1];
            *sample = 0.25 * (sum(upper) + sum(lower));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cube_root_is_precise_for_all_colors() {
        for index in 1..2000_u16 {
            let value = f32::from(index) * 0.001 + 0.003;
            assert!((cube_root(value) / value.cbrt() - 1.0).abs() < 1e-6, "{value}");
        }
        assert!((BIAS_ROOT - ABSORBANCE_BIAS.cbrt()).abs() < 1e-7);
    }
}

//! Computes the score of an encoded image, band by band.

use model::{Area, Depth};
use ssimulacra2::Comparison;

use super::compared_image::ComparedImage;

/// The number of rows that are converted to RGB at the same time.
const BAND_ROWS: u32 = 64;
/// The rows above and below a band that are also converted, because the chroma of a 4:2:0 image is interpolated between
/// rows.
const BAND_MARGIN: u32 = 2;
/// The memory in bytes that a comparison needs for each column of the image: some rows of each scale, and a band of both
/// images.
pub(crate) const COMPARISON_BYTES_PER_COLUMN: u64 = 2048;
/// The bias that is subtracted for 8-bit images. Viewers convert the planes of these images to RGB with integers, which
/// lowers the score of smooth images by up to 0.5. Our score does not contain this effect, because libavif converts the
/// planes with floating-point numbers.
const EIGHT_BIT_SCORE_BIAS: f64 = 0.25;
/// The bias that is subtracted for 10-bit images. avifdec converts these images to 16 bits. This comparison rounds them to 8
/// bits, which lowers the score.
const TEN_BIT_SCORE_BIAS: f64 = -0.1;

/// Returns the SSIMULACRA2 score of an image compared with its reference. The score is 100 if both are equal. The error
/// is the error message of libavif.
pub(super) fn ssimulacra2(reference: ComparedImage<'_>, image: ComparedImage<'_>) -> Result<f32, String> {
    let (width, height) = reference.size();
    let mut comparison = Comparison::new(width as usize, height as usize);
    let row_bytes = width as usize * 3;
    for y in (0..height).step_by(BAND_ROWS as usize) {
        let top = y.saturating_sub(BAND_MARGIN);
        let end = (y + BAND_ROWS).min(height);
        let bottom = (end + BAND_MARGIN).min(height);
        let area = Area { x: 0, y: top, width, height: bottom - top };
        let (reference, image) = (reference.rgb(area)?, image.rgb(area)?);
        let rows = reference.chunks_exact(row_bytes).zip(image.chunks_exact(row_bytes));
        for (reference, image) in rows.skip((y - top) as usize).take((end - y) as usize) {
            comparison.push(reference, image);
        }
    }
    Ok(rounded(comparison.score() - depth_bias(image)))
}

fn depth_bias(image: ComparedImage<'_>) -> f64 {
    match image {
        ComparedImage::Planar(image) if image.shape().depth == Depth::Eight => EIGHT_BIT_SCORE_BIAS,
        ComparedImage::Planar(_) => TEN_BIT_SCORE_BIAS,
        ComparedImage::Interleaved(_) => 0.0,
    }
}

/// Rounds the score to two decimals. Smaller differences are not significant.
#[expect(clippy::cast_possible_truncation, reason = "a score has few digits")]
fn rounded(score: f64) -> f32 {
    ((score * 100.0).round() / 100.0) as f32
}

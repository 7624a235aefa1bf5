//! The score of an image as a function of the quantizer.

use std::ops::RangeInclusive;

use avif::{Quantizer, QuantizerStep};
use model::{Chroma, Depth, OutputFormat, Shape};

use crate::pixels::content::Content;
use crate::write::Encoder;

/// Returns the coarsest quantizer that a search uses. Coarser quantizers shift the colors of flat areas, in graphics
/// with one color by up to 20 of 255 levels, and SSIMULACRA2 hardly measures such a shift.
pub(super) fn coarsest_quantizer(encoder: &dyn Encoder) -> Quantizer {
    match (encoder.format(), encoder.content()) {
        (OutputFormat::Avif, Content::Photograph) => Quantizer::whole(42),
        (OutputFormat::Avif, Content::Graphic) => Quantizer::whole(25),
        (OutputFormat::Webp | OutputFormat::Jpeg, Content::Photograph) => Quantizer::whole(57),
        (OutputFormat::Webp | OutputFormat::Jpeg, Content::Graphic) => Quantizer::whole(32),
    }
}

/// What the score and the size of an image typically depend on, for one output format.
#[derive(Debug, PartialEq)]
pub(super) struct CurveShape {
    /// The quantizer at which the slope changes.
    bend: f32,
    slope_below_bend: f32,
    slope_above_bend: f32,
    /// If the quantizer is coarser by 1, the natural logarithm of the file size is smaller by this number.
    pub(super) log_bytes_per_quantizer: f32,
    /// By how much the score of an image exceeds the score of its sample.
    pub(super) sample_score_bias: f32,
}

/// AVIF. The slopes are the medians of seven photographs, encoded at qualities from 20 to 90 with SVT-AV1 and libaom. The
/// sizes are the median of six photographs, at 8 and at 10 bits. The bias is the median of 11 photographs: edges between
/// tiles and the fast speed lower the score of the sample.
static AVIF: CurveShape = CurveShape {
    bend: 25.0,
    slope_below_bend: 0.025,
    slope_above_bend: 0.041,
    log_bytes_per_quantizer: 0.05,
    sample_score_bias: 0.9,
};
/// WebP. The numbers are the medians of eight photographs, encoded at qualities from 40 to 95. The bend is libwebp's: above
/// quality 75, its quantizer changes three times as fast with the quality.
static WEBP: CurveShape = CurveShape {
    bend: 15.75,
    slope_below_bend: 0.07,
    slope_above_bend: 0.02,
    log_bytes_per_quantizer: 0.06,
    sample_score_bias: 0.0,
};
/// JPEG. The numbers are the medians of eight photographs, encoded at qualities from 50 to 95.
static JPEG: CurveShape = CurveShape {
    bend: 17.5,
    slope_below_bend: 0.05,
    slope_above_bend: 0.027,
    log_bytes_per_quantizer: 0.05,
    sample_score_bias: 0.0,
};

/// The score of an image as a function of the quantizer. The logarithm of the loss (100 minus the score) grows with the
/// quantizer along two straight lines. The slopes of these lines are similar for most images, but their height differs
/// from image to image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScoreCurve {
    pub(super) shape: &'static CurveShape,
    /// The quantizer at which the curve was measured.
    measured_at: Quantizer,
    /// The logarithm of the loss at that quantizer.
    log_loss: f32,
    /// The ratio of the curve's slopes to the typical slopes.
    steepness: f32,
}

/// The score that a typical image has at the quantizer of a typical curve.
const TYPICAL_SCORE: f32 = 75.0;

/// The limits of the steepness. The highest steepness among 41 photographs was 3.1.
const STEEPNESS_RANGE: RangeInclusive<f32> = 0.5..=4.0;
/// The minimum distance between the quantizers of two measurements that define a slope. The slope between closer
/// measurements is mostly noise.
const MIN_SLOPE_DISTANCE: f32 = 2.0;

impl ScoreCurve {
    /// Returns the curve that is assumed for an AVIF with planes of this shape before any measurement.
    pub(crate) fn typical_avif(content: Content, shape: Shape) -> Self {
        // These quantizers were measured on 40 photographs and 5 screenshots. At the same quantizer, the bundled libaom
        // 3.11 and later versions of libaom produce different qualities.
        let quantizer = match (content, shape.depth, avif::IS_BUNDLED) {
            (Content::Photograph, Depth::Eight, true) => 16,
            (Content::Photograph, _, true) => 23,
            (Content::Photograph, _, false) if shape.chroma == Chroma::Yuv420 => 30,
            (Content::Photograph, _, false) => 27,
            (Content::Graphic, _, _) => 28,
        };
        Self::with_typical_score_at(Quantizer::whole(quantizer), &AVIF)
    }

    /// Returns the curve that is assumed for a WebP before any measurement. Eight photographs reached the typical score at
    /// qualities from 78 to 86.
    pub(crate) fn typical_webp() -> Self {
        Self::with_typical_score_at(Quantizer::whole(12), &WEBP)
    }

    /// Returns the curve that is assumed for a JPEG before any measurement. Eight photographs reached the typical score at
    /// qualities from 77 to 84 with half chroma, and from 75 to 80 with full chroma.
    pub(crate) fn typical_jpeg() -> Self {
        Self::with_typical_score_at(Quantizer::whole(13), &JPEG)
    }

    fn with_typical_score_at(measured_at: Quantizer, shape: &'static CurveShape) -> Self {
        Self { shape, measured_at, log_loss: log_loss(TYPICAL_SCORE), steepness: 1.0 }
    }

    /// Estimates the curve at 10 bits near this score, for a photograph that has the curve `self` at 8 bits. For 25 of
    /// 26 photographs, the estimate was wrong by at most three quantizers.
    pub(super) fn at_ten_bits(self, score: f32) -> Self {
        let eight = self.quantizer_for(score, QuantizerStep::Whole).value();
        let measured_at = Quantizer::at_most(13.5 + 0.6 * eight, QuantizerStep::Whole);
        Self { measured_at, log_loss: log_loss(score), steepness: 1.0, ..self }
    }

    /// Returns a curve that has the same slopes and contains this measurement.
    pub(super) fn through(self, measured_at: Quantizer, score: f32) -> Self {
        Self { measured_at, log_loss: log_loss(score), ..self }
    }

    /// Returns a curve that contains the measurement of `self` and this second measurement.
    pub(super) fn refined(self, measured_at: Quantizer, score: f32) -> Self {
        let second = self.through(measured_at, score);
        if (measured_at.value() - self.measured_at.value()).abs() < MIN_SLOPE_DISTANCE {
            return second;
        }
        let typical = self.shape.log_loss(measured_at) - self.shape.log_loss(self.measured_at);
        let steepness = (second.log_loss - self.log_loss) / typical;
        Self { steepness: steepness.clamp(*STEEPNESS_RANGE.start(), *STEEPNESS_RANGE.end()), ..second }
    }

    /// Returns the coarsest quantizer that reaches a score.
    pub(crate) fn quantizer_for(self, score: f32, step: QuantizerStep) -> Quantizer {
        let CurveShape { bend, slope_below_bend, slope_above_bend, .. } = *self.shape;
        let log_loss = self.shape.log_loss(self.measured_at) + (log_loss(score) - self.log_loss) / self.steepness;
        let slope = if log_loss < 0.0 { slope_below_bend } else { slope_above_bend };
        Quantizer::at_most(bend + log_loss / slope, step)
    }
}

impl CurveShape {
    /// Returns the logarithm of the loss on the typical curve, relative to the loss at the bend of that curve.
    fn log_loss(&self, at: Quantizer) -> f32 {
        let distance = at.value() - self.bend;
        distance * if distance < 0.0 { self.slope_below_bend } else { self.slope_above_bend }
    }
}

fn log_loss(score: f32) -> f32 {
    // The loss is at least 1, because only lossless files have a score near 100.
    (100.0 - score).max(1.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curve_contains_its_measurement_and_falls_as_the_quantizer_rises() {
        for measured_at in [3, 16, 25, 40, 60].map(Quantizer::whole) {
            let curve = photograph().through(measured_at, 70.0);
            assert!(measured_at.value() - curve.quantizer_for(70.01, QuantizerStep::Quarter).value() <= 0.25);
            assert!(
                curve.quantizer_for(80.0, QuantizerStep::Whole) < measured_at
                    && curve.quantizer_for(60.0, QuantizerStep::Whole) > measured_at
            );
        }
    }

    #[test]
    fn refined_curve_contains_both_measurements() {
        // The scores are from a black-and-white portrait with a steep curve, encoded by libaom 3.11 at speed 6.
        let curve = photograph().through(Quantizer::whole(10), 70.9).refined(Quantizer::whole(3), 83.26);
        assert_eq!(curve.quantizer_for(70.89, QuantizerStep::Whole), Quantizer::whole(10));
        assert_eq!(curve.quantizer_for(83.25, QuantizerStep::Whole), Quantizer::whole(3));
        assert_eq!(curve.quantizer_for(75.0, QuantizerStep::Whole), Quantizer::whole(8));
    }

    #[test]
    fn unreachable_score_returns_the_finest_quantizer() {
        assert_eq!(
            photograph().through(Quantizer::whole(40), 20.0).quantizer_for(95.0, QuantizerStep::Whole),
            Quantizer::FINEST
        );
    }

    fn photograph() -> ScoreCurve {
        ScoreCurve::typical_avif(
            Content::Photograph,
            Shape { width: 1, height: 1, depth: Depth::Eight, chroma: Chroma::Yuv420 },
        )
    }
}

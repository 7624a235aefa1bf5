//! The score of an image as a function of the quantizer.

use std::ops::RangeInclusive;

use avif::{Quantizer, QuantizerStep};
use model::Depth;

use crate::content::Content;

/// The coarsest quantizer of a search. Coarser quantizers shift flat colors, by up to 20 levels of 255 in graphics of one
/// color, and SSIMULACRA2 hardly measures such a shift.
pub(super) fn coarsest_quantizer(content: Content) -> Quantizer {
    match content {
        Content::Photograph => Quantizer::whole(42),
        Content::Graphic => Quantizer::whole(25),
    }
}

/// An image's score by quantizer. The logarithm of the loss (100 minus the score) grows with the quantizer along two
/// straight lines. Their slopes are similar for most images; their height depends on the image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScoreCurve {
    /// The quantizer at which the curve was measured.
    measured_at: Quantizer,
    /// The logarithm of the loss at that quantizer.
    log_loss: f32,
    /// The ratio of the curve's slopes to the typical slopes.
    steepness: f32,
}

/// The typical slopes below and above [`BEND`]: the medians of seven photographs from quality 20 to 90, with SVT-AV1 and
/// libaom.
const SLOPE_BELOW_BEND: f32 = 0.025;
const SLOPE_ABOVE_BEND: f32 = 0.041;
/// The quantizer at which the slope changes.
const BEND: f32 = 25.0;

/// The score of a typical image at the quantizer in [`ScoreCurve::typical`].
const TYPICAL_SCORE: f32 = 75.0;

/// The limits of the steepness. The maximum of 41 photographs was 3.1.
const STEEPNESS_RANGE: RangeInclusive<f32> = 0.5..=4.0;
/// The minimum distance in quantizers of two measurements for a slope. The slope between closer ones is mostly noise.
const MIN_SLOPE_DISTANCE: f32 = 2.0;

impl ScoreCurve {
    /// Returns the curve that is assumed before any measurement.
    pub(crate) fn typical(content: Content, depth: Depth) -> Self {
        // Measured on 40 photographs and 5 screenshots. The same quantizer means another quality in libaom 3.11 than in
        // later versions.
        let quantizer = match (content, depth, avif::IS_BUNDLED) {
            (Content::Photograph, Depth::Eight, true) => 16,
            (Content::Photograph, _, true) => 23,
            (Content::Photograph | Content::Graphic, _, _) => 28,
        };
        Self { measured_at: Quantizer::whole(quantizer), log_loss: log_loss(TYPICAL_SCORE), steepness: 1.0 }
    }

    /// Returns the expected curve at 10 bits near a score, for a photograph with this curve at 8 bits. Of 26
    /// photographs, all but one were within three quantizers of it.
    pub(super) fn at_ten_bits(self, score: f32) -> Self {
        let eight = self.quantizer_for(score, QuantizerStep::Whole).value();
        let measured_at = Quantizer::at_most(13.5 + 0.6 * eight, QuantizerStep::Whole);
        Self { measured_at, log_loss: log_loss(score), steepness: 1.0 }
    }

    /// Returns the curve with the same slopes that contains a measurement.
    pub(super) fn through(self, measured_at: Quantizer, score: f32) -> Self {
        Self { measured_at, log_loss: log_loss(score), ..self }
    }

    /// Returns the curve that contains this curve's measurement and a second measurement.
    pub(super) fn refined(self, measured_at: Quantizer, score: f32) -> Self {
        let second = self.through(measured_at, score);
        if (measured_at.value() - self.measured_at.value()).abs() < MIN_SLOPE_DISTANCE {
            return second;
        }
        let typical = typical_log_loss(measured_at) - typical_log_loss(self.measured_at);
        let steepness = (second.log_loss - self.log_loss) / typical;
        Self { steepness: steepness.clamp(*STEEPNESS_RANGE.start(), *STEEPNESS_RANGE.end()), ..second }
    }

    /// Returns the coarsest quantizer that reaches a score.
    pub(crate) fn quantizer_for(self, score: f32, step: QuantizerStep) -> Quantizer {
        let log_loss = typical_log_loss(self.measured_at) + (log_loss(score) - self.log_loss) / self.steepness;
        let slope = if log_loss < 0.0 { SLOPE_BELOW_BEND } else { SLOPE_ABOVE_BEND };
        Quantizer::at_most(BEND + log_loss / slope, step)
    }
}

/// Returns the logarithm of the loss on the typical curve, relative to the loss at its bend.
fn typical_log_loss(at: Quantizer) -> f32 {
    let distance = at.value() - BEND;
    distance * if distance < 0.0 { SLOPE_BELOW_BEND } else { SLOPE_ABOVE_BEND }
}

fn log_loss(score: f32) -> f32 {
    // Only lossless files have a score of 100.
    (100.0 - score).max(1.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curve_contains_its_measurement_and_falls_with_the_quantizer() {
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
        // A black-and-white portrait with a steep curve, encoded by libaom 3.11 at speed 6.
        let curve = photograph().through(Quantizer::whole(10), 70.9).refined(Quantizer::whole(3), 83.26);
        assert_eq!(curve.quantizer_for(70.89, QuantizerStep::Whole), Quantizer::whole(10));
        assert_eq!(curve.quantizer_for(83.25, QuantizerStep::Whole), Quantizer::whole(3));
        assert_eq!(curve.quantizer_for(75.0, QuantizerStep::Whole), Quantizer::whole(8));
    }

    #[test]
    fn unreachable_score_needs_the_finest_quantizer() {
        assert_eq!(
            photograph().through(Quantizer::whole(40), 20.0).quantizer_for(95.0, QuantizerStep::Whole),
            Quantizer::FINEST
        );
    }

    fn photograph() -> ScoreCurve {
        ScoreCurve::typical(Content::Photograph, Depth::Eight)
    }
}

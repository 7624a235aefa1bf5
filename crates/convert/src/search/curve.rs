//! How a picture's score goes with the quantizer.

use std::ops::RangeInclusive;

use avif::{Content, Quantizer, Step};
use model::Depth;

/// The coarsest quantizer that is tried. SSIMULACRA2 hardly sees a flat color that is shifted, which is what the coarsest
/// make of one: by up to 20 levels of 255 in drawn pictures of one color.
pub(super) fn coarsest(content: Content) -> Quantizer {
    match content {
        Content::Photograph => Quantizer::whole(42),
        Content::Graphic => Quantizer::whole(25),
    }
}

/// A picture's scores by quantizer. The logarithm of what is missing to 100 grows with the quantizer along two straight
/// lines, whose slopes are much the same for most pictures; their height is the picture's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Curve {
    /// Where it is known.
    at: Quantizer,
    /// The logarithm of what is missing to 100 there.
    missing: f32,
    /// What its slopes are to the usual ones.
    steepness: f32,
}

/// The slopes below and above [`BEND`]: the medians of seven photographs from quality 20 to 90, SVT-AV1 and libaom.
const FINE: f32 = 0.025;
const COARSE: f32 = 0.041;
const BEND: f32 = 25.0;

/// The score that the typical pictures below reach.
const TYPICAL: f32 = 75.0;

/// How much a slope may differ from the usual one. The steepest seen of 41 photographs was 3.1 times as steep.
const STEEPNESS: RangeInclusive<f32> = 0.5..=4.0;
/// How far apart two measurements tell a slope and not their own chance.
const APART: f32 = 2.0;

impl Curve {
    /// What a picture is taken for before anything is known of it.
    pub(crate) fn typical(content: Content, depth: Depth) -> Self {
        // Measured on 40 photographs and 5 screenshots; libaom 3.11 has another idea of a quantizer than later ones.
        let quantizer = match (content, depth, cfg!(feature = "system")) {
            (Content::Photograph, Depth::Eight, false) => 16,
            (Content::Photograph, _, false) => 23,
            (Content::Photograph | Content::Graphic, _, _) => 28,
        };
        Self { at: Quantizer::whole(quantizer), missing: missing(TYPICAL), steepness: 1.0 }
    }

    /// What a photograph of this curve at 8 bits is taken for at 10, near a score: of 26 photographs, all but one were within
    /// three quantizers.
    pub(super) fn at_ten_bits(self, score: f32) -> Self {
        let eight = self.quantizer(score, Step::Whole).value();
        Self { at: Quantizer::at_most(13.5 + 0.6 * eight, Step::Whole), missing: missing(score), steepness: 1.0 }
    }

    /// The curve of the same slopes through a measurement.
    pub(super) fn moved(self, at: Quantizer, score: f32) -> Self {
        Self { at, missing: missing(score), ..self }
    }

    /// The curve through a second measurement as well as where it is known.
    pub(super) fn bent(self, at: Quantizer, score: f32) -> Self {
        let moved = self.moved(at, score);
        if (at.value() - self.at.value()).abs() < APART {
            return moved;
        }
        let steepness = (moved.missing - self.missing) / (height(at) - height(self.at));
        Self { steepness: steepness.clamp(*STEEPNESS.start(), *STEEPNESS.end()), ..moved }
    }

    /// The coarsest quantizer that reaches a score.
    pub(crate) fn quantizer(self, score: f32, step: Step) -> Quantizer {
        let wanted = height(self.at) + (missing(score) - self.missing) / self.steepness;
        Quantizer::at_most(BEND + wanted / if wanted < 0.0 { FINE } else { COARSE }, step)
    }
}

/// How high the usual curve is at a quantizer, above its bend.
fn height(at: Quantizer) -> f32 {
    let steps = at.value() - BEND;
    steps * if steps < 0.0 { FINE } else { COARSE }
}

fn missing(score: f32) -> f32 {
    // Nothing scores 100 that is not lossless.
    (100.0 - score).max(1.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_through_what_was_measured_and_falls_with_the_quantizer() {
        for known in [3, 16, 25, 40, 60].map(Quantizer::whole) {
            let curve = photograph().moved(known, 70.0);
            assert!(known.value() - curve.quantizer(70.01, Step::Quarter).value() <= 0.25);
            assert!(curve.quantizer(80.0, Step::Whole) < known && curve.quantizer(60.0, Step::Whole) > known);
        }
    }

    #[test]
    fn a_curve_goes_through_two_measurements_of_a_steep_picture() {
        // A portrait in black and white, by libaom 3.11 at speed 6.
        let curve = photograph().moved(Quantizer::whole(10), 70.9).bent(Quantizer::whole(3), 83.26);
        assert_eq!(curve.quantizer(70.89, Step::Whole), Quantizer::whole(10));
        assert_eq!(curve.quantizer(83.25, Step::Whole), Quantizer::whole(3));
        assert_eq!(curve.quantizer(75.0, Step::Whole), Quantizer::whole(8));
    }

    #[test]
    fn what_no_quantizer_reaches_is_the_finest() {
        assert_eq!(photograph().moved(Quantizer::whole(40), 20.0).quantizer(95.0, Step::Whole), Quantizer::FINEST);
    }

    fn photograph() -> Curve {
        Curve::typical(Content::Photograph, Depth::Eight)
    }
}

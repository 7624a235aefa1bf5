//! How a picture's score goes with the quantizer.

use avif::Content;
use model::FixedQuality;

/// A codec's quantizer as libavif names it: 1 (finest that is not lossless) to 63. Its hundred qualities are no more than
/// these, so a search by quality would encode some files twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantizer(u8);

impl Quantizer {
    pub(super) const FINEST: Self = Self(1);
    const COARSEST: Self = Self(63);

    /// The coarsest that is tried. SSIMULACRA2 hardly sees a flat colour that is shifted, which is what the coarsest make of
    /// one: by up to 20 levels of 255 in drawn pictures of one colour.
    pub(super) fn coarsest(content: Content) -> Self {
        match content {
            Content::Photograph => Self(42),
            Content::Graphic => Self(25),
        }
    }

    /// The quality that libavif makes this quantizer of: `((100 - quality) * 63 + 50) / 100`, in write.c.
    pub(crate) fn quality(self) -> FixedQuality {
        let below = (u16::from(self.0) * 100 + 31) / 63;
        let quality = u8::try_from(100 - below).ok().and_then(|quality| FixedQuality::try_from(quality).ok());
        quality.expect("63 steps of 100/63 are 100")
    }

    pub(super) fn finer(self, steps: u8) -> Self {
        Self(self.0.saturating_sub(steps)).max(Self::FINEST)
    }

    pub(super) fn coarser(self, steps: u8) -> Self {
        Self(self.0.saturating_add(steps))
    }

    pub(super) fn distance(self, other: Self) -> u8 {
        self.0.abs_diff(other.0)
    }

    /// The coarsest that is no coarser than this.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the quantizers")]
    fn at_most(quantizer: f32) -> Self {
        Self(quantizer.floor().clamp(f32::from(Self::FINEST.0), f32::from(Self::COARSEST.0)) as u8)
    }
}

/// A picture's scores by quantizer. The logarithm of what is missing to 100 grows with the quantizer along two straight
/// lines, whose slopes are much the same for all pictures; their height is the picture's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Curve {
    /// Where it is known.
    at: f32,
    /// The logarithm of what is missing to 100 there.
    missing: f32,
}

/// The slopes below and above [`BEND`]: the medians of seven photographs from quality 20 to 90, SVT-AV1 and libaom.
const FINE: f32 = 0.025;
const COARSE: f32 = 0.041;
const BEND: f32 = 25.0;

/// The score that the typical pictures below reach.
const TYPICAL: f32 = 75.0;

impl Curve {
    /// The curve through one measurement.
    pub(super) fn through(quantizer: Quantizer, score: f32) -> Self {
        Self { at: f32::from(quantizer.0), missing: missing(score) }
    }

    /// What a picture is taken for before anything is known of it.
    pub(crate) fn typical(content: Content) -> Self {
        // Measured on 40 photographs and 5 screenshots; libaom 3.11 has another idea of a quantizer than later ones.
        let quantizer = match (content, cfg!(feature = "system")) {
            (Content::Photograph, false) => 16,
            (Content::Photograph | Content::Graphic, _) => 28,
        };
        Self::through(Quantizer(quantizer), TYPICAL)
    }

    /// The same curve, so much higher.
    pub(super) fn raised(self, by: f32) -> Self {
        Self { missing: missing(100.0 - self.missing.exp() + by), ..self }
    }

    /// The coarsest quantizer that reaches a score.
    pub(crate) fn quantizer(self, score: f32) -> Quantizer {
        // Along the slopes from what is known: heights above the bend's.
        let height = |quantizer: f32| (quantizer - BEND) * if quantizer < BEND { FINE } else { COARSE };
        let wanted = height(self.at) + missing(score) - self.missing;
        Quantizer::at_most(BEND + wanted / if wanted < 0.0 { FINE } else { COARSE })
    }
}

fn missing(score: f32) -> f32 {
    // Nothing scores 100 that is not lossless.
    (100.0 - score).max(1.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantizer_is_what_libavif_makes_of_its_quality() {
        for quantizer in 1..=63 {
            let quality = u32::from(Quantizer(quantizer).quality().number());
            assert_eq!(((100 - quality) * 63 + 50) / 100, u32::from(quantizer));
        }
    }

    #[test]
    fn a_curve_goes_through_what_was_measured_and_falls_with_the_quantizer() {
        for known in [3, 16, 25, 40, 60] {
            let curve = Curve::through(Quantizer(known), 70.0);
            assert!(curve.quantizer(69.99).distance(Quantizer(known)) <= 1);
            assert!(
                curve.quantizer(80.0) < Quantizer(known) && curve.quantizer(60.0) > Quantizer(known).min(Quantizer(62))
            );
        }
    }

    #[test]
    fn what_no_quantizer_reaches_is_the_finest() {
        assert_eq!(Curve::through(Quantizer(40), 20.0).quantizer(95.0), Quantizer::FINEST);
    }
}

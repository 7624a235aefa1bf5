use model::FixedQuality;

/// libavif's quantizer: 0 is lossless, 1 the finest that is not, 63 the coarsest. Its hundred qualities are no more than
/// these. Held in quarters, for SVT-AV1 tells those apart; other codecs take whole ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantizer {
    quarters: u8,
}

/// Quarters in a whole quantizer.
const WHOLE: u8 = 4;

impl Quantizer {
    /// The finest that is not lossless.
    pub const FINEST: Self = Self::whole(1);
    /// The coarsest.
    pub const COARSEST: Self = Self::whole(63);

    /// A whole one, 0 to 63; what is beyond is the coarsest.
    #[must_use]
    pub const fn whole(number: u8) -> Self {
        Self { quarters: if number > 63 { 63 * WHOLE } else { number * WHOLE } }
    }

    /// The coarsest multiple of `step` that is no coarser than `value` and is not lossless.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the quantizers")]
    pub fn at_most(value: f32, step: Step) -> Self {
        let quarters = (value * f32::from(WHOLE)).floor();
        let quarters = quarters.clamp(f32::from(Self::FINEST.quarters), f32::from(Self::COARSEST.quarters)) as u8;
        Self { quarters: quarters - quarters % step.quarters() }
    }

    /// The number, 0.0 to 63.0.
    #[must_use]
    pub fn value(self) -> f32 {
        f32::from(self.quarters) / f32::from(WHOLE)
    }

    /// One step finer; the finest stays.
    #[must_use]
    pub fn finer(self, step: Step) -> Self {
        Self { quarters: self.quarters.saturating_sub(step.quarters()) }.max(Self::FINEST)
    }

    /// One step coarser, which may be one beyond the coarsest.
    #[must_use]
    pub fn coarser(self, step: Step) -> Self {
        Self { quarters: self.quarters.saturating_add(step.quarters()) }
    }

    /// Whether every sample comes back exactly as it was.
    #[must_use]
    pub fn is_lossless(self) -> bool {
        self.quarters == 0
    }

    /// The quality of which libavif makes this quantizer without its quarters: `((100 - quality) * 63 + 50) / 100`, in
    /// write.c.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it does not")]
    pub fn quality(self) -> FixedQuality {
        let below = (u16::from(self.quarters / WHOLE) * 100 + 31) / 63;
        let quality = u8::try_from(100 - below.min(100)).ok().and_then(|quality| FixedQuality::try_from(quality).ok());
        quality.expect("a hundred less something is a quality")
    }

    /// Whether `quality` is not all that there is to it.
    pub(crate) fn has_quarters(self) -> bool {
        !self.quarters.is_multiple_of(WHOLE)
    }
}

impl From<FixedQuality> for Quantizer {
    fn from(quality: FixedQuality) -> Self {
        let below = u16::from(100 - quality.number());
        Self::whole(u8::try_from((below * 63 + 50) / 100).unwrap_or(u8::MAX))
    }
}

/// How far apart the quantizers are that a codec can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// SVT-AV1's, from version 4 on.
    Quarter,
    /// Every other codec's.
    Whole,
}

impl Step {
    fn quarters(self) -> u8 {
        match self {
            Self::Quarter => 1,
            Self::Whole => WHOLE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantizer_is_what_libavif_makes_of_its_quality() {
        for number in 0..=63 {
            let quality = Quantizer::whole(number).quality();
            assert_eq!(((100 - u32::from(quality.number())) * 63 + 50) / 100, u32::from(number));
            assert_eq!(Quantizer::from(quality), Quantizer::whole(number));
        }
    }

    #[test]
    fn what_is_asked_for_is_rounded_to_what_is_finer() {
        assert_eq!(Quantizer::at_most(27.9, Step::Whole), Quantizer::whole(27));
        assert_eq!(Quantizer::at_most(27.9, Step::Quarter), Quantizer { quarters: 27 * 4 + 3 });
        assert_eq!(Quantizer::at_most(-3.0, Step::Quarter), Quantizer::FINEST);
        assert_eq!(Quantizer::at_most(90.0, Step::Whole), Quantizer::COARSEST);
    }
}

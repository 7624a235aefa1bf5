use model::FixedQuality;

/// libavif's quantizer: 0 is lossless, 1 is the finest lossy quantizer, and 63 is the coarsest. libavif maps its
/// qualities 0 to 100 to these 64 quantizers. The value is stored in quarters, because SVT-AV1 accepts quarters of a
/// quantizer. Other codecs accept only whole quantizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantizer {
    quarters: u8,
}

/// The number of quarters in a whole quantizer.
const QUARTERS_PER_WHOLE: u8 = 4;

impl Quantizer {
    /// The finest quantizer that is not lossless.
    pub const FINEST: Self = Self::whole(1);
    /// The coarsest quantizer.
    pub const COARSEST: Self = Self::whole(63);

    /// Returns a whole quantizer, 0 to 63. Larger numbers become 63.
    #[must_use]
    pub const fn whole(number: u8) -> Self {
        Self { quarters: if number > 63 { 63 * QUARTERS_PER_WHOLE } else { number * QUARTERS_PER_WHOLE } }
    }

    /// Returns the largest multiple of `step` that is not above `value` and is not lossless.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of quantizers")]
    pub fn at_most(value: f32, step: QuantizerStep) -> Self {
        let quarters = (value * f32::from(QUARTERS_PER_WHOLE)).floor();
        let quarters = quarters.clamp(f32::from(Self::FINEST.quarters), f32::from(Self::COARSEST.quarters)) as u8;
        Self { quarters: quarters - quarters % step.quarters() }
    }

    /// Returns the quantizer as a number, 0.0 to 63.0.
    #[must_use]
    pub fn value(self) -> f32 {
        f32::from(self.quarters) / f32::from(QUARTERS_PER_WHOLE)
    }

    /// Returns the quantizer that is one step finer, but not finer than [`Quantizer::FINEST`].
    #[must_use]
    pub fn finer(self, step: QuantizerStep) -> Self {
        Self { quarters: self.quarters.saturating_sub(step.quarters()) }.max(Self::FINEST)
    }

    /// Returns the quantizer that is one step coarser. The result may be one step above [`Quantizer::COARSEST`].
    #[must_use]
    pub fn coarser(self, step: QuantizerStep) -> Self {
        Self { quarters: self.quarters.saturating_add(step.quarters()) }
    }

    /// Whether decoding returns exactly the encoded samples.
    #[must_use]
    pub fn is_lossless(self) -> bool {
        self.quarters == 0
    }

    /// Returns the quality that libavif maps to this quantizer. A fraction of the quantizer is ignored. libavif
    /// computes `((100 - quality) * 63 + 50) / 100` (write.c).
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the number is always between 0 and 100")]
    pub fn quality(self) -> FixedQuality {
        let loss = (u16::from(self.quarters / QUARTERS_PER_WHOLE) * 100 + 31) / 63;
        let quality = u8::try_from(100 - loss.min(100)).ok().and_then(|quality| FixedQuality::try_from(quality).ok());
        quality.expect("the quality is between 0 and 100")
    }
}

impl From<FixedQuality> for Quantizer {
    fn from(quality: FixedQuality) -> Self {
        let loss = u16::from(100 - quality.number());
        Self::whole(u8::try_from((loss * 63 + 50) / 100).unwrap_or(u8::MAX))
    }
}

/// The distance between the quantizers that a codec accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantizerStep {
    /// A quarter of a quantizer. SVT-AV1 accepts quarters from version 4 on.
    Quarter,
    /// A whole quantizer. All other codecs accept only whole quantizers.
    Whole,
}

impl QuantizerStep {
    fn quarters(self) -> u8 {
        match self {
            Self::Quarter => 1,
            Self::Whole => QUARTERS_PER_WHOLE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_maps_to_the_same_quantizer_as_in_libavif() {
        for number in 0..=63 {
            let quality = Quantizer::whole(number).quality();
            assert_eq!(((100 - u32::from(quality.number())) * 63 + 50) / 100, u32::from(number));
            assert_eq!(Quantizer::from(quality), Quantizer::whole(number));
        }
    }

    #[test]
    fn value_is_rounded_to_the_finer_quantizer() {
        assert_eq!(Quantizer::at_most(27.9, QuantizerStep::Whole), Quantizer::whole(27));
        assert_eq!(Quantizer::at_most(27.9, QuantizerStep::Quarter), Quantizer { quarters: 27 * 4 + 3 });
        assert_eq!(Quantizer::at_most(-3.0, QuantizerStep::Quarter), Quantizer::FINEST);
        assert_eq!(Quantizer::at_most(90.0, QuantizerStep::Whole), Quantizer::COARSEST);
    }
}

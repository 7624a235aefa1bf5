use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::text::convert_as_text;

/// The quality of the encoded image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Quality {
    /// The smallest file that reaches a target score. A search finds the quantizer for each image.
    Visual(Score),
    /// The same encoder quality for every image.
    Fixed(FixedQuality),
}

/// A target SSIMULACRA2 score, 30.0 to 95.0. At 50 a difference is visible, at 70 it is not disturbing, at 90 it is
/// invisible even in a flicker test (github.com/cloudinary/ssimulacra2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    tenths: u16,
}

/// A quality on libavif's scale, 0 (worst) to 100 (lossless).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedQuality(u8);

/// The text is not a quality.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "quality {0:?} is neither a whole number from 0 to 100 nor a target score, visual:{min} to visual:{max}",
    min = Score::MIN_TENTHS / 10, max = Score::MAX_TENTHS / 10
)]
pub struct InvalidQuality(String);

impl Score {
    const MIN_TENTHS: u16 = 300;
    const MAX_TENTHS: u16 = 950;

    /// Returns the score, 30.0 to 95.0.
    #[must_use]
    pub fn value(self) -> f32 {
        f32::from(self.tenths) / 10.0
    }
}

impl FixedQuality {
    /// Returns the number, 0 to 100.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether the encoding is lossless: decoding returns every sample unchanged.
    #[must_use]
    pub fn is_lossless(self) -> bool {
        self.0 == 100
    }
}

impl Default for FixedQuality {
    /// Returns 60, the default of libavif.
    fn default() -> Self {
        Self(60)
    }
}

impl TryFrom<u8> for FixedQuality {
    type Error = InvalidQuality;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        if number > 100 { Err(InvalidQuality(number.to_string())) } else { Ok(Self(number)) }
    }
}

impl Quality {
    /// Whether a search determines the quantizer. The search encodes the image several times.
    #[must_use]
    pub fn is_searched(self) -> bool {
        match self {
            Self::Visual(_) => true,
            Self::Fixed(_) => false,
        }
    }

    /// Whether the encoding is lossless: decoding returns every sample unchanged.
    #[must_use]
    pub fn is_lossless(self) -> bool {
        match self {
            Self::Visual(_) => false,
            Self::Fixed(quality) => quality.is_lossless(),
        }
    }
}

impl Default for Quality {
    /// Returns visual:75. The difference is hard to notice, and the file is about as large as with the defaults of the
    /// encoders.
    fn default() -> Self {
        Self::Visual(Score { tenths: 750 })
    }
}

impl FromStr for Quality {
    type Err = InvalidQuality;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || InvalidQuality(text.to_owned());
        if let Some(score) = text.strip_prefix("visual:") {
            return Ok(Self::Visual(score.parse().map_err(|()| bad())?));
        }
        let number: u8 = text.parse().map_err(|_| bad())?;
        Ok(Self::Fixed(number.try_into().map_err(|_| bad())?))
    }
}

impl FromStr for Score {
    type Err = ();

    /// Parses a number with at most one decimal.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
        let is_plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if tenth.len() != 1 || !is_plain(whole) || !is_plain(tenth) {
            return Err(());
        }
        let whole: u16 = whole.parse().map_err(|_| ())?;
        let tenths = whole.checked_mul(10).ok_or(())? + tenth.parse::<u16>().map_err(|_| ())?;
        if (Self::MIN_TENTHS..=Self::MAX_TENTHS).contains(&tenths) { Ok(Self { tenths }) } else { Err(()) }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())
    }
}

impl fmt::Display for FixedQuality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Visual(score) => write!(f, "visual:{score}"),
            Self::Fixed(quality) => write!(f, "{quality}"),
        }
    }
}

convert_as_text!(Quality);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_outside_its_range_is_rejected() {
        for text in [
            "101",
            "-1",
            "",
            "high",
            "60.5",
            "visual",
            "visual:",
            "visual:29.9",
            "visual:95.1",
            "visual:75.25",
            "visual:+75",
        ] {
            let error = text.parse::<Quality>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("quality {text:?} is neither a whole number from 0 to 100 nor")),
                "{error}"
            );
        }
    }

    #[test]
    fn quality_is_parsed_from_its_own_text() {
        for text in ["0", "60", "100", "visual:30", "visual:75", "visual:82.5", "visual:95"] {
            assert_eq!(text.parse::<Quality>().unwrap().to_string(), text);
        }
    }
}

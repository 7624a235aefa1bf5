use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How good the result should look.
///
/// A fixed number today. A target that is measured (the smallest file that reaches a given SSIMULACRA2 score) is a
/// second variant here and a second arm where `convert` encodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Quality {
    /// libavif's scale, 0 (worst) to 100 (lossless). Private inside, so that no number out of range exists.
    Fixed(FixedQuality),
}

/// A number from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedQuality(u8);

/// The text is not a quality.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("quality {0:?} is not a whole number from 0 to 100")]
pub struct BadQuality(String);

impl FixedQuality {
    /// The number, 0 to 100.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether every sample must come back exactly as it was.
    #[must_use]
    pub fn is_lossless(self) -> bool {
        self.0 == 100
    }
}

impl Default for Quality {
    fn default() -> Self {
        Self::Fixed(FixedQuality(60))
    }
}

impl FromStr for Quality {
    type Err = BadQuality;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(number @ 0..=100) => Ok(Self::Fixed(FixedQuality(number))),
            _ => Err(BadQuality(text.to_owned())),
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(quality) => write!(f, "{}", quality.0),
        }
    }
}

impl TryFrom<String> for Quality {
    type Error = BadQuality;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Quality> for String {
    fn from(quality: Quality) -> Self {
        quality.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quality_outside_its_range_is_refused_by_name() {
        for text in ["101", "-1", "", "high", "60.5"] {
            let error = text.parse::<Quality>().unwrap_err();
            assert_eq!(error.to_string(), format!("quality {text:?} is not a whole number from 0 to 100"));
        }
        assert_eq!("0".parse::<Quality>().unwrap().to_string(), "0");
        assert_eq!("100".parse::<Quality>().unwrap().to_string(), "100");
    }
}

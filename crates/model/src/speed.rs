use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The encoder's speed on libavif's scale: 0 (slowest, smallest files) to 10 (fastest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Speed(u8);

/// The text is not a speed.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("speed {0:?} is not a whole number from 0 to 10")]
pub struct InvalidSpeed(String);

impl Speed {
    /// 8, at which an encoder takes about half of the CPU time that it takes at the default speed.
    pub const FAST: Self = Self(8);
    /// 7, at which SVT-AV1 takes about half of the CPU time that it takes at the default speed.
    pub const QUICK: Self = Self(7);

    /// Returns the speed, 0 to 10.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// Returns the next slower speed. The slowest speed returns itself.
    #[must_use]
    pub fn slower(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl Default for Speed {
    /// Returns 6, which takes about a third of a CPU second per megapixel (docs/performance.md).
    fn default() -> Self {
        Self(6)
    }
}

impl TryFrom<u8> for Speed {
    type Error = InvalidSpeed;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        if number > 10 { Err(InvalidSpeed(number.to_string())) } else { Ok(Self(number)) }
    }
}

impl From<Speed> for u8 {
    fn from(speed: Speed) -> Self {
        speed.0
    }
}

impl FromStr for Speed {
    type Err = InvalidSpeed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number: u8 = text.parse().map_err(|_| InvalidSpeed(text.to_owned()))?;
        number.try_into()
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_outside_its_range_is_rejected() {
        assert_eq!("11".parse::<Speed>().unwrap_err().to_string(), "speed \"11\" is not a whole number from 0 to 10");
        assert!("fast".parse::<Speed>().is_err());
        assert_eq!("10".parse::<Speed>().unwrap().number(), 10);
    }
}

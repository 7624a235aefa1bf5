use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::text::convert_as_text;

/// The sRGB color behind transparent areas, in formats without alpha. The default is white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Background {
    /// Red, green and blue levels, 0 to 255.
    pub rgb: [u8; 3],
}

/// The text is not a color.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("color {0:?} is not six hexadecimal digits, such as ffffff for white")]
pub struct InvalidBackground(String);

impl Default for Background {
    fn default() -> Self {
        Self { rgb: [u8::MAX; 3] }
    }
}

impl FromStr for Background {
    type Err = InvalidBackground;

    /// Parses six hexadecimal digits, with or without `#`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidBackground(text.to_owned());
        let digits = text.strip_prefix('#').unwrap_or(text);
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).map_err(|_| invalid())?.to_be_bytes();
        Ok(Self { rgb: [red, green, blue] })
    }
}

impl fmt::Display for Background {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.rgb;
        write!(to, "{red:02x}{green:02x}{blue:02x}")
    }
}

convert_as_text!(Background);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_is_parsed_from_its_own_text() {
        assert_eq!("#0A80ff".parse(), Ok(Background { rgb: [10, 128, 255] }));
        assert_eq!(Background::default().to_string().parse(), Ok(Background::default()));
    }

    #[test]
    fn text_that_is_not_a_color_is_rejected() {
        for text in ["", "white", "#fff", "+fffff", "fffffff"] {
            assert_eq!(text.parse::<Background>(), Err(InvalidBackground(text.into())));
        }
    }
}

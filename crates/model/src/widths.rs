use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How wide one variant is to be. An image is never enlarged: asked for more than it has, it stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Width {
    /// At most so many pixels, counted after the image was turned upright.
    Pixels(NonZeroU32),
    /// The source's own width.
    Full,
}

/// The variants that one image becomes: at least one, each asked for once, the widest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Width>", into = "Vec<Width>")]
pub struct Widths(Vec<Width>);

/// The text is not a list of widths.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidWidths {
    /// One entry is neither a number nor the word.
    #[error("width {0:?} is neither \"full\" nor a whole number of pixels from 1 to {max}", max = Width::MAX)]
    Entry(String),
    /// There is no entry.
    #[error("no width is named; write \"full\" for the source's own")]
    Empty,
}

impl Width {
    /// The longest side that readers accept (libavif's `AVIF_DEFAULT_IMAGE_DIMENSION_LIMIT`); AV1 itself ends at 65,536.
    pub const MAX: u32 = 32_768;

    /// The width in pixels that a source of `width` pixels gets.
    #[must_use]
    pub fn of(self, width: u32) -> u32 {
        match self {
            Self::Full => width,
            Self::Pixels(pixels) => pixels.get().min(width),
        }
    }
}

impl Widths {
    /// The widths, the widest first: the longest encode is begun first.
    pub fn iter(&self) -> impl Iterator<Item = Width> + '_ {
        self.0.iter().copied()
    }
}

impl Default for Widths {
    fn default() -> Self {
        Self(vec![Width::Full])
    }
}

impl TryFrom<Vec<Width>> for Widths {
    type Error = InvalidWidths;

    fn try_from(mut widths: Vec<Width>) -> Result<Self, Self::Error> {
        if widths.is_empty() {
            return Err(InvalidWidths::Empty);
        }
        widths.sort_unstable_by(|a, b| b.cmp(a));
        widths.dedup();
        Ok(Self(widths))
    }
}

impl From<Widths> for Vec<Width> {
    fn from(widths: Widths) -> Self {
        widths.0
    }
}

impl FromStr for Widths {
    type Err = InvalidWidths;

    /// Reads `full,1280,640`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(str::parse).collect::<Result<Vec<Width>, _>>()?.try_into()
    }
}

impl FromStr for Width {
    type Err = InvalidWidths;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "full" {
            return Ok(Self::Full);
        }
        match text.parse::<NonZeroU32>() {
            Ok(pixels) if pixels.get() <= Self::MAX => Ok(Self::Pixels(pixels)),
            _ => Err(InvalidWidths::Entry(text.to_owned())),
        }
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Pixels(pixels) => write!(f, "{pixels}"),
        }
    }
}

impl TryFrom<String> for Width {
    type Error = InvalidWidths;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Width> for String {
    fn from(width: Width) -> Self {
        width.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn widths_are_read_once_each_and_widest_first() {
        let widths: Widths = "640, full,1280,640".parse().unwrap();
        assert_eq!(widths.iter().map(|width| width.to_string()).collect::<Vec<_>>(), ["full", "1280", "640"]);
    }

    #[test]
    fn a_wrong_width_is_named() {
        assert_eq!("640,wide".parse::<Widths>(), Err(InvalidWidths::Entry("wide".into())));
        assert_eq!("0".parse::<Widths>(), Err(InvalidWidths::Entry("0".into())));
        assert_eq!("32769".parse::<Widths>(), Err(InvalidWidths::Entry("32769".into())));
        assert_eq!(" , ".parse::<Widths>(), Err(InvalidWidths::Empty));
    }

    proptest! {
        #[test]
        fn no_width_ever_enlarges(asked in 1..=Width::MAX, source in 1..=Width::MAX) {
            let width: Width = asked.to_string().parse().unwrap();
            prop_assert!(width.of(source) <= source && width.of(source) <= asked);
            prop_assert_eq!(Width::Full.of(source), source);
        }
    }
}

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::text::convert_as_text;

/// The requested width of one variant. An image is never enlarged: if the requested width is larger than the source,
/// the variant has the width of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Width {
    /// The maximum width in pixels, after the orientation is applied.
    Pixels(NonZeroU32),
    /// The width of the source.
    Full,
}

/// The requested widths of a source's variants: at least one, without duplicates, widest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Width>", into = "Vec<Width>")]
pub struct Widths(Vec<Width>);

/// The text is not a list of widths.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidWidths {
    /// An entry is neither a number in the range nor `full`.
    #[error("width {0:?} is neither \"full\" nor a whole number of pixels from 1 to {max}", max = Width::MAX)]
    Entry(String),
    /// The list is empty.
    #[error("the list of widths is empty; write \"full\" for the width of the source")]
    Empty,
}

impl Width {
    /// The longest side that readers accept (libavif's `AVIF_DEFAULT_IMAGE_DIMENSION_LIMIT`). AV1 allows 65,536.
    pub const MAX: u32 = 32_768;

    /// Returns the width of the variant in pixels, for a source that is `source_width` pixels wide.
    #[must_use]
    pub fn resolve(self, source_width: u32) -> u32 {
        match self {
            Self::Full => source_width,
            Self::Pixels(pixels) => pixels.get().min(source_width),
        }
    }
}

impl Widths {
    /// Returns the widths, widest first, so that the longest encode starts first.
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

    /// Parses a list such as `full,1280,640`.
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

convert_as_text!(Width);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn widths_are_deduplicated_and_sorted_widest_first() {
        let widths: Widths = "640, full,1280,640".parse().unwrap();
        assert_eq!(widths.iter().map(|width| width.to_string()).collect::<Vec<_>>(), ["full", "1280", "640"]);
    }

    #[test]
    fn error_for_an_invalid_width_contains_the_width() {
        assert_eq!("640,wide".parse::<Widths>(), Err(InvalidWidths::Entry("wide".into())));
        assert_eq!("0".parse::<Widths>(), Err(InvalidWidths::Entry("0".into())));
        assert_eq!("32769".parse::<Widths>(), Err(InvalidWidths::Entry("32769".into())));
        assert_eq!(" , ".parse::<Widths>(), Err(InvalidWidths::Empty));
    }

    proptest! {
        #[test]
        fn width_never_enlarges_the_source(requested in 1..=Width::MAX, source in 1..=Width::MAX) {
            let width: Width = requested.to_string().parse().unwrap();
            prop_assert!(width.resolve(source) <= source && width.resolve(source) <= requested);
            prop_assert_eq!(Width::Full.resolve(source), source);
        }
    }
}

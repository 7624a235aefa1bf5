use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::text::convert_as_text;

/// The requested size of one variant, after the orientation is applied. An image is never enlarged.
///
/// The order is the order of the variants: the widest first, and `full` before all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Size {
    /// The size of the source.
    Full,
    /// The maximum width in pixels. The height follows from the proportions of the source.
    Width(NonZeroU32),
    /// The largest size with the proportions of the source that fits inside a box.
    Inside(BoxSize),
    /// The size of a box. The part of the source that has the proportions of the box is shown. If this part is smaller than
    /// the box, the variant has the size of the part.
    Cover(BoxSize),
}

/// The width and height of a box in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoxSize {
    /// The width.
    pub width: NonZeroU32,
    /// The height.
    pub height: NonZeroU32,
}

/// The requested sizes of a source's variants: at least one, without duplicates, widest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Size>", into = "Vec<Size>")]
pub struct Sizes(Vec<Size>);

/// The text is not a list of sizes.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidSizes {
    /// An entry is not a size.
    #[error(
        "size {0:?} is none of \"full\", a width (640), a box to fit into (640x360) and a box to cover (256x256:cover), \
         with sides from 1 to {max} pixels",
        max = Size::MAX_SIDE
    )]
    Entry(String),
    /// The list is empty.
    #[error("the list of sizes is empty; write \"full\" for the size of the source")]
    Empty,
}

impl Size {
    /// The longest side that readers accept (libavif's `AVIF_DEFAULT_IMAGE_DIMENSION_LIMIT`). AV1 allows 65,536.
    pub const MAX_SIDE: u32 = 32_768;

    /// Whether the variant may show only a part of the source.
    #[must_use]
    pub fn is_crop(self) -> bool {
        matches!(self, Self::Cover(_))
    }

    /// The values by which sizes are sorted, in descending order. A list of widths is sorted as in earlier releases.
    fn rank(self) -> (u32, u8, u32) {
        match self {
            Self::Full => (u32::MAX, 0, 0),
            Self::Width(width) => (width.get(), 2, 0),
            Self::Inside(BoxSize { width, height }) => (width.get(), 1, height.get()),
            Self::Cover(BoxSize { width, height }) => (width.get(), 0, height.get()),
        }
    }
}

impl Ord for Size {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Size {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Sizes {
    /// Returns the sizes, widest first, so that the longest encode starts first.
    pub fn iter(&self) -> impl Iterator<Item = Size> + '_ {
        self.0.iter().copied()
    }
}

impl Default for Sizes {
    fn default() -> Self {
        Self(vec![Size::Full])
    }
}

impl TryFrom<Vec<Size>> for Sizes {
    type Error = InvalidSizes;

    fn try_from(mut sizes: Vec<Size>) -> Result<Self, Self::Error> {
        if sizes.is_empty() {
            return Err(InvalidSizes::Empty);
        }
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.dedup();
        Ok(Self(sizes))
    }
}

impl From<Sizes> for Vec<Size> {
    fn from(sizes: Sizes) -> Self {
        sizes.0
    }
}

impl FromStr for Sizes {
    type Err = InvalidSizes;

    /// Parses a list such as `full,1280,640x360,256x256:cover`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(str::parse).collect::<Result<Vec<Size>, _>>()?.try_into()
    }
}

impl FromStr for Size {
    type Err = InvalidSizes;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let size = match (text.strip_suffix(":cover"), text) {
            (None, "full") => Some(Self::Full),
            (Some(text), _) => parse_box(text).map(Self::Cover),
            (None, text) => parse_side(text).map(Self::Width).or_else(|| parse_box(text).map(Self::Inside)),
        };
        size.ok_or_else(|| InvalidSizes::Entry(text.to_owned()))
    }
}

fn parse_box(text: &str) -> Option<BoxSize> {
    let (width, height) = text.split_once('x')?;
    Some(BoxSize { width: parse_side(width)?, height: parse_side(height)? })
}

/// Parses a number of pixels from 1 to [`Size::MAX_SIDE`].
fn parse_side(text: &str) -> Option<NonZeroU32> {
    let side: NonZeroU32 = text.parse().ok()?;
    (side.get() <= Size::MAX_SIDE).then_some(side)
}

impl fmt::Display for Size {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => to.write_str("full"),
            Self::Width(width) => write!(to, "{width}"),
            Self::Inside(size) => write!(to, "{size}"),
            Self::Cover(size) => write!(to, "{size}:cover"),
        }
    }
}

impl fmt::Display for BoxSize {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}x{}", self.width, self.height)
    }
}

convert_as_text!(Size);

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sizes: &str) -> Vec<String> {
        sizes.parse::<Sizes>().unwrap().iter().map(|size| size.to_string()).collect()
    }

    #[test]
    fn sizes_are_deduplicated_and_sorted_widest_first() {
        assert_eq!(texts("640, full,1280,640,0640,+640"), ["full", "1280", "640"]);
        let mixed = texts("100x100:cover,640,200x100,640x360,100x50:cover,full,640x480:cover,640x360");
        let expected = ["full", "640", "640x360", "640x480:cover", "200x100", "100x100:cover", "100x50:cover"];
        assert_eq!(mixed, expected);
    }

    #[test]
    fn error_for_an_invalid_size_contains_the_size() {
        for text in [
            "wide",
            "0",
            "32769",
            "640x",
            "x360",
            "640x0",
            "640x360:contain",
            "640:cover",
            ":cover",
            "640x360x2",
            "640X360",
            "-1",
        ] {
            assert_eq!(format!("640,{text}").parse::<Sizes>(), Err(InvalidSizes::Entry(text.into())));
        }
        assert_eq!(" , ".parse::<Sizes>(), Err(InvalidSizes::Empty));
    }
}

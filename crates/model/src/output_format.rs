use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Size;
use crate::text::convert_as_text;

/// The format of a variant. The order is the order of the formats in reports and manifests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// AVIF (AV1 Image File Format).
    #[default]
    Avif,
    /// WebP.
    Webp,
    /// JPEG. It has neither alpha nor frames.
    Jpeg,
}

/// The formats of a source's variants: at least one, without duplicates, in the order of [`OutputFormat`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<OutputFormat>", into = "Vec<OutputFormat>")]
pub struct Formats(Vec<OutputFormat>);

/// Identifies one variant among the variants of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VariantId {
    /// The requested size.
    pub size: Size,
    /// The format.
    pub format: OutputFormat,
}

/// The text is not a list of formats.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidFormats {
    /// An entry is not the name of a format.
    #[error("format {0:?} is none of {known}", known = OutputFormat::ALL.map(OutputFormat::name).join(", "))]
    Entry(String),
    /// The list is empty.
    #[error("the list of formats is empty; the default is \"avif\"")]
    Empty,
}

/// The text does not identify a variant.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is neither a size nor a size and a format, such as 640.webp")]
pub struct InvalidVariantId(String);

impl OutputFormat {
    /// All formats, in their order.
    pub const ALL: [Self; 3] = [Self::Avif, Self::Webp, Self::Jpeg];

    /// Returns the name of the format in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Avif => "avif",
            Self::Webp => "webp",
            Self::Jpeg => "jpeg",
        }
    }

    /// Returns the longest side in pixels that the format allows, if it is shorter than [`Size::MAX_SIDE`]. The limit of WebP is
    /// libwebp's `WEBP_MAX_DIMENSION`.
    #[must_use]
    pub fn max_side(self) -> Option<u32> {
        match self {
            Self::Avif | Self::Jpeg => None,
            Self::Webp => Some(16_383),
        }
    }

    /// Returns the media type (IANA media types registry).
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Avif => "image/avif",
            Self::Webp => "image/webp",
            Self::Jpeg => "image/jpeg",
        }
    }
}

impl Formats {
    /// Returns the formats in their order.
    pub fn iter(&self) -> impl Iterator<Item = OutputFormat> + '_ {
        self.0.iter().copied()
    }
}

impl Default for Formats {
    fn default() -> Self {
        Self(vec![OutputFormat::default()])
    }
}

impl TryFrom<Vec<OutputFormat>> for Formats {
    type Error = InvalidFormats;

    fn try_from(mut formats: Vec<OutputFormat>) -> Result<Self, Self::Error> {
        if formats.is_empty() {
            return Err(InvalidFormats::Empty);
        }
        formats.sort_unstable();
        formats.dedup();
        Ok(Self(formats))
    }
}

impl From<Formats> for Vec<OutputFormat> {
    fn from(formats: Formats) -> Self {
        formats.0
    }
}

impl FromStr for Formats {
    type Err = InvalidFormats;

    /// Parses a list such as `avif,webp,jpeg`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(str::parse).collect::<Result<Vec<OutputFormat>, _>>()?.try_into()
    }
}

impl FromStr for OutputFormat {
    type Err = InvalidFormats;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let format = Self::ALL.into_iter().find(|format| format.name() == text);
        format.ok_or_else(|| InvalidFormats::Entry(text.to_owned()))
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

impl fmt::Display for VariantId {
    /// Writes the size, and the format unless it is AVIF: `640`, `full.webp`.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            OutputFormat::Avif => write!(to, "{}", self.size),
            format @ (OutputFormat::Webp | OutputFormat::Jpeg) => write!(to, "{}.{format}", self.size),
        }
    }
}

impl FromStr for VariantId {
    type Err = InvalidVariantId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (size, format) = text.split_once('.').unwrap_or((text, OutputFormat::Avif.name()));
        match (size.parse(), format.parse()) {
            (Ok(size), Ok(format)) => Ok(Self { size, format }),
            _ => Err(InvalidVariantId(text.to_owned())),
        }
    }
}

convert_as_text!(VariantId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_deduplicated_and_sorted() {
        let formats: Formats = "jpeg, avif,webp,avif".parse().unwrap();
        assert_eq!(formats.iter().collect::<Vec<_>>(), OutputFormat::ALL);
        assert_eq!("avif".parse(), Ok(Formats::default()));
    }

    #[test]
    fn unknown_format_is_reported_with_the_known_formats() {
        let error = "avif,jpg".parse::<Formats>().unwrap_err().to_string();
        assert_eq!(error, r#"format "jpg" is none of avif, webp, jpeg"#);
        assert_eq!(" ,".parse::<Formats>(), Err(InvalidFormats::Empty));
    }

    #[test]
    fn variant_id_is_parsed_from_its_own_text() {
        for text in ["full", "640", "full.webp", "640.jpeg", "640x360", "256x256:cover.webp"] {
            assert_eq!(text.parse::<VariantId>().unwrap().to_string(), text);
        }
        for text in ["", ".webp", "640.", "640.gif", "wide"] {
            assert_eq!(text.parse::<VariantId>(), Err(InvalidVariantId(text.into())));
        }
    }
}

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Quality, Speed, Widths};

/// All settings that change the variants. Equal recipes produce the same variants from the same source, so the recipe's
/// fingerprint shows whether a stored variant is up to date.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The widths of the variants.
    pub widths: Widths,
    /// The quality of the variants.
    pub quality: Quality,
    /// The encoder's speed.
    pub speed: Speed,
    /// Whether Exif and XMP are copied.
    pub metadata: Metadata,
}

/// Whether Exif and XMP are copied to the variants. The color description is always kept, and the orientation is always
/// applied to the pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metadata {
    /// Exif and XMP are removed, including camera data, GPS position and thumbnail.
    #[default]
    Strip,
    /// Exif and XMP are copied, with the Exif orientation set to upright.
    Keep,
}

/// The text is not a value of [`Metadata`].
#[derive(Debug, Error, PartialEq, Eq)]
#[error("metadata {0:?} is neither \"strip\" nor \"keep\"")]
pub struct InvalidMetadata(String);

impl FromStr for Metadata {
    type Err = InvalidMetadata;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "strip" => Ok(Self::Strip),
            "keep" => Ok(Self::Keep),
            _ => Err(InvalidMetadata(text.to_owned())),
        }
    }
}

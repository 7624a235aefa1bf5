use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Quality, Speed, Widths};

/// What is made of an image. Two equal recipes make the same variants of the same source, so a recipe's digest tells
/// whether a stored variant is still what is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The variants.
    pub widths: Widths,
    /// How good they look.
    pub quality: Quality,
    /// How much CPU they may cost.
    pub speed: Speed,
    /// What becomes of Exif and XMP.
    pub metadata: Metadata,
}

/// What becomes of Exif and XMP. The color description always stays, and orientation is always applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metadata {
    /// Dropped: no camera, no place, no thumbnail.
    #[default]
    Strip,
    /// Carried along, with the orientation in it set to upright.
    Keep,
}

/// The text is not a choice of metadata.
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

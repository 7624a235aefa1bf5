use serde::{Deserialize, Serialize};

use crate::{Area, Location, OutputFormat, Size, SourceInfo, VariantId};

/// The stored list of the variants of a source, as JSON. It is written after the variants. `docs/manifest.schema.json`
/// describes the JSON, and `docs/manifest.md` when the variants exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format. Version 1 has neither this field nor the fields that are optional here.
    #[serde(default = "first_version")]
    pub manifest_version: u32,
    /// The program that wrote the manifest, such as `avif-lambda/0.1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The source.
    pub source: ManifestSource,
    /// The fingerprint of the recipe.
    #[serde(rename = "recipe")]
    pub fingerprint: String,
    /// What a page can show before the image arrives. `None` if the pixels were not decoded, because the only variant is a
    /// copy of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<Placeholder>,
    /// The stored variants, widest first. A variant that would be larger than its source is not listed.
    pub variants: Vec<ManifestVariant>,
}

/// The source in a manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestSource {
    /// The location.
    #[serde(flatten)]
    pub at: Location,
    /// The ETag, without quotation marks.
    pub etag: String,
    /// The version ID, if the bucket is versioned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Properties of the image.
    #[serde(flatten)]
    pub info: SourceInfo,
    /// Whether any pixel is transparent. `None` if the pixels were not decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<bool>,
    /// Whether the source is an animation.
    #[serde(default)]
    pub animated: bool,
}

/// What a page can show before the image arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placeholder {
    /// The `ThumbHash` of the image (evanw.github.io/thumbhash), in Base64.
    pub thumbhash: String,
    /// The most frequent color, as in CSS: `#` and six hexadecimal digits.
    pub color: String,
}

/// A stored variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestVariant {
    /// The location.
    #[serde(flatten)]
    pub at: Location,
    /// The size that the recipe requests.
    #[serde(rename = "asked")]
    pub requested: Size,
    /// The format.
    #[serde(default)]
    pub format: OutputFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The part of the source that the variant shows, unless it shows the whole source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<Area>,
    /// The media type, such as `image/avif`.
    #[serde(rename = "type")]
    pub media_type: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The SSIMULACRA2 score (100 is identical), if a quality search measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// SHA-256 of the content, in hexadecimal.
    pub sha256: String,
    /// The ETag, without quotation marks. A reader can use it in `If-Match` to get exactly this content.
    pub etag: String,
}

impl Manifest {
    /// The version that this release writes.
    pub const VERSION: u32 = 2;
}

impl ManifestVariant {
    /// The requested size and the format.
    #[must_use]
    pub fn id(&self) -> VariantId {
        VariantId { size: self.requested, format: self.format }
    }
}

fn first_version() -> u32 {
    1
}

//! The manifest: a JSON object that lists the variants of a source. It is written after the variants, so every variant
//! that it lists exists.

use model::{Location, OutputFormat, SourceInfo, VariantId, Width};
use serde::Serialize;

/// The content of a manifest. The field names are part of the stored format.
#[derive(Debug, Serialize)]
pub(crate) struct Manifest<'set> {
    pub(crate) source: ManifestSource<'set>,
    #[serde(rename = "recipe")]
    pub(crate) fingerprint: String,
    pub(crate) variants: Vec<ManifestVariant<'set>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ManifestSource<'set> {
    #[serde(flatten)]
    pub(crate) at: &'set Location,
    pub(crate) etag: &'set str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<&'set str>,
    #[serde(flatten)]
    pub(crate) info: &'set SourceInfo,
}

/// A stored variant.
#[derive(Debug, Serialize)]
pub(crate) struct ManifestVariant<'set> {
    #[serde(flatten)]
    pub(crate) at: &'set Location,
    #[serde(rename = "asked")]
    pub(crate) requested: Width,
    pub(crate) format: OutputFormat,
    pub(crate) width: u32,
    pub(crate) height: u32,
    #[serde(rename = "type")]
    pub(crate) media_type: &'static str,
    pub(crate) bytes: u64,
    /// SHA-256 of the content, in hexadecimal.
    pub(crate) sha256: String,
    /// The ETag, without quotation marks. A reader can use it in `If-Match` to get exactly this content.
    pub(crate) etag: String,
}

impl ManifestVariant<'_> {
    pub(crate) fn id(&self) -> VariantId {
        VariantId { width: self.requested, format: self.format }
    }
}

//! The manifest: one JSON object beside a source's variants that lists them. It is written last, so whoever begins there
//! finds a whole set.

use model::{Location, SourceInfo, Width};
use serde::Serialize;

/// A source and what was made of it.
#[derive(Debug, Serialize)]
pub(crate) struct Manifest<'set> {
    pub(crate) source: Source<'set>,
    pub(crate) recipe: String,
    pub(crate) variants: Vec<Entry<'set>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Source<'set> {
    #[serde(flatten)]
    pub(crate) at: &'set Location,
    pub(crate) etag: &'set str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<&'set str>,
    #[serde(flatten)]
    pub(crate) facts: &'set SourceInfo,
}

/// One variant that is stored.
#[derive(Debug, Serialize)]
pub(crate) struct Entry<'set> {
    #[serde(flatten)]
    pub(crate) at: &'set Location,
    #[serde(rename = "asked")]
    pub(crate) requested: Width,
    pub(crate) width: u32,
    pub(crate) height: u32,
    #[serde(rename = "type")]
    pub(crate) media_type: &'static str,
    pub(crate) bytes: u64,
    /// Of its content, in hexadecimal.
    pub(crate) sha256: String,
    /// With which a reader asks S3 for exactly this content.
    pub(crate) etag: String,
}

//! What a listing consists of, whether S3 or an inventory provides it.

use serde::{Deserialize, Serialize};

/// The largest number of entries in a page: the maximum of `ListObjectsV2`.
pub(crate) const MAX_ENTRIES: usize = 1000;

/// Where the keys come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The bucket with the sources.
    pub bucket: String,
    /// The prefix of their keys; empty for all keys.
    pub prefix: String,
    /// Bucket and key of an inventory's `manifest.json`. If it is `None`, the bucket is listed.
    pub inventory: Option<(String, String)>,
}

/// The position in a listing at which the next page starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// The beginning.
    #[default]
    Start,
    /// After this key.
    After(String),
    /// In an inventory: index of the file, and number of rows of this file that were read.
    Row(usize, u64),
    /// The end: there are no more pages.
    End,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, decoded.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
    /// ETag without quotation marks, if the listing contains it.
    pub etag: Option<String>,
    /// Whether the object must be restored before it can be read, according to the listing.
    pub is_archived: bool,
}

/// Up to 1,000 objects.
#[derive(Debug, Default)]
pub struct Page {
    /// The objects, in the order of the listing.
    pub entries: Vec<Entry>,
    /// Where the next page starts.
    pub next: Cursor,
}

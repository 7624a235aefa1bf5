//! The parts of a listing: its origin, its pages and their entries. S3 or an inventory provides the listing.

use serde::{Deserialize, Serialize};

/// The maximum number of entries in a page. `ListObjectsV2` returns at most this number of keys.
pub(crate) const MAX_ENTRIES: usize = 1000;

/// The origin of the keys: a bucket, or an inventory of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The bucket with the sources.
    pub bucket: String,
    /// The prefix of the sources' keys; empty for all keys.
    pub prefix: String,
    /// The bucket and the key of an inventory's `manifest.json`. `None` if the keys come from a listing of the bucket.
    pub inventory: Option<(String, String)>,
}

/// The position in a listing at which the next page starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// The listing has not started.
    #[default]
    Start,
    /// The next page starts after this key.
    After(String),
    /// The position in an inventory: the index of a file, and the number of rows of this file that were read.
    Row(usize, u64),
    /// There are no more pages.
    End,
}

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The decoded key.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
    /// ETag without quotation marks, if the listing contains it.
    pub etag: Option<String>,
    /// Whether the object must be restored before it can be read, according to the listing.
    pub is_archived: bool,
}

/// One page of a listing: up to 1,000 objects.
#[derive(Debug, Default)]
pub struct Page {
    /// The objects, in the order of the listing.
    pub entries: Vec<Entry>,
    /// The position at which the next page starts.
    pub next: Cursor,
}

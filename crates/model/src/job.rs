use serde::{Deserialize, Serialize};

use crate::{Location, Sequencer};

/// One state of a source object, as the event describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The bucket and key.
    pub at: Location,
    /// The version ID, if the bucket has versioning.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
    /// The ETag, without quotation marks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<String>,
    /// The event's sequencer, which orders the events of one key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sequencer: Option<Sequencer>,
}

/// What happened to the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The source was created or overwritten.
    Created,
    /// The source was deleted.
    Deleted,
}

/// One unit of work: a source and the change to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The source object.
    pub source: Source,
    /// The change that the event reports.
    pub change: Change,
}

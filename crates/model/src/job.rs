use serde::{Deserialize, Serialize};

use crate::{Location, Sequencer};

/// One state of one source object, as precisely as the event told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it lies.
    pub at: Location,
    /// Its version, in a bucket that keeps versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
    /// Its entity tag, without quotation marks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<String>,
    /// Its place among the events of its key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sequencer: Option<Sequencer>,
}

/// What happened to the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was written, for the first time or anew.
    Created,
    /// It was deleted.
    Deleted,
}

/// One thing to do: a source, and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The object in question.
    pub source: Source,
    /// What happened to it.
    pub change: Change,
}

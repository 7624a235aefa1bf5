//! A record of the calls that a server received.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One request. Calls are recorded in the order in which they change or read their object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The operation's name in the API, for example `GetObject`. IAM actions have the same names.
    pub operation: &'static str,
    /// The name of the bucket.
    pub bucket: String,
    /// The object's key; empty for an operation on a bucket.
    pub key: String,
    /// The user metadata in the request.
    pub metadata: HashMap<String, String>,
    /// The `ETag` of the object that `PutObject` stored, without quotation marks.
    pub etag: Option<String>,
    /// Whether the request has tags.
    pub has_tags: bool,
    /// The error code, for example `NoSuchKey`, if the call failed.
    pub error: Option<String>,
}

/// The recorded calls; `None` until recording starts.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Option<Vec<Call>>>>);

impl Calls {
    pub(super) fn record(&self) {
        self.lock().get_or_insert_default();
    }

    /// Records a call if recording has started. A long-running server does not start it, so that its memory does not
    /// grow.
    pub(super) fn add(&self, call: Call) {
        if let Some(calls) = &mut *self.lock() {
            calls.push(call);
        }
    }

    pub(super) fn take(&self) -> Vec<Call> {
        self.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Call>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

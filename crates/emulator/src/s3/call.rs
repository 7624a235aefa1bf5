//! What a server was asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One request, in the order in which requests took effect on their object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The operation's name in the API, `GetObject` for example: IAM's actions are named after it.
    pub operation: &'static str,
    /// The bucket.
    pub bucket: String,
    /// The object's key; empty where a bucket is meant.
    pub key: String,
    /// The user metadata that came along.
    pub metadata: HashMap<String, String>,
    /// The entity tag of what was put, without quotation marks.
    pub etag: Option<String>,
    /// Whether tags came along.
    pub tagged: bool,
    /// The error's code, `NoSuchKey` for example, where there was one.
    pub error: Option<String>,
}

/// The calls so far, where they are recorded.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Option<Vec<Call>>>>);

impl Calls {
    pub(super) fn record(&self) {
        self.lock().get_or_insert_default();
    }

    /// A server that stays up would keep them for ever, so they are kept only where somebody takes them.
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

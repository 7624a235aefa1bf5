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

/// The calls so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    pub(super) fn add(&self, call: Call) {
        self.lock().push(call);
    }

    pub(super) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

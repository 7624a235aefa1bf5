use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

/// One invocation, over.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// A UUID; empty where no environment came up to give it to.
    pub request_id: String,
    /// What the function answered.
    pub result: Result<Value, FunctionError>,
    /// From handing the event out to the answer.
    pub took: Duration,
    /// From starting the process to its first poll, where this invocation had to wait for that.
    pub init: Option<Duration>,
}

/// A failed invocation, in Lambda's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{error_type}: {error_message}")]
pub struct FunctionError {
    /// The function's own name for it, or one of Lambda's: `Sandbox.Timedout`, `Runtime.ExitError`…
    pub error_type: String,
    /// What happened.
    pub error_message: String,
}

/// An asynchronous invocation, over.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The event.
    pub event: Value,
    /// The attempts before the last, all failed; two at most.
    pub retried: Vec<Invocation>,
    /// The last attempt. An error here means that the event went where failures go: the dead letter queue or the
    /// destination on failure.
    pub last: Invocation,
}

impl Invocation {
    /// The most bytes an answer may have: 6 MB and a little (AWS Lambda developer guide, "Lambda quotas").
    pub const MOST_BYTES: usize = 6_291_556;

    pub(crate) fn without_environment(error: FunctionError) -> Self {
        Self { request_id: String::new(), result: Err(error), took: Duration::ZERO, init: None }
    }
}

impl FunctionError {
    pub(crate) fn new(error_type: &str, error_message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), error_message: error_message.into() }
    }
}

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

/// A finished invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The request identifier, a UUID; empty if no environment could be started.
    pub request_id: String,
    /// The function's response or its error.
    pub result: Result<Value, FunctionError>,
    /// The time from sending the event to receiving the response.
    pub duration: Duration,
    /// If this invocation was a cold start: the time from the start of the process to its first request for an event.
    pub init_duration: Option<Duration>,
}

/// The error of a failed invocation, as Lambda reports it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{error_type}: {error_message}")]
pub struct FunctionError {
    /// The function's own error type, or one of Lambda's: `Sandbox.Timedout`, `Runtime.ExitError`…
    pub error_type: String,
    /// The error message.
    pub error_message: String,
}

/// A finished asynchronous invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct AsyncInvocation {
    /// The event.
    pub event: Value,
    /// The failed attempts before the last one; at most two.
    pub failed_attempts: Vec<Invocation>,
    /// The last attempt. If it failed, Lambda would send the event to the dead-letter queue or to the on-failure
    /// destination.
    pub last_attempt: Invocation,
}

impl Invocation {
    /// The maximum size of a response: 6 MB and 100 bytes (AWS Lambda developer guide, "Lambda quotas").
    pub const MAX_RESPONSE_BYTES: usize = 6_291_556;

    pub(crate) fn without_environment(error: FunctionError) -> Self {
        Self { request_id: String::new(), result: Err(error), duration: Duration::ZERO, init_duration: None }
    }
}

impl FunctionError {
    pub(crate) fn new(error_type: &str, error_message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), error_message: error_message.into() }
    }
}

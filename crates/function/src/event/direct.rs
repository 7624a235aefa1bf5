//! A direct invocation by a person or by Step Functions: `{"bucket": …, "key": …}`. The key is not encoded.

use model::Job;
use serde::Deserialize;
use serde_json::Value;

use super::error::MalformedEvent;
use super::payload::deserialize;
use super::record::{conversion_job, object_location};

const KIND: &str = "direct invocation";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DirectRequest {
    bucket: String,
    key: String,
}

/// Whether the event has the fields `bucket` and `key` at its top level.
pub(super) fn is_request(event: &Value) -> bool {
    event.get("bucket").is_some() && event.get("key").is_some()
}

pub(super) fn parse(event: &Value) -> Result<Job, MalformedEvent> {
    let DirectRequest { bucket, key } = deserialize(event, KIND)?;
    let at = object_location(Some(bucket), Some(key))
        .map_err(|error| MalformedEvent::Invalid { event: KIND, problem: error.to_string() })?;
    Ok(conversion_job(at))
}

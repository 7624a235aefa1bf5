//! Builds the S3 event notifications that tests send.

use serde_json::{Value, json};

/// Returns a record of an S3 notification about an object in the bucket `photos`, with only the required fields.
pub(crate) fn record(name: &str, object: &Value) -> Value {
    json!({
        "eventSource": "aws:s3",
        "eventName": name,
        "eventTime": "2026-01-02T03:04:05.678Z",
        "userIdentity": {"principalId": "EXAMPLE"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {},
        "s3": {"bucket": {"name": "photos"}, "object": object},
    })
}

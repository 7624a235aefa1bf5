//! What S3 would tell, where a test tells it.

use serde_json::{Value, json};

/// A record of an S3 notification with as little beside the object as there may be.
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

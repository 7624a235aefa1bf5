//! S3's events by EventBridge (Amazon S3 user guide, "EventBridge event message structure"). Keys come as they are.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use model::{Change, Job};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::s3::{Unusable, place, source};
use super::{Malformed, Told, read};

#[derive(Debug, Serialize, Deserialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
}

#[derive(Debug, Serialize, Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Object {
    key: String,
    etag: Option<String>,
    version_id: Option<String>,
    sequencer: Option<String>,
}

/// Whether it is an event from S3.
pub(super) fn is(event: &Value) -> bool {
    event.get("source").and_then(Value::as_str) == Some("aws.s3") && event.get("detail-type").is_some()
}

pub(super) fn told(event: &Value) -> Result<Told, Malformed> {
    let name = event.get("detail-type").and_then(Value::as_str).unwrap_or_default();
    let change = match name {
        // An archived object can be read now.
        "Object Created" | "Object Restore Completed" => Change::Created,
        // By a request or by a lifecycle; for good, or under a delete marker.
        "Object Deleted" => Change::Deleted,
        _ => {
            let reason = format!(
                "event {name:?} asks for nothing known here; match \"Object Created\", \"Object Deleted\" and \
                 \"Object Restore Completed\""
            );
            return Ok(Told { refused: vec![reason], ..Told::default() });
        }
    };
    let event: EventBridgeEvent<Detail> = read(event, "EventBridge event from aws.s3")?;
    Ok([job(event.detail, change)].into_iter().collect())
}

fn job(detail: Detail, change: Change) -> Result<Job, Unusable> {
    let Object { key, etag, version_id, sequencer } = detail.object;
    let at = place(Some(detail.bucket.name), Some(key))?;
    Ok(Job { source: source(at, version_id, etag, sequencer.as_deref())?, change })
}

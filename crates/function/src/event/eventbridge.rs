//! S3 events from EventBridge (Amazon S3 user guide, "EventBridge event message structure"). Their keys are not
//! encoded.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use model::{Change, Job};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::MalformedEvent;
use super::payload::deserialize;
use super::record::{Records, RejectedRecord, event_source, object_location};

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

pub(super) fn is_s3_event(event: &Value) -> bool {
    event.get("source").and_then(Value::as_str) == Some("aws.s3") && event.get("detail-type").is_some()
}

pub(super) fn parse(event: &Value) -> Result<Records, MalformedEvent> {
    let change = match event.get("detail-type").and_then(Value::as_str).unwrap_or_default() {
        // After a restore, the function can read an object that was archived.
        "Object Created" | "Object Restore Completed" => Change::Created,
        // A request or a lifecycle rule deleted the object, permanently or with a delete marker.
        "Object Deleted" => Change::Deleted,
        other => {
            return Ok([Err(RejectedRecord::UnsupportedEventBridgeEvent(other.to_owned()))].into_iter().collect());
        }
    };
    let event: EventBridgeEvent<Detail> = deserialize(event, "EventBridge event from aws.s3")?;
    Ok([parse_detail(event.detail, change)].into_iter().collect())
}

fn parse_detail(detail: Detail, change: Change) -> Result<Job, RejectedRecord> {
    let Object { key, etag, version_id, sequencer } = detail.object;
    let at = object_location(Some(detail.bucket.name), Some(key))?;
    Ok(Job { source: event_source(at, version_id, etag, sequencer.as_deref())?, change })
}

//! S3 event notifications (Amazon S3 user guide, "Event message structure"). Their keys are form-encoded.

use model::{Change, Job};
use serde::Deserialize;
use serde_json::Value;

use super::error::MalformedEvent;
use super::payload::{all_records_are_from, deserialize};
use super::record::{Records, RejectedRecord, decode_key, event_source, object_location};

#[derive(Debug, Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

/// This type has only the fields that the function uses, because records of other S3 servers and of a backfill have no
/// requester and no time.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: Option<String>,
    s3: Entity,
}

#[derive(Debug, Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Bucket {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    key: Option<String>,
    version_id: Option<String>,
    e_tag: Option<String>,
    sequencer: Option<String>,
}

/// Whether the event is the test message that S3 sends once when notifications are configured. The test message has no
/// records.
pub(super) fn is_test_message(event: &Value) -> bool {
    event.get("Event").and_then(Value::as_str) == Some("s3:TestEvent")
}

/// Whether all records are from S3, or from another S3 server. Such servers have other source names: `minio:s3`,
/// `ceph:s3`.
pub(super) fn is_notification(event: &Value) -> bool {
    all_records_are_from(event, "eventSource", |source| source.ends_with(":s3"))
}

pub(super) fn parse(event: &Value) -> Result<Records, MalformedEvent> {
    let Notification { records } = deserialize(event, "S3 notification")?;
    Ok(records.into_iter().map(parse_record).collect())
}

fn parse_record(record: Record) -> Result<Job, RejectedRecord> {
    let name = record.event_name.unwrap_or_default();
    // MinIO and Ceph write the prefix s3: of the subscription before the name.
    let mut parts = name.strip_prefix("s3:").unwrap_or(&name).split(':');
    let change = match (parts.next(), parts.next()) {
        // After a restore, the function can read an object that was archived.
        (Some("ObjectCreated"), _) | (Some("ObjectRestore"), Some("Completed")) => Change::Created,
        // Ceph sends ObjectLifecycle:Expiration when a lifecycle rule expires an object.
        (Some("ObjectRemoved" | "LifecycleExpiration"), _) | (Some("ObjectLifecycle"), Some("Expiration")) => {
            Change::Deleted
        }
        _ => return Err(RejectedRecord::UnsupportedS3Event(name)),
    };
    let object = record.s3.object;
    let at = object_location(record.s3.bucket.name, object.key.as_deref().map(decode_key).transpose()?)?;
    Ok(Job { source: event_source(at, object.version_id, object.e_tag, object.sequencer.as_deref())?, change })
}

//! What S3 tells by way of SNS (Amazon SNS developer guide, "Lambda"; for a queue, "HTTP/HTTPS notification JSON format").

use serde::Deserialize;
use serde_json::Value;

use super::{Malformed, Told, is_from, read, told as plain};

const KIND: &str = "SNS notification";

/// What is read of an event, and no more: servers other than AWS's leave out times and signatures.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    #[serde(rename = "Sns")]
    sns: Notification,
}

#[derive(Debug, Deserialize)]
struct Notification {
    #[serde(rename = "Message")]
    message: String,
}

/// Whether every record is from SNS.
pub(super) fn is(event: &Value) -> bool {
    is_from(event, "EventSource", |source| source == "aws:sns")
}

/// Whether it is what SNS makes of a message for a queue, unless raw delivery is on.
pub(super) fn is_wrapped(body: &Value) -> bool {
    body.get("Type").and_then(Value::as_str) == Some("Notification") && body.get("TopicArn").is_some()
}

pub(super) fn told(event: &Value) -> Result<Told, Malformed> {
    let event: Event = read(event, KIND)?;
    let mut all = Told::default();
    for record in event.records {
        let Told { jobs, refused } = message(&record.sns.message)?;
        all.jobs.extend(jobs);
        all.refused.extend(refused);
    }
    Ok(all)
}

pub(super) fn unwrap(body: &Value) -> Result<Told, Malformed> {
    let text = body.get("Message").and_then(Value::as_str);
    message(text.ok_or_else(|| Malformed::Content { event: KIND, message: "Message: not a text".into() })?)
}

fn message(text: &str) -> Result<Told, Malformed> {
    let json = serde_json::from_str(text);
    let json: Value = json.map_err(|error| Malformed::Content { event: KIND, message: format!("Message: {error}") })?;
    plain(&json)
}

//! Takes an event out of its envelopes:
//!
//! - an event from SNS (Amazon SNS developer guide, "Lambda"),
//! - an SNS message in the body of an SQS message ("HTTP/HTTPS notification JSON format"),
//! - a record from an on-failure destination, sent when an asynchronous invocation failed for the last time (AWS Lambda
//!   developer guide, "Capturing records of Lambda asynchronous invocations"). Therefore a queue that receives such
//!   records can be connected to the function, which then processes the failed events again.

use serde::Deserialize;
use serde_json::Value;

use super::error::MalformedEvent;
use super::payload::{all_records_are_from, deserialize};
use super::record::RejectedRecord;

const SNS: &str = "SNS notification";
const FAILED_INVOCATION: &str = "record of a failed invocation: requestPayload";

/// An event without its envelopes.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) event: Value,
    is_from_failed_invocation: bool,
}

impl Payload {
    /// Adds the kind of the envelope to an error of the event that it contains.
    pub(super) fn add_context(&self, error: MalformedEvent) -> MalformedEvent {
        if self.is_from_failed_invocation { in_failed_invocation(error) } else { error }
    }
}

/// This type has only the fields that the function uses, because S3 servers other than AWS omit times and signatures.
#[derive(Debug, Deserialize)]
struct SnsEvent {
    #[serde(rename = "Records")]
    records: Vec<SnsRecord>,
}

#[derive(Debug, Deserialize)]
struct SnsRecord {
    #[serde(rename = "Sns")]
    sns: SnsMessage,
}

#[derive(Debug, Deserialize)]
struct SnsMessage {
    #[serde(rename = "Message")]
    message: String,
}

/// Removes all envelopes of this event, and returns the events that they contain. Returns the event itself if it has no
/// envelope. A record that must not be processed becomes a [`RejectedRecord`].
pub(super) fn unwrap(event: &Value) -> Result<Vec<Result<Payload, RejectedRecord>>, MalformedEvent> {
    if is_sns_event(event) {
        let SnsEvent { records } = deserialize(event, SNS)?;
        let mut payloads = vec![];
        for SnsRecord { sns } in records {
            payloads.extend(unwrap_sns_message(&sns.message)?);
        }
        return Ok(payloads);
    }
    if is_sns_message(event) {
        let SnsMessage { message } = deserialize(event, SNS)?;
        return unwrap_sns_message(&message);
    }
    let record = without_eventbridge(event);
    if is_invocation_record(record) {
        return unwrap_invocation_record(record);
    }
    Ok(vec![Ok(Payload { event: event.clone(), is_from_failed_invocation: false })])
}

fn is_sns_event(event: &Value) -> bool {
    all_records_are_from(event, "EventSource", |source| source == "aws:sns")
}

/// Whether the body of an SQS message is an SNS message. With raw message delivery, SNS adds no envelope.
fn is_sns_message(body: &Value) -> bool {
    body.get("Type").and_then(Value::as_str) == Some("Notification") && body.get("TopicArn").is_some()
}

fn unwrap_sns_message(text: &str) -> Result<Vec<Result<Payload, RejectedRecord>>, MalformedEvent> {
    let event: Value = serde_json::from_str(text)
        .map_err(|error| MalformedEvent::Invalid { event: SNS, problem: format!("Message: {error}") })?;
    unwrap(&event)
}

/// Returns the record inside an EventBridge event from Lambda, or the event itself.
fn without_eventbridge(event: &Value) -> &Value {
    let is_from_lambda = event.get("source").and_then(Value::as_str) == Some("lambda");
    event.get("detail").filter(|_| is_from_lambda).unwrap_or(event)
}

fn is_invocation_record(event: &Value) -> bool {
    event.get("requestContext").is_some() && event.get("requestPayload").is_some()
}

fn unwrap_invocation_record(record: &Value) -> Result<Vec<Result<Payload, RejectedRecord>>, MalformedEvent> {
    if record.pointer("/requestContext/condition").and_then(Value::as_str) == Some("Success") {
        return Ok(vec![Err(RejectedRecord::SuccessfulInvocation)]);
    }
    let mut payloads = unwrap(&record["requestPayload"]).map_err(in_failed_invocation)?;
    for payload in payloads.iter_mut().flatten() {
        payload.is_from_failed_invocation = true;
    }
    Ok(payloads)
}

fn in_failed_invocation(error: MalformedEvent) -> MalformedEvent {
    MalformedEvent::Enveloped { envelope: FAILED_INVOCATION, inner: Box::new(error) }
}

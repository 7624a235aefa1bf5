//! Parses a batch of SQS messages. The body of each message is an event of S3, SNS, EventBridge or an on-failure
//! destination, or a direct request (AWS Lambda developer guide, "Using Lambda with Amazon SQS").

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use serde_json::Value;

use super::error::MalformedEvent;
use super::payload::{all_records_are_from, deserialize};

/// A message with its unparsed body.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: String,
    /// The message group ID, if the queue is a FIFO queue.
    pub(super) group: Option<String>,
    pub(super) body: String,
}

/// Whether there is at least one record, and all records are from SQS.
pub(super) fn is_batch(event: &Value) -> bool {
    all_records_are_from(event, "eventSource", |source| source == "aws:sqs") && event.pointer("/Records/0").is_some()
}

pub(super) fn parse(event: &Value) -> Result<Vec<Message>, MalformedEvent> {
    let event: SqsEvent = deserialize(event, "SQS batch")?;
    let message = |SqsMessage { message_id, body, mut attributes, .. }: SqsMessage| Message {
        id: message_id.unwrap_or_default(),
        group: attributes.remove("MessageGroupId"),
        body: body.unwrap_or_default(),
    };
    Ok(event.records.into_iter().map(message).collect())
}

pub(super) fn parse_body(body: &str) -> Result<Value, MalformedEvent> {
    serde_json::from_str(body)
        .map_err(|error| MalformedEvent::Invalid { event: "SQS message", problem: format!("body: {error}") })
}

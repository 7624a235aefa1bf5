//! What S3 tells by way of SQS, perhaps by SNS or EventBridge before that (AWS Lambda developer guide, "Using Lambda with
//! Amazon SQS").

use std::ops::Range;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use serde_json::Value;

use super::{Batch, Malformed, Reply, Told, is_from, read, told};

/// What came of reading one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// By which the message is named in the answer.
    pub(super) id: String,
    /// Within a group of a queue of the kind FIFO, no message may overtake another.
    pub(super) group: Option<String>,
    /// Its jobs among the batch's; nothing for a message that was not understood.
    pub(super) jobs: Option<Range<usize>>,
}

/// Whether every record is from SQS.
pub(super) fn is(event: &Value) -> bool {
    // An empty list is nobody's, and asks for nothing whoever sent it.
    is_from(event, "eventSource", |source| source == "aws:sqs") && event.pointer("/Records/0").is_some()
}

pub(super) fn jobs(event: &Value) -> Result<Batch, Malformed> {
    let event: SqsEvent = read(event, "SQS batch")?;
    let (mut jobs, mut refused, mut messages) = (vec![], vec![], vec![]);
    for message in event.records {
        let begin = jobs.len();
        let SqsMessage { message_id, body, mut attributes, .. } = message;
        let id = message_id.unwrap_or_default();
        let understood = match read_body(&body.unwrap_or_default()) {
            Ok(told) => {
                jobs.extend(told.jobs);
                refused.extend(told.refused);
                true
            }
            // It harms no other. It comes back, and in the end goes where dead letters go, for somebody to look at.
            Err(error) => {
                refused.push(format!("message {id:?}: {error}"));
                false
            }
        };
        let group = attributes.remove("MessageGroupId");
        messages.push(Message { id, group, jobs: understood.then_some(begin..jobs.len()) });
    }
    Ok(Batch { jobs, refused, reply: Reply::Messages(messages) })
}

fn read_body(body: &str) -> Result<Told, Malformed> {
    let json: Value = serde_json::from_str(body)
        .map_err(|error| Malformed::Content { event: "SQS message", message: format!("body: {error}") })?;
    told(&json)
}

//! Parses an event into jobs. [`ResponseFormat`] then builds the response that the sender of the event expects.
//!
//! [`parse_event`] first handles the senders with their own response format: S3 Batch Operations, direct invocations
//! and SQS. It then takes the event out of its envelopes, for example an SNS message, and parses the records. HTTP requests are
//! no jobs; the module [`http`](crate::http) parses them.
//!
//! Each event source has its own file. To add an event source, write a file for it and call it in `parse_payload`. The
//! files of the event sources do not import this file.

mod direct;
mod envelope;
mod error;
mod eventbridge;
mod payload;
mod record;
mod response;
mod s3;
mod s3_batch;
mod sqs;
#[cfg(test)]
mod tests;

use model::Job;
use serde_json::Value;

pub use error::MalformedEvent;
use record::Records;
pub use response::{MessageJobs, ResponseFormat, TaskJob, TaskList};

/// The jobs of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The jobs, in the order of the event. A test message has none.
    pub jobs: Vec<Job>,
    /// The reason for each rejected record, which has no job. A retry would not help.
    pub rejected: Vec<String>,
    /// The response that the sender expects.
    pub response_format: ResponseFormat,
}

/// Parses an event from any supported source.
///
/// # Errors
/// [`MalformedEvent`], if the event is unknown or has invalid fields.
pub fn parse_event(event: &Value) -> Result<Batch, MalformedEvent> {
    if s3_batch::is_invocation(event) {
        let (Records { jobs, rejected }, tasks) = s3_batch::parse(event)?;
        return Ok(Batch { jobs, rejected, response_format: ResponseFormat::TaskResults(tasks) });
    }
    if direct::is_request(event) {
        let jobs = vec![direct::parse(event)?];
        return Ok(Batch { jobs, rejected: vec![], response_format: ResponseFormat::SingleReport });
    }
    if sqs::is_batch(event) {
        return Ok(parse_messages(sqs::parse(event)?));
    }
    let Records { jobs, rejected } = parse_records(event)?;
    Ok(Batch { jobs, rejected, response_format: ResponseFormat::Reports })
}

fn parse_messages(messages: Vec<sqs::Message>) -> Batch {
    let mut records = Records::default();
    let mut message_jobs = vec![];
    for sqs::Message { id, group, body } in messages {
        let first_job = records.jobs.len();
        let is_parsed = match sqs::parse_body(&body).and_then(|event| parse_records(&event)) {
            Ok(parsed) => {
                records.append(parsed);
                true
            }
            // Only this message fails, not the whole batch. SQS delivers the message again, and finally moves it to the
            // dead-letter queue.
            Err(error) => {
                records.rejected.push(format!("message {id:?}: {error}"));
                false
            }
        };
        message_jobs.push(MessageJobs { id, group, jobs: is_parsed.then_some(first_job..records.jobs.len()) });
    }
    let Records { jobs, rejected } = records;
    Batch { jobs, rejected, response_format: ResponseFormat::BatchItemFailures(message_jobs) }
}

/// Parses an event whose records describe objects, in any envelope.
fn parse_records(event: &Value) -> Result<Records, MalformedEvent> {
    let mut records = Records::default();
    for payload in envelope::unwrap(event)? {
        match payload {
            Ok(payload) => {
                records.append(parse_payload(&payload.event).map_err(|error| payload.add_context(error))?);
            }
            Err(reason) => records.rejected.push(reason.to_string()),
        }
    }
    Ok(records)
}

fn parse_payload(event: &Value) -> Result<Records, MalformedEvent> {
    if s3::is_test_message(event) {
        return Ok(Records::default());
    }
    if s3::is_notification(event) {
        return s3::parse(event);
    }
    if eventbridge::is_s3_event(event) {
        return eventbridge::parse(event);
    }
    if direct::is_request(event) {
        return Ok(Records { jobs: vec![direct::parse(event)?], rejected: vec![] });
    }
    Err(MalformedEvent::Unknown { description: payload::describe(event) })
}

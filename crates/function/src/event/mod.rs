//! Event bytes to jobs, and reports to the answer that the event's sender wants. Each kind of event is one file here; to
//! add one, write such a file and a line in [`jobs`].

mod bridge;
mod destination;
mod direct;
mod reply;
mod s3;
mod s3_batch;
mod sns;
mod sqs;

use model::{Change, Job, Location, Source};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

pub use reply::Reply;
use s3::Unusable;

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The jobs, in the event's order; none for a test message.
    pub jobs: Vec<Job>,
    /// Why a record became no job, for each that did not: no retry would change it.
    pub refused: Vec<String>,
    /// How the sender is answered.
    pub reply: Reply,
}

/// An event that cannot be understood. It is an error, so that the sender keeps it.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// It has none of the known forms.
    #[error(
        "unknown event with {seen}; understood are notifications of S3 (\"Records\" from aws:s3, s3:TestEvent), also by SNS \
         and SQS, EventBridge's from aws.s3, S3 Batch Operations (1.0, 2.0), {{\"bucket\": …, \"key\": …}}, and records \
         of failed invocations (requestPayload)"
    )]
    Unknown {
        /// What it has instead.
        seen: String,
    },
    /// It has the form of a known event, but not the content.
    #[error("{event}: {message}")]
    Content {
        /// What it was taken for.
        event: &'static str,
        /// What is wrong, and where.
        message: String,
    },
}

/// What S3 told of, whichever way it came.
#[derive(Debug, Default)]
struct Told {
    jobs: Vec<Job>,
    refused: Vec<String>,
}

/// A record that is unusable harms no other.
impl FromIterator<Result<Job, Unusable>> for Told {
    fn from_iter<T: IntoIterator<Item = Result<Job, Unusable>>>(records: T) -> Self {
        let mut told = Self::default();
        for record in records {
            match record {
                Ok(job) => told.jobs.push(job),
                Err(reason) => told.refused.push(reason.to_string()),
            }
        }
        told
    }
}

/// Reads an event of any known form.
///
/// # Errors
/// [`Malformed`], naming what was seen and what is understood.
pub fn jobs(event: &Value) -> Result<Batch, Malformed> {
    if s3_batch::is(event) {
        return s3_batch::jobs(event);
    }
    if direct::is(event) {
        return direct::jobs(event);
    }
    if sqs::is(event) {
        return sqs::jobs(event);
    }
    let Told { jobs, refused } = told(event)?;
    Ok(Batch { jobs, refused, reply: Reply::Reports })
}

/// Reads an event that names objects, by itself or inside a message of another service.
fn told(event: &Value) -> Result<Told, Malformed> {
    if s3::is_test(event) {
        return Ok(Told::default());
    }
    if s3::is(event) {
        return s3::told(event);
    }
    if bridge::is(event) {
        return bridge::told(event);
    }
    if sns::is(event) {
        return sns::told(event);
    }
    if sns::is_wrapped(event) {
        return sns::unwrap(event);
    }
    if destination::is(event) {
        return destination::told(event);
    }
    if direct::is(event) {
        return direct::told(event);
    }
    Err(Malformed::Unknown { seen: seen(event) })
}

/// To convert what lies there, in whatever state it is.
fn order(at: Location) -> Job {
    Job { source: Source { at, version: None, etag: None, sequencer: None }, change: Change::Created }
}

/// Whether there are records, and every one names such a source.
fn is_from(event: &Value, field: &str, is_source: impl Fn(&str) -> bool) -> bool {
    let from = |record: &Value| record.get(field).and_then(Value::as_str).is_some_and(&is_source);
    event.get("Records").and_then(Value::as_array).is_some_and(|records| records.iter().all(from))
}

/// An event of that kind, or what is wrong with it and where.
fn read<T: DeserializeOwned>(event: &Value, kind: &'static str) -> Result<T, Malformed> {
    serde_path_to_error::deserialize(event)
        .map_err(|error| Malformed::Content { event: kind, message: format!("{}: {}", error.path(), error.inner()) })
}

/// An unknown event in a few words: its fields and who it says it is from, not its content.
fn seen(event: &Value) -> String {
    let source = event.pointer("/Records/0/eventSource").or_else(|| event.get("source")).and_then(Value::as_str);
    let source = source.map(|source| format!(" from {:?}", shortened(source))).unwrap_or_default();
    match event {
        Value::Object(fields) if fields.is_empty() => "no fields".into(),
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().take(8).map(|name| format!("{:?}", shortened(name))).collect();
            format!("the fields {}{source}", names.join(", "))
        }
        Value::Array(_) => "a list at its top".into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => "a plain value at its top".into(),
    }
}

/// As much as is worth a place in a log.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

//! Event bytes to jobs. To add an event source, write one file beside `s3_notification.rs` and one line here.

use model::Job;
use serde_json::Value;
use thiserror::Error;

use crate::s3_notification;

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The jobs, in the event's order; none for a test message.
    pub jobs: Vec<Job>,
    /// Why a record became no job, for each that did not: no retry would change it.
    pub refused: Vec<String>,
}

/// An event that cannot be understood. It is an error, so that the sender keeps it.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// It has none of the known forms.
    #[error("unknown event with {seen}; understood are S3 notifications (\"Records\" from aws:s3) and s3:TestEvent")]
    Unknown {
        /// What it has instead.
        seen: String,
    },
    /// It has the form of an S3 notification, but not the content.
    #[error("S3 notification: {0}")]
    Notification(String),
}

/// Reads an event of any known form.
///
/// # Errors
/// [`Malformed`], naming what was seen and what is understood.
pub fn jobs(event: &Value) -> Result<Batch, Malformed> {
    if s3_notification::is_test(event) {
        return Ok(Batch { jobs: vec![], refused: vec![] });
    }
    if s3_notification::is(event) {
        return s3_notification::jobs(event);
    }
    Err(Malformed::Unknown { seen: seen(event) })
}

/// An unknown event in a few words: its fields, not its content.
fn seen(event: &Value) -> String {
    match event {
        Value::Object(fields) if fields.is_empty() => "no fields".into(),
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().take(8).map(|name| format!("{name:?}")).collect();
            format!("the fields {}", names.join(", "))
        }
        Value::Array(_) => "a list at its top".into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => "a plain value at its top".into(),
    }
}

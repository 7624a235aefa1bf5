//! Reports to answers.

use std::collections::HashSet;

use lambda_runtime::Diagnostic;
use model::{Outcome, Report};
use serde_json::{Value, json};

use super::s3_batch::Tasks;
use super::sqs::Message;

/// How an event's sender is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// By all reports. Lambda itself retries an asynchronous invocation that is answered by an error.
    Reports,
    /// By the one report.
    Report,
    /// By the messages of the queue that failed.
    Messages(Vec<Message>),
    /// By what came of each task of S3 Batch Operations.
    Tasks(Tasks),
}

/// Failures that an error names; the others are counted.
const NAMED: usize = 20;
/// Characters of the text that goes with a task's result, which S3 copies into the completion report.
const RESULT: usize = 1024;

impl Reply {
    /// The answer: the reports are the batch's jobs', in their order. `refused` are the records without a job.
    ///
    /// # Errors
    /// Where that is how the sender is told that something [failed](Outcome::Failed), which a retry may help.
    pub fn answer(&self, reports: &[Report], refused: &[String]) -> Result<Value, Diagnostic> {
        match self {
            Self::Reports => {
                fail_if_any_failed(reports)?;
                let mut answer = json!({ "reports": reports });
                if !refused.is_empty() {
                    answer["rejected_records"] = json!(refused);
                }
                Ok(answer)
            }
            Self::Report => {
                fail_if_any_failed(reports)?;
                Ok(json!(reports.first()))
            }
            Self::Messages(messages) => Ok(failures(messages, reports)),
            Self::Tasks(tasks) => Ok(results(tasks, reports)),
        }
    }
}

/// Refused images are reported, not retried: they would be refused again.
fn fail_if_any_failed(reports: &[Report]) -> Result<(), Diagnostic> {
    let failed: Vec<String> =
        reports.iter().filter_map(|report| Some(format!("{}: {}", report.job.source.at, failure(report)?))).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let more = failed.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let named = failed.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    let error_message = format!("{} of {} failed: {named}{more}", failed.len(), reports.len());
    Err(Diagnostic { error_type: "Failed".into(), error_message })
}

fn failure(report: &Report) -> Option<&str> {
    match &report.outcome {
        Outcome::Failed { reason } => Some(reason),
        Outcome::Converted { .. } | Outcome::Deleted { .. } | Outcome::Skipped { .. } | Outcome::Rejected { .. } => {
            None
        }
    }
}

/// A partial batch response (AWS Lambda developer guide, "Implementing partial batch responses").
fn failures(messages: &[Message], reports: &[Report]) -> Value {
    let mut stuck: HashSet<&str> = HashSet::new();
    let mut failed = vec![];
    for Message { id, group, jobs } in messages {
        let jobs = jobs.clone().map(|jobs| &reports[jobs]);
        let done = jobs.is_some_and(|reports| reports.iter().all(|report| failure(report).is_none()));
        // Behind one that failed, the group's others come again too, so that they stay in order.
        if !done || group.as_ref().is_some_and(|group| stuck.contains(group.as_str())) {
            failed.push(json!({ "itemIdentifier": id }));
            stuck.extend(group.as_deref());
        }
    }
    json!({ "batchItemFailures": failed })
}

fn results(tasks: &Tasks, reports: &[Report]) -> Value {
    let result = |(id, job): &(String, Result<usize, String>)| {
        let (code, text) = match job {
            Ok(index) => result(&reports[*index].outcome),
            Err(reason) => ("PermanentFailure", reason.clone()),
        };
        let text: String = text.chars().take(RESULT).collect();
        json!({ "taskId": id, "resultCode": code, "resultString": text })
    };
    json!({
        "invocationSchemaVersion": tasks.schema,
        // Every task has its result, so this is asked for and means nothing.
        "treatMissingKeysAs": "TemporaryFailure",
        "invocationId": tasks.invocation,
        "results": tasks.each.iter().map(result).collect::<Vec<_>>(),
    })
}

/// S3's code for an outcome, and what it was.
fn result(outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Converted { variants, .. } => {
            let places = variants.iter().map(|variant| variant.at.to_string()).collect::<Vec<_>>().join(" ");
            ("Succeeded", format!("converted: {places}"))
        }
        Outcome::Deleted { outputs } => ("Succeeded", format!("deleted: {} outputs", outputs.len())),
        Outcome::Skipped { reason } => ("Succeeded", format!("skipped: {reason}")),
        Outcome::Rejected { reason } => ("PermanentFailure", reason.clone()),
        Outcome::Failed { reason } => ("TemporaryFailure", reason.clone()),
    }
}

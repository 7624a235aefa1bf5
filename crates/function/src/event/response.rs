//! Builds the response to an event from the reports of its jobs.

use std::collections::HashSet;
use std::ops::Range;

use lambda_runtime::Diagnostic;
use model::{Outcome, Report};
use serde_json::{Value, json};

/// The response that the sender of an event expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseFormat {
    /// All reports, or an error if a job failed. Lambda retries an asynchronous invocation that returns an error.
    Reports,
    /// The only report, or an error if the job failed.
    SingleReport,
    /// The identifiers of the SQS messages that failed.
    BatchItemFailures(Vec<MessageJobs>),
    /// A result for each task of S3 Batch Operations.
    TaskResults(TaskList),
}

/// An SQS message and its jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageJobs {
    /// The identifier of the message in the response.
    pub(super) id: String,
    /// The message group ID, if the queue is a FIFO queue. The messages of a group must stay in order.
    pub(super) group: Option<String>,
    /// The indices of the message's jobs in the batch. `None` if the body of the message could not be parsed.
    pub(super) jobs: Option<Range<usize>>,
}

/// The tasks of an invocation by S3 Batch Operations, and the identifiers that the response repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskList {
    pub(super) schema: String,
    pub(super) invocation: String,
    pub(super) tasks: Vec<TaskJob>,
}

/// A task of S3 Batch Operations and its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskJob {
    pub(super) id: String,
    /// The index of the task's job in the batch, or the reason why the task was rejected.
    pub(super) job: Result<usize, String>,
}

/// The maximum number of failures that an error message lists. If there are more failures, the message contains only
/// the number of the remaining failures.
const MAX_LISTED_FAILURES: usize = 20;
/// The maximum length of a task's result text in characters. S3 copies this text into the completion report.
const MAX_RESULT_CHARACTERS: usize = 1024;

impl ResponseFormat {
    /// Builds the response. `reports` are the reports of the batch's jobs in their order, and `rejected` contains the
    /// reasons of the rejected records.
    ///
    /// # Errors
    /// A job [failed](Outcome::Failed), and the sender retries the event if the invocation returns an error.
    pub fn build_response(&self, reports: &[Report], rejected: &[String]) -> Result<Value, Diagnostic> {
        match self {
            Self::Reports => {
                fail_if_any_failed(reports)?;
                let mut response = json!({ "reports": reports });
                if !rejected.is_empty() {
                    response["rejected_records"] = json!(rejected);
                }
                Ok(response)
            }
            Self::SingleReport => {
                fail_if_any_failed(reports)?;
                Ok(json!(reports.first()))
            }
            Self::BatchItemFailures(messages) => Ok(batch_item_failures(messages, reports)),
            Self::TaskResults(tasks) => Ok(task_results(tasks, reports)),
        }
    }
}

/// A rejected image is not an error, because a retry would reject it again.
fn fail_if_any_failed(reports: &[Report]) -> Result<(), Diagnostic> {
    let failures: Vec<String> = reports
        .iter()
        .filter_map(|report| Some(format!("{}: {}", report.job.source.at, failure_reason(report)?)))
        .collect();
    if failures.is_empty() {
        return Ok(());
    }
    let unlisted = failures.len().saturating_sub(MAX_LISTED_FAILURES);
    let more = if unlisted > 0 { format!("; and {unlisted} more") } else { String::new() };
    let listed = failures.iter().take(MAX_LISTED_FAILURES).map(String::as_str).collect::<Vec<_>>().join("; ");
    let error_message = format!("{} of {} failed: {listed}{more}", failures.len(), reports.len());
    Err(Diagnostic { error_type: "Failed".into(), error_message })
}

fn failure_reason(report: &Report) -> Option<&str> {
    match &report.outcome {
        Outcome::Failed { reason } => Some(reason),
        Outcome::Converted { .. } | Outcome::Deleted { .. } | Outcome::Skipped { .. } | Outcome::Rejected { .. } => {
            None
        }
    }
}

/// Returns a partial batch response (AWS Lambda developer guide, "Implementing partial batch responses").
fn batch_item_failures(messages: &[MessageJobs], reports: &[Report]) -> Value {
    let mut failed_groups: HashSet<&str> = HashSet::new();
    let mut failures = vec![];
    for MessageJobs { id, group, jobs } in messages {
        let reports = jobs.clone().map(|jobs| &reports[jobs]);
        let is_done = reports.is_some_and(|reports| reports.iter().all(|report| failure_reason(report).is_none()));
        // After a failed message, all later messages of its group must also be delivered again, so that they stay in
        // order.
        if !is_done || group.as_ref().is_some_and(|group| failed_groups.contains(group.as_str())) {
            failures.push(json!({ "itemIdentifier": id }));
            failed_groups.extend(group.as_deref());
        }
    }
    json!({ "batchItemFailures": failures })
}

fn task_results(list: &TaskList, reports: &[Report]) -> Value {
    let result = |TaskJob { id, job }: &TaskJob| {
        let (code, text) = match job {
            Ok(index) => task_result(&reports[*index].outcome),
            Err(reason) => ("PermanentFailure", reason.clone()),
        };
        let text: String = text.chars().take(MAX_RESULT_CHARACTERS).collect();
        json!({ "taskId": id, "resultCode": code, "resultString": text })
    };
    json!({
        "invocationSchemaVersion": list.schema,
        // S3 requires this field. It has no effect, because the response has a result for every task.
        "treatMissingKeysAs": "TemporaryFailure",
        "invocationId": list.invocation,
        "results": list.tasks.iter().map(result).collect::<Vec<_>>(),
    })
}

/// Returns the result code of S3 Batch Operations for an outcome, and the result text.
fn task_result(outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Converted { variants, .. } => {
            let locations = variants.iter().map(|variant| variant.at.to_string()).collect::<Vec<_>>().join(" ");
            ("Succeeded", format!("converted: {locations}"))
        }
        Outcome::Deleted { outputs } => ("Succeeded", format!("deleted: {} outputs", outputs.len())),
        Outcome::Skipped { reason } => ("Succeeded", format!("skipped: {reason}")),
        Outcome::Rejected { reason } => ("PermanentFailure", reason.clone()),
        Outcome::Failed { reason } => ("TemporaryFailure", reason.clone()),
    }
}

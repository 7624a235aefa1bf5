//! One event, from its bytes to its answer.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use model::{Outcome, Report};
use serde_json::{Value, json};
use transfer::{Plan, Store};

use crate::event::{Batch, Malformed, jobs};
use crate::log;

/// Kept back from the deadline, to report and to answer.
const RESERVE: Duration = Duration::from_millis(500);
/// 13 November 2014, in milliseconds since 1970.
const LAMBDA_WAS_ANNOUNCED: u64 = 1_415_836_800_000;

/// Serves one event: every job is done and reported; the answer is their reports.
///
/// # Errors
/// Where a retry can help: a job [failed](Outcome::Failed), or the event is of an unknown form. Lambda then retries the
/// event, and in the end keeps it where the function's failures go. Jobs that were done are skipped the next time.
pub async fn handle(store: &Store, plan: &Arc<Plan>, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let Batch { jobs, refused } = jobs(&payload).map_err(|error| malformed(&error))?;
    for reason in &refused {
        tracing::warn!(request_id = context.request_id, "refused a record: {reason}");
    }
    let deadline = deadline(&context);
    let mut reports = Vec::with_capacity(jobs.len());
    // One at a time: the encoder already uses every core we pay for.
    for job in jobs {
        let report = transfer::run(store, job, plan, deadline).await;
        log::report(&report, &context.request_id);
        reports.push(report);
    }
    answer(&reports, &refused)
}

/// When to be done; never, where the time is one that no Lambda can have named: cargo-lambda sends the constant 600,000.
fn deadline(context: &Context) -> Option<Instant> {
    if context.deadline < LAMBDA_WAS_ANNOUNCED {
        return None;
    }
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Some(Instant::now() + left.saturating_sub(RESERVE))
}

/// Refused pictures are reported, not retried: they would be refused again.
fn answer(reports: &[Report], refused: &[String]) -> Result<Value, Diagnostic> {
    let failed: Vec<String> = reports
        .iter()
        .filter_map(|report| match &report.outcome {
            Outcome::Failed { reason } => Some(format!("{}: {reason}", report.job.source.at)),
            Outcome::Converted { .. } | Outcome::Removed { .. } | Outcome::Skipped { .. } | Outcome::Refused { .. } => {
                None
            }
        })
        .collect();
    if failed.is_empty() {
        let mut answer = json!({ "reports": reports });
        if !refused.is_empty() {
            answer["refused"] = json!(refused);
        }
        return Ok(answer);
    }
    let error_message = format!("{} of {} failed: {}", failed.len(), reports.len(), failed.join("; "));
    Err(Diagnostic { error_type: "Failed".into(), error_message })
}

fn malformed(error: &Malformed) -> Diagnostic {
    tracing::error!(%error, "an event was not understood");
    Diagnostic { error_type: "Malformed".into(), error_message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use model::{Change, Job, Location, Source, Timings};

    use super::*;

    fn report(key: &str, outcome: Outcome) -> Report {
        let at = Location { bucket: "photos".into(), key: key.into() };
        let source = Source { at, version: None, etag: None, sequencer: None };
        Report { job: Job { source, change: Change::Created }, outcome, took: Timings::default() }
    }

    #[test]
    fn a_time_that_is_no_deadline_is_none() {
        let at = |deadline| {
            let mut context = Context::default();
            context.deadline = deadline;
            super::deadline(&context)
        };
        assert_eq!(at(600_000), None);
        assert!(at(LAMBDA_WAS_ANNOUNCED).is_some_and(|deadline| deadline <= Instant::now()), "long past is past");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let ahead = u64::try_from(now.as_millis()).unwrap() + 60_000;
        assert!(at(ahead).is_some_and(|deadline| deadline > Instant::now() + Duration::from_secs(50)));
    }

    #[test]
    fn a_refused_picture_is_reported_not_retried() {
        let refused = report("a.jpg", Outcome::Refused { reason: "the file is empty".into() });
        let answer = answer(&[refused], &[]).unwrap();
        assert_eq!(answer["reports"][0]["outcome"], "refused");
    }

    #[test]
    fn one_failure_makes_the_event_one_to_retry_and_names_it() {
        let skipped = report("a.jpg", Outcome::Skipped { why: "stored already".into() });
        let failed = report("b.jpg", Outcome::Failed { reason: "SlowDown".into() });
        let error = answer(&[skipped, failed], &[]).unwrap_err();
        assert_eq!(error.error_message, "1 of 2 failed: s3://photos/b.jpg: SlowDown");
    }
}

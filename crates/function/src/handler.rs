//! One event, from its bytes to its answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::{StreamExt, stream};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use model::{Job, Location, Outcome, Report, Timings};
use serde_json::Value;
use tracing::{Instrument, debug_span};
use transfer::{Deadline, Plan, Store};

use crate::event::{Batch, Malformed, jobs};
use crate::log;
use crate::stop::Stop;

/// Kept back from the deadline, to report and to answer.
const RESERVE: Duration = Duration::from_millis(500);
/// 13 November 2014, in milliseconds since 1970.
const LAMBDA_WAS_ANNOUNCED: u64 = 1_415_836_800_000;
/// Jobs under way at a time: while one image is converted, on every core we pay for, another is read, a third is
/// written, and a fourth waits with its file at hand.
const WIDTH: usize = 4;

/// Serves one event: every job is done and reported, and the reports become the answer that the sender understands.
///
/// # Errors
/// Where that is how the sender is told that a retry can help: a job [failed](model::Outcome::Failed), or the event is of
/// an unknown form. Lambda then retries the event, and in the end keeps it where the function's failures go. Jobs that
/// were done are skipped the next time. Where the environment ends, what is not done yet has failed.
pub async fn handle(
    store: &Store,
    plan: &Arc<Plan>,
    stop: &Stop,
    event: LambdaEvent<Value>,
) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let Batch { jobs, refused, reply } = jobs(&payload).map_err(|error| malformed(&error))?;
    for reason in &refused {
        log::rejected_record(reason, &context.request_id);
    }
    let deadline = deadline(&context);
    let done = stream::iter(by_source(jobs)).map(async |jobs| {
        let mut reports = Vec::with_capacity(jobs.len());
        for (index, job) in jobs {
            let report = one(store, job, plan, deadline, stop).await;
            log::report(&report, &context.request_id);
            reports.push((index, report));
        }
        reports
    });
    let mut reports: Vec<(usize, Report)> = done.buffer_unordered(WIDTH).flat_map(stream::iter).collect().await;
    reports.sort_unstable_by_key(|(index, _)| *index);
    let reports: Vec<Report> = reports.into_iter().map(|(_, report)| report).collect();
    reply.answer(&reports, &refused)
}

/// Does one job, unless the environment ends before it is done.
async fn one(store: &Store, job: Job, plan: &Arc<Plan>, deadline: Option<Deadline>, stop: &Stop) -> Report {
    let span = debug_span!("image", source = %job.source.at);
    let interrupted = job.clone();
    // On the heap: it holds a whole job's state.
    let run = Box::pin(transfer::run(store, job, plan, deadline).instrument(span));
    tokio::select! {
        report = run => report,
        () = stop.asked() => {
            let reason = "the environment is shutting down".into();
            Report { job: interrupted, outcome: Outcome::Failed { reason }, timings: Timings::default() }
        }
    }
}

/// Jobs with their places in the event: those of one source one after the other, since side by side they would only
/// stand in each other's way.
fn by_source(jobs: Vec<Job>) -> Vec<Vec<(usize, Job)>> {
    let mut places: HashMap<Location, usize> = HashMap::new();
    let mut sources: Vec<Vec<(usize, Job)>> = vec![];
    for (index, job) in jobs.into_iter().enumerate() {
        let place = *places.entry(job.source.at.clone()).or_insert_with(|| {
            sources.push(vec![]);
            sources.len() - 1
        });
        sources[place].push((index, job));
    }
    sources
}

/// When to be done; never, where the time is one that no Lambda can have named: cargo-lambda sends the constant 600,000.
fn deadline(context: &Context) -> Option<Deadline> {
    if context.deadline < LAMBDA_WAS_ANNOUNCED {
        return None;
    }
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Some(Deadline { at: Instant::now() + left.saturating_sub(RESERVE), timeout: left })
}

fn malformed(error: &Malformed) -> Diagnostic {
    log::malformed(error);
    Diagnostic { error_type: "Malformed".into(), error_message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_no_deadline_is_none() {
        let at = |deadline| {
            let mut context = Context::default();
            context.deadline = deadline;
            super::deadline(&context)
        };
        assert_eq!(at(600_000), None);
        assert!(at(LAMBDA_WAS_ANNOUNCED).is_some_and(|deadline| deadline.at <= Instant::now()), "long past is past");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let ahead = u64::try_from(now.as_millis()).unwrap() + 60_000;
        assert!(at(ahead).is_some_and(|deadline| {
            deadline.at > Instant::now() + Duration::from_secs(50) && deadline.timeout > Duration::from_secs(59)
        }));
    }
}

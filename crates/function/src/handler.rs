//! Handles one event: parses it, runs its jobs and builds the response.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::{StreamExt, stream};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use model::{Job, Location, Outcome, Report, Timings};
use serde_json::Value;
use settings::Serving;
use tracing::{Instrument, debug_span};
use transfer::{Deadline, Plan, Store};

use crate::event::{Batch, MalformedEvent, parse_event};
use crate::http::{self, HttpRequest};
use crate::log;
use crate::shutdown::Shutdown;

/// The time before Lambda's deadline that is reserved for the report and the response.
const RESPONSE_TIME: Duration = Duration::from_millis(500);
/// The earliest deadline that is plausible, in milliseconds since 1970: 13 November 2014, when AWS announced Lambda.
const MIN_DEADLINE_MS: u64 = 1_415_836_800_000;
/// The maximum number of jobs that run at the same time. While one image is converted on all cores, a second image is
/// downloaded, the variants of a third image are uploaded, and a fourth image waits in memory.
const MAX_CONCURRENT_JOBS: usize = 4;

/// Handles one event: runs all jobs, logs their reports and returns the response that the sender expects.
///
/// # Errors
/// The event is malformed, or a job [failed](model::Outcome::Failed) and the sender retries events whose invocation
/// returns an error. Lambda retries the event and finally sends it to the on-failure destination or the dead-letter
/// queue. A retry skips the jobs that succeeded. If the execution environment shuts down, unfinished jobs fail.
pub async fn handle(
    store: &Store,
    plan: &Arc<Plan>,
    serving: Option<&Serving>,
    shutdown: &Shutdown,
    event: LambdaEvent<Value>,
) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    if let Some(request) = HttpRequest::parse(&payload) {
        drop(payload);
        return Ok(handle_request(store, plan, serving, shutdown, &request, &context).await);
    }
    let Batch { jobs, rejected, response_format } = parse_event(&payload).map_err(|error| reject_event(&error))?;
    for reason in &rejected {
        log::write_rejected_record(reason, &context.request_id);
    }
    let deadline = response_deadline(&context);
    let sources = stream::iter(group_by_source(jobs)).map(async |jobs| {
        let mut reports = Vec::with_capacity(jobs.len());
        for (index, job) in jobs {
            let report = run_job(store, job, plan, deadline, shutdown).await;
            log::write_report(&report, &context.request_id);
            reports.push((index, report));
        }
        reports
    });
    let mut reports: Vec<(usize, Report)> =
        sources.buffer_unordered(MAX_CONCURRENT_JOBS).flat_map(stream::iter).collect().await;
    reports.sort_unstable_by_key(|(index, _)| *index);
    let reports: Vec<Report> = reports.into_iter().map(|(_, report)| report).collect();
    response_format.build_response(&reports, &rejected)
}

/// Responds to an HTTP request, and logs it. A request that shutdown interrupts fails, so that the client repeats it.
async fn handle_request(
    store: &Store,
    plan: &Arc<Plan>,
    serving: Option<&Serving>,
    shutdown: &Shutdown,
    request: &HttpRequest,
    context: &Context,
) -> Value {
    let started = Instant::now();
    // The future is boxed, because it contains the whole state of a job and is large.
    let response = Box::pin(http::respond(store, plan, serving, request, response_deadline(context)));
    let responded = tokio::select! {
        responded = response => responded,
        () = shutdown.wait_for_request() => http::Responded::interrupted(),
    };
    log::write_request(request, &responded, started.elapsed(), &context.request_id);
    responded.response.to_json()
}

/// Runs one job. The job fails if shutdown is requested before the job is done.
async fn run_job(store: &Store, job: Job, plan: &Arc<Plan>, deadline: Option<Deadline>, shutdown: &Shutdown) -> Report {
    let span = debug_span!("image", source = %job.source.at);
    let interrupted = job.clone();
    // The future is boxed, because it contains the whole state of a job and is large.
    let run = Box::pin(transfer::run(store, job, plan, deadline).instrument(span));
    tokio::select! {
        report = run => report,
        () = shutdown.wait_for_request() => {
            let reason = "the environment is shutting down".into();
            let rule = plan.rule_name(&interrupted.source.at);
            Report { rule, job: interrupted, outcome: Outcome::Failed { reason }, timings: Timings::default() }
        }
    }
}

/// Groups the jobs by source, each with its index in the event. Jobs of one source run one after the other, because
/// concurrent jobs would conflict when they write the same outputs.
fn group_by_source(jobs: Vec<Job>) -> Vec<Vec<(usize, Job)>> {
    let mut group_indices: HashMap<Location, usize> = HashMap::new();
    let mut groups: Vec<Vec<(usize, Job)>> = vec![];
    for (index, job) in jobs.into_iter().enumerate() {
        let group = *group_indices.entry(job.source.at.clone()).or_insert_with(|| {
            groups.push(vec![]);
            groups.len() - 1
        });
        groups[group].push((index, job));
    }
    groups
}

/// Returns the deadline for all jobs of the event. `None` if the value is not plausible, for example the value 600,000
/// that cargo-lambda always sends.
fn response_deadline(context: &Context) -> Option<Deadline> {
    if context.deadline < MIN_DEADLINE_MS {
        return None;
    }
    let timeout = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Some(Deadline { at: Instant::now() + timeout.saturating_sub(RESPONSE_TIME), timeout })
}

fn reject_event(error: &MalformedEvent) -> Diagnostic {
    log::write_malformed_event(error);
    Diagnostic { error_type: "Malformed".into(), error_message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implausibly_early_deadline_is_ignored() {
        let deadline_at = |milliseconds| {
            let mut context = Context::default();
            context.deadline = milliseconds;
            response_deadline(&context)
        };
        assert_eq!(deadline_at(600_000), None);
        assert!(deadline_at(MIN_DEADLINE_MS).is_some_and(|deadline| deadline.at <= Instant::now()));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let in_a_minute = u64::try_from(now.as_millis()).unwrap() + 60_000;
        assert!(deadline_at(in_a_minute).is_some_and(|deadline| {
            deadline.at > Instant::now() + Duration::from_secs(50) && deadline.timeout > Duration::from_secs(59)
        }));
    }
}

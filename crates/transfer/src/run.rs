use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use model::{Change, Job, Location, Outcome, Report, Timings};
use tokio::time::{sleep, timeout_at};

use crate::job_run::JobRun;
use crate::panic::panic_message;
use crate::progress::Progress;
use crate::skip_reason::SkipReason;
use crate::{Deadline, Error, KeyDecision, Plan, Store};

/// The maximum number of attempts of a job whose source or outputs change during each attempt.
const MAX_ATTEMPTS: u32 = 6;
/// The pause before the second attempt. Each later pause is twice as long as the previous pause.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Runs one job and returns its report. Every error becomes an [`Outcome`].
///
/// An event only indicates that something changed. Each attempt reads the stored outputs, then the source in its
/// current state, and then updates the outputs with conditional requests that fail if an output changed since it was
/// read. Therefore an older state of the source never replaces a newer one: if a job reads outputs that another writer
/// stored, the job reads the source after that writer read it. At the end of an attempt, the job checks the state of
/// the source again, and starts another attempt if the state changed. This check is necessary for a source that returns
/// to an earlier state, because conditional requests cannot detect this by the ETag.
///
/// A job that is not done at `deadline` is reported as failed. A conversion that cannot finish before the deadline is
/// not started.
///
/// # Example
///
/// An object whose key has the form of an output's key is skipped without a request:
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use aws_config::{BehaviorVersion, SdkConfig};
/// use model::{Change, Job, Limits, Location, Outcome, Recipe, Source};
/// use transfer::{Layout, Plan, StorageOptions, Store, StoreOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // `Store::connect` loads this configuration from the environment.
/// let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
/// let store = Store::new(&config, StoreOptions::default());
/// let plan = Plan {
///     recipe: Recipe::default(),
///     rules: vec![],
///     limits: Limits::default(),
///     layout: Layout::default(),
///     storage: StorageOptions::default(),
///     follow_deletions: true,
///     threads: NonZeroUsize::MIN,
///     processors: 1.0,
/// };
/// let at = Location { bucket: "photos".into(), key: "a.jpg.avif".into() };
/// let source = Source { at, version: None, etag: None, sequencer: None };
/// let job = Job { source, change: Change::Created };
///
/// let report = transfer::run(&store, job, &plan, None).await;
/// assert!(matches!(report.outcome, Outcome::Skipped { .. }));
/// # }
/// ```
pub async fn run(store: &Store, job: Job, plan: &Plan, deadline: Option<Deadline>) -> Report {
    let mut timings = Timings::default();
    // The future is boxed, because it contains the state of the whole job.
    let attempts = Box::pin(run_attempts(store, &job, plan, deadline, &mut timings));
    let result = run_until(deadline, attempts).await;
    let outcome = result.unwrap_or_else(|error| error.outcome());
    Report { rule: plan.rule_name(&job.source.at), job, outcome, timings }
}

/// Runs the attempts of a job until the deadline. A panic becomes an error.
pub(crate) async fn run_until<T>(
    deadline: Option<Deadline>,
    attempts: Pin<Box<impl Future<Output = Result<T, Error>>>>,
) -> Result<T, Error> {
    let started = Instant::now();
    let progress = Arc::new(Progress::default());
    let attempts = progress.scope(attempts);
    // A panic fails only this job. After a panic, the job's state may be inconsistent, but it is not used any more.
    let attempts = AssertUnwindSafe(attempts).catch_unwind();
    let attempts =
        attempts.map(|result| result.unwrap_or_else(|panic| Err(Error::Panicked { message: panic_message(&*panic) })));
    let attempts = pin!(attempts);
    match deadline {
        None => attempts.await,
        Some(deadline) => timeout_at(deadline.at.into(), attempts).await.unwrap_or_else(|_| {
            Err(Error::DeadlineExceeded { after: started.elapsed(), step: progress.interrupted_step() })
        }),
    }
}

async fn run_attempts(
    store: &Store,
    job: &Job,
    plan: &Plan,
    deadline: Option<Deadline>,
    timings: &mut Timings,
) -> Result<Outcome, Error> {
    let at = &job.source.at;
    let plan = match plan.decide(at)? {
        KeyDecision::Convert(plan) => plan,
        KeyDecision::Skip { reason } => return Ok(Outcome::Skipped { reason: reason.into() }),
    };
    if job.change == Change::Deleted && !plan.follow_deletions {
        return Ok(SkipReason::DeletionsIgnored.outcome());
    }
    let outputs = plan.layout.output_locations(at, &plan.recipe)?;
    attempt_repeatedly(at, JobRun::new(store, job, plan, deadline, outputs, timings)).await
}

/// Repeats the attempts of a job while the source or its outputs change.
pub(crate) async fn attempt_repeatedly(source: &Location, mut run: JobRun<'_>) -> Result<Outcome, Error> {
    let mut attempts = Attempts::new(source);
    loop {
        if let Some(result) = attempts.end(run.attempt().await).await {
            return result;
        }
    }
}

/// The attempts of a job. A job is attempted again if its source or its outputs changed, or if the download was interrupted.
pub(crate) struct Attempts<'job> {
    source: &'job Location,
    count: u32,
}

impl<'job> Attempts<'job> {
    pub(crate) fn new(source: &'job Location) -> Self {
        Self { source, count: 0 }
    }

    /// Ends an attempt with this result. Returns the result of the job, or, after a pause, `None` if there is another attempt.
    pub(crate) async fn end<T>(&mut self, result: Result<T, Error>) -> Option<Result<T, Error>> {
        self.count += 1;
        let (at, attempts) = (self.source, self.count);
        match result {
            Err(Error::Conflict { message: last_conflict }) if attempts == MAX_ATTEMPTS => {
                return Some(Err(Error::RepeatedConflict { at: at.clone(), attempts, last_conflict }));
            }
            Err(Error::Conflict { .. }) => {}
            Err(Error::DownloadInterrupted { .. }) if attempts < MAX_ATTEMPTS => {}
            result => return Some(result),
        }
        sleep(FIRST_PAUSE * (1 << (attempts - 1))).await;
        None
    }
}

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use model::{Change, Job, Location, Outcome, Report, Timings};
use tokio::time::{sleep, timeout_at};

use crate::convert_source::{ConvertedSource, convert_source};
use crate::existence::{Existence, check_existence};
use crate::fetch::{RequiredState, SourceLookup, SourceObject, open_source, read_source_state};
use crate::output_set::{delete_outputs, write_outputs};
use crate::panic::panic_message;
use crate::progress::{self, Progress, Step};
use crate::provenance::{QualitySearch, SourceState};
use crate::stage::Stage;
use crate::stored_outputs::StoredOutputs;
use crate::{Deadline, Error, OutputLocations, Plan, Role, Store};

/// How often a job is attempted if the source or its outputs change during each attempt.
const MAX_ATTEMPTS: u32 = 6;
/// The pause before the second attempt. Each later pause is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

const UP_TO_DATE: &str = "its variants are stored already";
const OUTPUT_KEY: &str = "its key is the key of an output, which is never converted";
const FOLDER_KEY: &str = "its key is the key of a folder";
const DELETIONS_IGNORED: &str = "the source was deleted; its variants are kept, because AVIF_FOLLOW_REMOVALS is false";
const OUTPUTS_ARE_NEWER: &str = "superseded: the stored variants were created from a newer version";
const SOURCE_IS_NEWER: &str = "superseded: a newer version exists and has its own event";
const SOURCE_DELETED: &str = "superseded: the source was deleted after this event";
const NO_OUTPUTS: &str = "the source does not exist and has no variants";

/// Runs one job and returns its report. Every error becomes an [`Outcome`].
///
/// An event only indicates that something changed. Each attempt reads the stored outputs, then the source in its current state,
/// and then updates the outputs with conditional requests that fail if an output changed since it was read. Therefore an older
/// state of the source never replaces a newer one: any other writer whose outputs were read had read the source before. At the
/// end of an attempt the state of the source is checked again, and if it changed, there is another attempt. This covers a source
/// that returns to an earlier state, which conditional requests cannot detect by the ETag.
///
/// A job that is not done at `deadline` is reported as failed. A conversion that cannot finish by then is not started.
///
/// # Example
///
/// An object whose key is that of an output is skipped without a request:
///
/// ```
/// use std::num::NonZeroUsize;
/// use std::sync::Arc;
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
/// let report = transfer::run(&store, job, &Arc::new(plan), None).await;
/// assert!(matches!(report.outcome, Outcome::Skipped { .. }));
/// # }
/// ```
pub async fn run(store: &Store, job: Job, plan: &Arc<Plan>, deadline: Option<Deadline>) -> Report {
    let started = Instant::now();
    let mut timings = Timings::default();
    let progress = Arc::new(Progress::default());
    // Boxed, because the future holds the state of the whole job.
    let attempts = Box::pin(progress.scope(run_attempts(store, &job, plan, deadline, &mut timings)));
    // A panic fails only this job. No state that it may have left inconsistent is used afterwards.
    let attempts = AssertUnwindSafe(attempts).catch_unwind();
    let attempts =
        attempts.map(|result| result.unwrap_or_else(|panic| Err(Error::Panicked { message: panic_message(&*panic) })));
    let result = match deadline {
        None => attempts.await,
        Some(deadline) => timeout_at(deadline.at.into(), attempts).await.unwrap_or_else(|_| {
            Err(Error::DeadlineExceeded { after: started.elapsed(), step: progress.interrupted_step() })
        }),
    };
    let outcome = result.unwrap_or_else(|error| error.outcome());
    Report { job, outcome, timings }
}

async fn run_attempts(
    store: &Store,
    job: &Job,
    plan: &Arc<Plan>,
    deadline: Option<Deadline>,
    timings: &mut Timings,
) -> Result<Outcome, Error> {
    let at = &job.source.at;
    if let Some(reason) = find_skip_reason(job, plan)? {
        return Ok(skipped(reason));
    }
    let outputs = plan.layout.output_locations(at, &plan.recipe.widths)?;
    let mut run = JobRun {
        store,
        job,
        plan,
        deadline,
        outputs,
        converted: None,
        deleted: vec![],
        has_changed_outputs: false,
        timings,
    };
    let mut last_conflict = String::new();
    for attempt in 0..MAX_ATTEMPTS {
        if attempt > 0 {
            sleep(FIRST_PAUSE * (1 << (attempt - 1))).await;
        }
        match run.attempt().await {
            Err(Error::Conflict { message }) => last_conflict = message,
            Err(Error::DownloadInterrupted { .. }) if attempt + 1 < MAX_ATTEMPTS => {}
            result => return result,
        }
    }
    Err(Error::RepeatedConflict { at: at.clone(), attempts: MAX_ATTEMPTS, last_conflict })
}

/// The state of a job across its attempts.
struct JobRun<'job> {
    store: &'job Store,
    job: &'job Job,
    plan: &'job Arc<Plan>,
    deadline: Option<Deadline>,
    outputs: OutputLocations,
    /// The last converted state of the source.
    converted: Option<ConvertedSource>,
    deleted: Vec<Location>,
    /// Whether this job wrote or deleted an output, or may have done so.
    has_changed_outputs: bool,
    timings: &'job mut Timings,
}

impl JobRun<'_> {
    /// One attempt.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the source or an output changed during the attempt.
    async fn attempt(&mut self) -> Result<Outcome, Error> {
        let (store, job, plan) = (self.store, self.job, self.plan);
        progress::begin_step(Step::LookUp);
        let stored = StoredOutputs::read(store, &job.source.at, &self.outputs).await?;
        if !self.has_changed_outputs && stored.is_newer_than(job, plan) {
            return Ok(skipped(OUTPUTS_ARE_NEWER));
        }
        // Another state of the source has its own event, and the job of that event converts it. But if this job changed outputs,
        // in this or an earlier invocation, it has to update them to the current state itself.
        let is_first_attempt = !self.has_changed_outputs && !stored.has_outputs_of(job);
        let required = match job.change {
            Change::Created if is_first_attempt => RequiredState::OfEvent,
            Change::Created | Change::Deleted => RequiredState::Current,
        };
        progress::begin_step(Step::Read);
        match open_source(store, job, required).await? {
            SourceLookup::Superseded => Ok(skipped(SOURCE_IS_NEWER)),
            SourceLookup::Absent => match required {
                RequiredState::OfEvent => self.skip_absent_source(),
                RequiredState::Current => self.delete_outputs(&stored).await,
            },
            SourceLookup::Archived { state, class } => self.skip_archived_source(&stored, &state, class),
            SourceLookup::Object(object) => self.write_outputs(&stored, object).await,
        }
    }

    /// An archived source exists but cannot be read, so its outputs stay unchanged.
    fn skip_archived_source(
        &self,
        stored: &StoredOutputs,
        state: &SourceState,
        class: Option<String>,
    ) -> Result<Outcome, Error> {
        if stored.is_complete(state, self.plan, QualitySearch::CutShort) {
            return Ok(skipped(UP_TO_DATE));
        }
        Err(Error::Archived { at: self.job.source.at.clone(), class })
    }

    fn skip_absent_source(&self) -> Result<Outcome, Error> {
        match &self.job.source.etag {
            Some(_) => Ok(skipped(SOURCE_DELETED)),
            // A direct invocation or S3 Batch Operations named a key that does not exist.
            None => Err(Error::SourceNotFound { at: self.job.source.at.clone() }),
        }
    }

    /// Deletes the outputs of a source that does not exist.
    async fn delete_outputs(&mut self, stored: &StoredOutputs) -> Result<Outcome, Error> {
        if !self.plan.follow_deletions {
            return Ok(skipped(DELETIONS_IGNORED));
        }
        progress::begin_step(Step::Store);
        let at = &self.job.source.at;
        stored.ensure_existence_is_known()?;
        if !stored.has_objects() {
            self.ensure_output_bucket_exists().await?;
        }
        if stored.has_own_outputs() {
            self.has_changed_outputs = true;
            delete_outputs(self.store, stored, at, &mut self.deleted).await?;
        }
        if read_source_state(self.store, at).await?.is_some() {
            return Err(Error::source_changed(at));
        }
        if self.has_changed_outputs {
            let outputs = std::mem::take(&mut self.deleted);
            return Ok(Outcome::Deleted { outputs });
        }
        Ok(skipped(NO_OUTPUTS))
    }

    /// Fails if the output bucket does not exist. S3 then returns 404 for each output, as it does for a missing object.
    async fn ensure_output_bucket_exists(&self) -> Result<(), Error> {
        let locations = self.outputs.variants.iter().map(|variant| &variant.at);
        let mut in_other_bucket = locations.filter(|at| at.bucket != self.job.source.at.bucket);
        let Some(at) = in_other_bucket.next() else { return Ok(()) };
        match check_existence(self.store, at).await? {
            Existence::Absent | Existence::Present => Ok(()),
            Existence::Unknown(denied) => Err(denied),
        }
    }

    /// Converts the source and writes its outputs, unless they are up to date.
    async fn write_outputs(&mut self, stored: &StoredOutputs, object: Box<SourceObject>) -> Result<Outcome, Error> {
        let state = object.state.clone();
        self.converted = self.converted.take().filter(|converted| converted.state == state);
        let minimum = self.converted.as_ref().map_or(QualitySearch::Full, |converted| converted.quality_search);
        if stored.is_complete(&state, self.plan, minimum) {
            return Ok(match self.converted.take() {
                // An earlier attempt stored them although its request failed, or another job stored the same outputs.
                Some(converted) => converted.into_outcome(),
                None => skipped(UP_TO_DATE),
            });
        }
        stored.ensure_no_foreign_objects()?;
        let converted = if let Some(converted) = self.converted.take() {
            converted
        } else {
            // Variants with a cut-short search are stored already: convert again only if there is time for a full search.
            let is_search_required = stored.is_complete(&state, self.plan, QualitySearch::CutShort);
            let (store, deadline, timings) = (self.store, self.deadline, &mut *self.timings);
            match convert_source(store, self.job, self.plan, object, deadline, is_search_required, timings).await {
                // The time or memory is not enough for a search.
                Err(
                    Error::OutOfTime { .. }
                    | Error::CpuTimeExceeded { .. }
                    | Error::TimeShareExceeded { .. }
                    | Error::OutOfMemory { .. }
                    | Error::Killed,
                ) if is_search_required => return Ok(skipped(UP_TO_DATE)),
                result => result?,
            }
        };
        self.has_changed_outputs = true;
        progress::begin_step(Step::Store);
        // Saved before a request can fail, so that the next attempt need not convert again.
        let converted = self.converted.insert(converted);
        let at = &self.job.source.at;
        let writing = async { Ok::<_, Error>(write_outputs(self.store, self.plan, stored, converted, at).await) };
        let (written, store_ms) = Stage::store().run_async(writing).await?;
        self.timings.store_ms += store_ms;
        written?;
        if read_source_state(self.store, at).await?.as_ref() != Some(&state) {
            return Err(Error::source_changed(at));
        }
        let converted = self.converted.take().expect("it was inserted above");
        Ok(converted.into_outcome())
    }
}

/// The reason to skip a job without any request, if there is one.
fn find_skip_reason(job: &Job, plan: &Plan) -> Result<Option<&'static str>, Error> {
    match Role::of(&job.source.at) {
        Role::Source => {}
        Role::Output => return Ok(Some(OUTPUT_KEY)),
        Role::Folder => return Ok(Some(FOLDER_KEY)),
        Role::Reserved => return Err(Error::ReservedKey { at: job.source.at.clone() }),
    }
    match job.change {
        Change::Deleted if !plan.follow_deletions => Ok(Some(DELETIONS_IGNORED)),
        Change::Deleted | Change::Created => Ok(None),
    }
}

fn skipped(reason: &str) -> Outcome {
    Outcome::Skipped { reason: reason.into() }
}

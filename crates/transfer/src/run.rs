use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use model::{Change, Job, Location, Outcome, Report, Timings};
use tokio::time::{sleep, timeout_at};

use crate::absence::{Existence, existence};
use crate::fetch::{Found, Object, open, state};
use crate::look::Seen;
use crate::make::{Made, make};
use crate::panic::panic_message;
use crate::progress::{self, Progress, Step};
use crate::provenance::{QualitySearch, SourceState};
use crate::set::{clear, fill};
use crate::stage::Stage;
use crate::{Deadline, Error, Outputs, Plan, Role, Store};

/// How often a job is begun anew where the source or its outputs changed under its hands.
const ROUNDS: u32 = 6;
/// Why a job is skipped whose outputs are what they should be.
const STORED: &str = "its variants are stored already";
/// Before the second round; each later pause is twice the one before.
const PAUSE: Duration = Duration::from_millis(20);

/// Does one job, and reports. It cannot fail: after this edge, failure is data.
///
/// An event only says that something happened. Each round looks at the outputs that are stored, then at the source as it
/// is now, and then makes the outputs what they should be, each on condition that it is still what was looked at. So a
/// state of the source replaces an earlier one only: whoever wrote what was seen had read the source before it was read
/// here. Last it makes sure that the source is still in that state; if not, there is another round. That covers what
/// entity tags cannot tell apart, which is a state that comes back.
///
/// `deadline` is when the answer must be given; work that cannot be done by then is not begun, and work that is not done
/// by then is reported as failed.
pub async fn run(store: &Store, job: Job, plan: &Arc<Plan>, deadline: Option<Deadline>) -> Report {
    let begun = Instant::now();
    let mut took = Timings::default();
    let progress = Arc::new(Progress::default());
    // On the heap: it holds a whole job's state.
    let attempt = Box::pin(progress.scope(attempt(store, &job, plan, deadline, &mut took)));
    // A panic fails this job alone, also one in a library: nothing that it could have left half done is used afterwards.
    let attempt = AssertUnwindSafe(attempt).catch_unwind();
    let attempt =
        attempt.map(|result| result.unwrap_or_else(|panic| Err(Error::Panicked { message: panic_message(&*panic) })));
    let result = match deadline {
        None => attempt.await,
        Some(deadline) => timeout_at(deadline.at.into(), attempt).await.unwrap_or_else(|_| {
            Err(Error::DeadlineExceeded { after: begun.elapsed(), step: progress.interrupted_step() })
        }),
    };
    let outcome = result.unwrap_or_else(|error| error.outcome());
    Report { job, outcome, timings: took }
}

async fn attempt(
    store: &Store,
    job: &Job,
    plan: &Arc<Plan>,
    deadline: Option<Deadline>,
    took: &mut Timings,
) -> Result<Outcome, Error> {
    let at = &job.source.at;
    if let Some(why) = nothing_to_do(job, plan)? {
        return Ok(skipped(why));
    }
    let outputs = plan.layout.outputs(at, &plan.recipe.widths)?;
    let mut effort = Effort { store, job, plan, deadline, outputs, made: None, removed: vec![], touched: false, took };
    let mut last = String::new();
    for round in 0..ROUNDS {
        if round > 0 {
            sleep(PAUSE * (1 << (round - 1))).await;
        }
        match effort.round().await {
            Ok(Some(outcome)) => return Ok(outcome),
            Ok(None) => last = format!("{at} changed while the job ran"),
            Err(Error::Conflict { message }) => last = message,
            Err(Error::DownloadInterrupted { .. }) if round + 1 < ROUNDS => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::RepeatedConflict { at: at.clone(), attempts: ROUNDS, last_conflict: last })
}

/// One job under way, over its rounds.
struct Effort<'job> {
    store: &'job Store,
    job: &'job Job,
    plan: &'job Arc<Plan>,
    deadline: Option<Deadline>,
    outputs: Outputs,
    /// The last state of the source that was converted.
    made: Option<Made>,
    removed: Vec<Location>,
    /// Whether an output was, or may have been, written or removed by this job.
    touched: bool,
    took: &'job mut Timings,
}

impl Effort<'_> {
    /// Nothing where it has to be looked at anew.
    async fn round(&mut self) -> Result<Option<Outcome>, Error> {
        let (store, job, plan) = (self.store, self.job, self.plan);
        progress::begin(Step::LookUp);
        let seen = Seen::look(store, &job.source.at, &self.outputs).await?;
        if !self.touched && seen.is_later(job, plan) {
            return Ok(Some(skipped("what is stored was made of a newer one")));
        }
        // Another state has an event of its own, and is left to that. But what this very job may have left behind, in an
        // earlier round or an earlier try, is for this job to put right.
        let only_as_told = job.change == Change::Created && !self.touched && !seen.has_any_of(job);
        progress::begin(Step::Read);
        match open(store, job, only_as_told).await? {
            Found::Superseded => Ok(Some(skipped("a newer one took its place, which has an event of its own"))),
            Found::Gone if only_as_told => self.gone_before().map(Some),
            Found::Gone => self.clear(&seen).await,
            Found::Archived { state, class } => self.archived(&seen, &state, class).map(Some),
            Found::Object(object) => self.fill(&seen, object).await,
        }
    }

    /// The source exists and cannot be read, so its outputs stay as they are.
    fn archived(&self, seen: &Seen, state: &SourceState, class: Option<String>) -> Result<Outcome, Error> {
        if seen.is_whole(state, self.plan, QualitySearch::CutShort) {
            return Ok(skipped(STORED));
        }
        Err(Error::Archived { at: self.job.source.at.clone(), class })
    }

    fn gone_before(&self) -> Result<Outcome, Error> {
        // An order without an event behind it expected something there.
        match &self.job.source.etag {
            Some(_) => Ok(skipped("it was removed since, which has an event of its own")),
            None => Err(Error::SourceNotFound { at: self.job.source.at.clone() }),
        }
    }

    /// The source is gone, and so are its outputs to be.
    async fn clear(&mut self, seen: &Seen) -> Result<Option<Outcome>, Error> {
        if !self.plan.follow_deletions {
            return Ok(Some(skipped("the source was removed; its variants are left as they are")));
        }
        progress::begin(Step::Store);
        let at = &self.job.source.at;
        seen.refuse_unknown()?;
        if !seen.has_objects() {
            self.check_output_bucket().await?;
        }
        if seen.has_ours() {
            self.touched = true;
            // Each deletion is reported, even if a later one ends in a conflict.
            clear(self.store, seen, at, &mut self.removed).await?;
        }
        if state(self.store, at).await?.is_some() {
            return Ok(None);
        }
        if self.touched {
            let outputs = std::mem::take(&mut self.removed);
            return Ok(Some(Outcome::Deleted { outputs }));
        }
        Ok(Some(skipped("the source is gone, and nothing made of it is stored")))
    }

    /// Fails if the output bucket does not exist: S3 then answers 404 to every look-up, as it does for a missing output.
    async fn check_output_bucket(&self) -> Result<(), Error> {
        let elsewhere = self.outputs.variants.iter().find(|at| at.bucket != self.job.source.at.bucket);
        let Some(at) = elsewhere else { return Ok(()) };
        match existence(self.store, at).await? {
            Existence::Absent | Existence::Present => Ok(()),
            Existence::Unknown(denied) => Err(denied),
        }
    }

    /// The source is there, and so are its outputs to be.
    async fn fill(&mut self, seen: &Seen, object: Box<Object>) -> Result<Option<Outcome>, Error> {
        let found = object.state.clone();
        self.made = self.made.take().filter(|made| made.state == found);
        let search = self.made.as_ref().map_or(QualitySearch::Full, |made| made.search);
        if seen.is_whole(&found, self.plan, search) {
            return match self.made.take() {
                // It was stored although S3 did not say so, or somebody else stored the same.
                Some(made) => Ok(Some(made.outcome())),
                None => Ok(Some(skipped(STORED))),
            };
        }
        seen.refuse_strangers()?;
        let made = if let Some(made) = self.made.take() {
            made
        } else {
            // Variants whose search was cut short are stored already: make them again only if there is time for a search.
            let is_stored_unsearched = seen.is_whole(&found, self.plan, QualitySearch::CutShort);
            let (store, deadline, took) = (self.store, self.deadline, &mut *self.took);
            match make(store, self.job, self.plan, object, deadline, is_stored_unsearched, took).await {
                Ok(Some(made)) => made,
                Ok(None) => return Ok(None),
                // What a search would take, there is not.
                Err(
                    Error::OutOfTime { .. }
                    | Error::CpuTimeExceeded { .. }
                    | Error::TimeShareExceeded { .. }
                    | Error::OutOfMemory { .. }
                    | Error::Killed,
                ) if is_stored_unsearched => return Ok(Some(skipped(STORED))),
                Err(error) => return Err(error),
            }
        };
        self.touched = true;
        progress::begin(Step::Store);
        // It is kept before anything can fail: what is stored may be this, and the next round need not make it again.
        let made = self.made.insert(made);
        let at = &self.job.source.at;
        let fill = async { Ok::<_, Error>(fill(self.store, self.plan, seen, made, at).await) };
        let (stored, store_ms) = Stage::store().wait(fill).await?;
        self.took.store_ms += store_ms;
        stored?;
        if state(self.store, at).await?.as_ref() != Some(&found) {
            return Ok(None);
        }
        Ok(self.made.take().map(Made::outcome))
    }
}

/// Why this job needs no work, where it needs none.
fn nothing_to_do(job: &Job, plan: &Plan) -> Result<Option<&'static str>, Error> {
    match Role::of(&job.source.at) {
        Role::Source => {}
        Role::Output => return Ok(Some("it is an output, which is never an input")),
        Role::Folder => return Ok(Some("it is a folder")),
        Role::Reserved => return Err(Error::ReservedKey { at: job.source.at.clone() }),
    }
    match job.change {
        Change::Deleted if !plan.follow_deletions => {
            Ok(Some("the source was removed; its variants are left as they are"))
        }
        Change::Deleted | Change::Created => Ok(None),
    }
}

fn skipped(why: &str) -> Outcome {
    Outcome::Skipped { reason: why.into() }
}

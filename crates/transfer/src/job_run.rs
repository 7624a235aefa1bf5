use model::{Change, Job, Location, Outcome, Timings};

use crate::convert_source::{ConvertedSource, Demand, convert_source};
use crate::existence::{Existence, check_existence};
use crate::fetch::{RequiredState, SourceLookup, SourceObject, open_source, read_source_state};
use crate::former_outputs::{FormerOutput, read_former_outputs};
use crate::output_set::{delete_outputs, write_outputs};
use crate::progress::{self, Step};
use crate::provenance::{QualitySearch, SourceState};
use crate::skip_reason::SkipReason;
use crate::stage::Stage;
use crate::stored_outputs::StoredOutputs;
use crate::{Deadline, Error, OutputLocations, Plan, Store};

/// The state of a job across its attempts.
pub(crate) struct JobRun<'job> {
    store: &'job Store,
    job: &'job Job,
    plan: &'job Plan,
    deadline: Option<Deadline>,
    outputs: OutputLocations,
    /// The result of the last conversion of the source.
    converted: Option<ConvertedSource>,
    deleted: Vec<Location>,
    /// Whether this job wrote or deleted an output. This is also true if the job sent such a request but does not know
    /// whether the request succeeded.
    has_changed_outputs: bool,
    timings: &'job mut Timings,
}

impl<'job> JobRun<'job> {
    pub(crate) fn new(
        store: &'job Store,
        job: &'job Job,
        plan: &'job Plan,
        deadline: Option<Deadline>,
        outputs: OutputLocations,
        timings: &'job mut Timings,
    ) -> Self {
        Self {
            store,
            job,
            plan,
            deadline,
            outputs,
            converted: None,
            deleted: vec![],
            has_changed_outputs: false,
            timings,
        }
    }

    /// Returns the same job, after another part of the function changed an output of its source. The job then updates all
    /// outputs to the current state of the source.
    pub(crate) fn after_changed_output(self) -> Self {
        Self { has_changed_outputs: true, ..self }
    }

    /// Runs one attempt.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the source or an output changed during the attempt.
    pub(crate) async fn attempt(&mut self) -> Result<Outcome, Error> {
        let (store, job, plan) = (self.store, self.job, self.plan);
        progress::begin_step(Step::LookUp);
        let stored = StoredOutputs::read(store, &job.source.at, &self.outputs).await?;
        if !self.has_changed_outputs && stored.is_newer_than(job, plan) {
            return Ok(SkipReason::OutputsAreNewer.outcome());
        }
        // Usually a job ignores every state of the source except the state in its event, because each state has its own
        // event, whose job converts it. But if this job has changed outputs, in this or an earlier invocation, this job
        // must update the outputs to the current state.
        let has_earlier_outputs = self.has_changed_outputs || stored.has_outputs_of(job);
        let required = match job.change {
            Change::Created if !has_earlier_outputs => RequiredState::OfEvent,
            Change::Created | Change::Deleted => RequiredState::Current,
        };
        progress::begin_step(Step::Read);
        match open_source(store, job, required).await? {
            SourceLookup::Superseded => Ok(SkipReason::SourceIsNewer.outcome()),
            SourceLookup::Absent if !plan.follow_deletions => match required {
                RequiredState::OfEvent => self.skip_absent_source(),
                RequiredState::Current => Ok(SkipReason::DeletionsIgnored.outcome()),
            },
            SourceLookup::Absent => {
                let former = read_former_outputs(store, &job.source.at, &plan.layout, &self.outputs).await?;
                let is_of_job = |former: &FormerOutput| {
                    former.object.provenance.as_ref().is_some_and(|provenance| provenance.may_be_of(job))
                };
                match required {
                    RequiredState::OfEvent if !former.iter().any(is_of_job) => self.skip_absent_source(),
                    RequiredState::OfEvent | RequiredState::Current => self.delete_outputs(&stored, &former).await,
                }
            }
            SourceLookup::Archived { state, class } => self.skip_archived_source(&stored, &state, class),
            SourceLookup::Object(object) => self.write_outputs(&stored, object).await,
        }
    }

    /// Returns the outcome for an archived source. The source exists but cannot be read, so its outputs are not
    /// changed.
    fn skip_archived_source(
        &self,
        stored: &StoredOutputs,
        state: &SourceState,
        class: Option<String>,
    ) -> Result<Outcome, Error> {
        if stored.is_complete(state, self.plan, QualitySearch::CutShort) {
            return Ok(SkipReason::UpToDate.outcome());
        }
        Err(Error::Archived { at: self.job.source.at.clone(), class })
    }

    fn skip_absent_source(&self) -> Result<Outcome, Error> {
        match &self.job.source.etag {
            Some(_) => Ok(SkipReason::SourceDeleted.outcome()),
            // An event without an ETag is a direct invocation or an S3 Batch Operations task. The key in the event does
            // not exist.
            None => Err(Error::SourceNotFound { at: self.job.source.at.clone() }),
        }
    }

    /// Deletes the outputs of a source that does not exist, `former` after the others.
    async fn delete_outputs(&mut self, stored: &StoredOutputs, former: &[FormerOutput]) -> Result<Outcome, Error> {
        progress::begin_step(Step::Store);
        let at = &self.job.source.at;
        stored.ensure_existence_is_known()?;
        if !stored.has_objects() && former.is_empty() {
            self.ensure_output_bucket_exists().await?;
        }
        // The other outputs were read before the source, so they are not those of a source that was created in the meantime. If
        // `former` contained such an output, its source would exist now.
        if !former.is_empty() && read_source_state(self.store, at).await?.is_some() {
            return Err(Error::source_changed(at));
        }
        if stored.has_own_outputs() || !former.is_empty() {
            self.has_changed_outputs = true;
            delete_outputs(self.store, stored, former, at, &mut self.deleted).await?;
        }
        if read_source_state(self.store, at).await?.is_some() {
            return Err(Error::source_changed(at));
        }
        if self.has_changed_outputs {
            let outputs = std::mem::take(&mut self.deleted);
            return Ok(Outcome::Deleted { outputs });
        }
        Ok(SkipReason::NoOutputs.outcome())
    }

    /// Fails if the output bucket does not exist. Without this check, a missing bucket would look like missing outputs,
    /// because S3 returns 404 in both cases.
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
        // After another job wrote the list, an earlier attempt of this job may have changed a variant that is listed. Then
        // the list is written again, because its readers wait for an event after the last change of the variants.
        let may_be_newer_than_list = self.converted.is_some() || !self.deleted.is_empty();
        let is_list_outdated = stored.requires_list() && may_be_newer_than_list;
        if stored.is_complete(&state, self.plan, minimum) && !is_list_outdated {
            return Ok(match self.converted.take() {
                // An earlier attempt of this job converted the source, and the outputs are up to date now. Either the
                // earlier attempt stored them although its request failed, or another job stored the same outputs.
                Some(converted) => converted.into_outcome(),
                None => SkipReason::UpToDate.outcome(),
            });
        }
        stored.ensure_no_foreign_objects()?;
        let converted = if let Some(converted) = self.converted.take() {
            converted
        } else {
            // If variants with a cut-short search are already stored, the source is converted again only if there is
            // time for a full search.
            let is_search_required = stored.is_complete(&state, self.plan, QualitySearch::CutShort);
            let demand = Demand { only: None, is_search_required };
            let (store, deadline, timings) = (self.store, self.deadline, &mut *self.timings);
            match convert_source(store, self.job, self.plan, object, deadline, demand, timings).await {
                // The time or the memory is not sufficient for a search, so the stored variants are kept.
                Err(
                    Error::OutOfTime { .. }
                    | Error::CpuTimeExceeded { .. }
                    | Error::TimeShareExceeded { .. }
                    | Error::OutOfMemory { .. }
                    | Error::Killed,
                ) if is_search_required => return Ok(SkipReason::UpToDate.outcome()),
                result => result?,
            }
        };
        self.has_changed_outputs = true;
        progress::begin_step(Step::Store);
        // The result of the conversion is saved before any request can fail, so that the next attempt does not convert
        // the source again.
        let converted = self.converted.insert(converted);
        let at = &self.job.source.at;
        let writing = async { Ok::<_, Error>(write_outputs(self.store, self.plan, stored, converted, at).await) };
        let (written, store_ms) = Stage::store().run_async(writing).await?;
        self.timings.store_ms += store_ms;
        written?;
        if read_source_state(self.store, at).await?.as_ref() != Some(&state) {
            return Err(Error::source_changed(at));
        }
        let converted = self.converted.take().expect("the conversion was saved before the outputs were written");
        Ok(converted.into_outcome())
    }
}

//! Provides one variant that a client requests. If the variant is not stored, it is converted now.
//!
//! No event repeats a request whose process is killed. So a request changes as little as possible: it creates a variant that
//! does not exist, and never replaces or deletes an output. It does not write the manifest and the catalog entry. The next job
//! of the source finds the variant up to date and lists it. A manifest that exists remains correct: it does not list a variant
//! that does not exist.
//!
//! If the stored variant shows an earlier state of the source, an event of the new state will replace it. Until then, the
//! request converts the new state for its answer, and does not store the result.

use bytes::Bytes;
use futures_util::future::try_join;
use model::{Change, Job, Location, OutputFormat, Report, Source, Timings, VariantId, VariantStatus, error_chain};

use crate::convert_source::{ConvertedSource, ConvertedVariant, Demand, convert_source};
use crate::fetch::{RequiredState, SourceLookup, look_up_source, open_source, read_source_state};
use crate::job_run::JobRun;
use crate::operation::{Operation, http_status};
use crate::output_set::put_variant;
use crate::progress::{self, Step};
use crate::provenance::SourceState;
use crate::run::{Attempts, attempt_repeatedly, run_until};
use crate::skip_reason::SkipReason;
use crate::source_link::shown_media_type;
use crate::stage::Stage;
use crate::stored_outputs::{OutputSlot, SlotContent, StoredObject, StoredOutputs};
use crate::{Deadline, Error, KeyDecision, OutputLocations, Plan, Store, VariantLocation};

/// A variant that a client requests.
#[derive(Clone, Copy)]
pub struct RequestedVariant<'request> {
    /// The source.
    pub source: &'request Location,
    /// The variant. It must be in the recipe of the source.
    pub id: VariantId,
    /// Whether the client needs the content of a stored variant. It may have the variant already, or the variant may be too
    /// large for the answer.
    pub needs_body: &'request (dyn Fn(&StoredVariant) -> bool + Sync),
}

/// A stored variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredVariant {
    /// The location.
    pub at: Location,
    /// The ETag, with its quotation marks.
    pub etag: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The `Cache-Control` header.
    pub cache_control: Option<String>,
}

/// The answer to a request for a variant.
#[derive(Debug)]
pub enum Answer {
    /// The variant is stored.
    Stored {
        /// The variant.
        variant: StoredVariant,
        /// The content, if the client needs it.
        body: Option<Bytes>,
    },
    /// The variant was converted, but it is not stored: the stored variant shows an earlier state of the source, or the variant
    /// is larger than the source and not all browsers show the source.
    NotStored {
        /// The content.
        body: Bytes,
    },
    /// The variant is not stored, because it is larger than the source. All browsers show the source.
    LargerThanSource,
    /// The source does not exist.
    SourceAbsent,
    /// The source has no variants, or they cannot be created. A retry cannot succeed.
    Rejected {
        /// What is wrong with the image. It contains no bucket and no key. `None` if the reason is not the image.
        problem: Option<String>,
    },
    /// Something other than the source failed. A retry may succeed.
    Failed,
}

/// Provides one variant, and returns the report of the job. If the variant was not converted, the outcome in the report is
/// [`Skipped`](model::Outcome::Skipped).
///
/// The write of a new variant is conditional, as in [`run`](crate::run). If another writer stores the variant first, the answer
/// is the content that this writer stored.
pub async fn provide_variant(
    store: &Store,
    request: RequestedVariant<'_>,
    plan: &Plan,
    deadline: Option<Deadline>,
) -> (Answer, Report) {
    let source = Source { at: request.source.clone(), version: None, etag: None, sequencer: None };
    let job = Job { source, change: Change::Created };
    let rule = plan.rule_name(request.source);
    let mut provision = Provision { store, job: &job, deadline, converted: None, timings: Timings::default() };
    let result = run_until(deadline, Box::pin(provision.run(plan, request))).await;
    let timings = provision.timings;
    let report = |outcome| Report { job: job.clone(), rule: rule.clone(), outcome, timings };
    match result {
        Ok(Provided { answer, converted }) => {
            let outcome = converted.map_or_else(|| SkipReason::UpToDate.outcome(), ConvertedSource::into_outcome);
            (answer, report(outcome))
        }
        Err(error) => {
            if let Error::SourceNotFound { .. } = error {
                return (Answer::SourceAbsent, report(SkipReason::SourceAbsent.outcome()));
            }
            let problem = error.image_problem();
            (if error.can_retry() { Answer::Failed } else { Answer::Rejected { problem } }, report(error.outcome()))
        }
    }
}

/// The state of a request across its attempts.
struct Provision<'request> {
    store: &'request Store,
    job: &'request Job,
    deadline: Option<Deadline>,
    /// The result of the conversion of the source in this state.
    converted: Option<ConvertedSource>,
    timings: Timings,
}

/// An answer, with the conversion if there was one.
struct Provided {
    answer: Answer,
    converted: Option<ConvertedSource>,
}

impl Provision<'_> {
    async fn run(&mut self, plan: &Plan, request: RequestedVariant<'_>) -> Result<Provided, Error> {
        let at = request.source;
        let plan = match plan.decide(at)? {
            KeyDecision::Convert(plan) => plan,
            KeyDecision::Skip { .. } => return Err(Error::SourceNotFound { at: at.clone() }),
        };
        let mut attempts = Attempts::new(at);
        loop {
            // The future is boxed, because it contains the state of a conversion.
            if let Some(answer) = attempts.end(Box::pin(self.attempt(plan, request)).await).await {
                return Ok(Provided { answer: answer?, converted: self.converted.take() });
            }
        }
    }

    async fn attempt(&mut self, plan: &Plan, request: RequestedVariant<'_>) -> Result<Answer, Error> {
        let (store, at, id) = (self.store, request.source, request.id);
        let OutputLocations { variants, manifest } = plan.layout.output_locations(at, &plan.recipe)?;
        let variants = variants.into_iter().filter(|variant| variant.id == id).collect::<Vec<VariantLocation>>();
        progress::begin_step(Step::LookUp);
        let locations = OutputLocations { variants, manifest };
        let (stored, source) = try_join(StoredOutputs::read(store, at, &locations), look_up_source(store, at)).await?;
        let Some((state, content_type)) = source else { return Err(Error::SourceNotFound { at: at.clone() }) };
        let slot = &stored.variants.first().ok_or(Error::MissingVariant { id })?.slot;
        let is_stale = match &slot.content {
            SlotContent::Absent | SlotContent::Unknown(_) => false,
            SlotContent::Object(StoredObject { provenance: None, .. }) => {
                return Err(Error::ForeignObject { at: slot.at.clone() });
            }
            SlotContent::Object(StoredObject { etag, bytes, cache_control, provenance: Some(provenance) }) => {
                // A variant of an earlier recipe is current until a backfill replaces it. Otherwise each change of the
                // recipe would cause a conversion for each request.
                if provenance.shows(&state, plan, id) {
                    let (etag, cache_control) = (etag.clone(), cache_control.clone());
                    let variant = StoredVariant { at: slot.at.clone(), etag, bytes: *bytes, cache_control };
                    return self.read_stored(variant, request).await;
                }
                true
            }
        };
        if stored.is_omitted(id, &state, plan) && shown_media_type(&at.key, content_type.as_deref()).is_some() {
            return Ok(Answer::LargerThanSource);
        }
        // The source is read after the outputs, as in a job: a later state of the source, whose outputs were stored before,
        // would be in the outputs that were read.
        let converted = self.convert(plan, id).await?;
        let converted = self.converted.insert(converted);
        let [variant] = &converted.variants[..] else { return Err(Error::MissingVariant { id }) };
        let (state, body) = (converted.state.clone(), variant.body.clone());
        match variant.report.status {
            VariantStatus::LargerThanSource if converted.info.is_shown_by_clients_of(OutputFormat::Webp) => {
                return Ok(Answer::LargerThanSource);
            }
            VariantStatus::LargerThanSource => return Ok(Answer::NotStored { body }),
            VariantStatus::Stored if is_stale => return Ok(Answer::NotStored { body }),
            VariantStatus::Stored => {}
        }
        progress::begin_step(Step::Store);
        let writing = async { Ok::<_, Error>(write_variant(store, plan, converted, variant, slot).await) };
        let (written, store_ms) = Stage::store().run_async(writing).await?;
        self.timings.store_ms += store_ms;
        // The source is checked even if the write failed, because a failed write may still take effect.
        self.ensure_source_is_unchanged(plan, &state).await?;
        let variant = written?;
        let body = (request.needs_body)(&variant).then_some(body);
        Ok(Answer::Stored { variant, body })
    }

    /// Converts the current state of the source, unless an earlier attempt has converted this state.
    async fn convert(&mut self, plan: &Plan, id: VariantId) -> Result<ConvertedSource, Error> {
        let at = &self.job.source.at;
        progress::begin_step(Step::Read);
        let object = match open_source(self.store, self.job, RequiredState::Current).await? {
            SourceLookup::Object(object) => object,
            SourceLookup::Archived { class, .. } => return Err(Error::Archived { at: at.clone(), class }),
            SourceLookup::Absent | SourceLookup::Superseded => return Err(Error::SourceNotFound { at: at.clone() }),
        };
        if let Some(converted) = self.converted.take().filter(|converted| converted.state == object.state) {
            return Ok(converted);
        }
        let demand = Demand { only: Some(id), is_search_required: false };
        convert_source(self.store, self.job, plan, object, self.deadline, demand, &mut self.timings).await
    }

    /// Reads the content of a stored variant, if the client needs it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the variant changed after it was looked up.
    async fn read_stored(&self, variant: StoredVariant, request: RequestedVariant<'_>) -> Result<Answer, Error> {
        if !(request.needs_body)(&variant) {
            return Ok(Answer::Stored { variant, body: None });
        }
        progress::begin_step(Step::Read);
        let StoredVariant { at, etag, .. } = &variant;
        let operation = Operation::GetObject;
        let request =
            |client: aws_sdk_s3::Client| client.get_object().bucket(&at.bucket).key(&at.key).if_match(etag).send();
        let object = match self.store.send(&at.bucket, request).await {
            Ok(object) => object,
            Err(error) if matches!(http_status(&error), Some(404 | 412)) => {
                return Err(Error::conflict(operation, at, &error));
            }
            Err(error) => return Err(Error::storage(operation, at, &error)),
        };
        // Some S3 servers ignore If-Match.
        if object.e_tag.as_ref() != Some(etag) {
            return Err(Error::Conflict { message: format!("the ETag of {at} changed") });
        }
        let interrupted = |message| Error::DownloadInterrupted { at: at.clone(), after: 0, message };
        let body = object.body.collect().await.map_err(|error| interrupted(error_chain(&error)))?.into_bytes();
        Ok(Answer::Stored { variant, body: Some(body) })
    }

    /// Checks the source after the variant was written. If the source changed, its event may have been handled before the
    /// variant was written, so that no event would replace or delete the variant. Therefore all outputs are updated now.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the source changed, so that the request is attempted again.
    async fn ensure_source_is_unchanged(&mut self, plan: &Plan, state: &SourceState) -> Result<(), Error> {
        let at = &self.job.source.at;
        if read_source_state(self.store, at).await?.as_ref() == Some(state) {
            return Ok(());
        }
        let outputs = plan.layout.output_locations(at, &plan.recipe)?;
        let run = JobRun::new(self.store, self.job, plan, self.deadline, outputs, &mut self.timings);
        attempt_repeatedly(at, run.after_changed_output()).await?;
        Err(Error::source_changed(at))
    }
}

/// Writes the converted variant to its empty slot.
///
/// # Errors
/// [`Error::Conflict`] if another writer wrote it in the meantime.
async fn write_variant(
    store: &Store,
    plan: &Plan,
    converted: &ConvertedSource,
    variant: &ConvertedVariant,
    slot: &OutputSlot,
) -> Result<StoredVariant, Error> {
    let (etag, _) = put_variant(store, plan, converted, variant, slot).await?;
    let cache_control = plan.storage.cache_control.clone().or_else(|| converted.headers.cache_control.clone());
    Ok(StoredVariant { at: variant.report.at.clone(), etag, bytes: variant.report.bytes, cache_control })
}

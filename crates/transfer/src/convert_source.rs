//! Reads and converts an opened source. The variants stay in memory until they are stored.

use bytes::Bytes;
use convert::{Preview, SearchObstacle};
use model::{Job, Outcome, Recipe, Source, SourceInfo, Timings, VariantId, VariantReport};

use crate::conversion_queue::MemoryReservation;
use crate::fetch::{RequiredState, SourceLookup, SourceObject, open_source, read_source_tags};
use crate::output::sha256_hex;
use crate::progress::{self, Step};
use crate::provenance::{Focus, Provenance, QualitySearch, SourceState};
use crate::source_headers::SourceHeaders;
use crate::stage::Stage;
use crate::timed_conversion::{ConversionRequest, TimeBudget, TimedConversion};
use crate::{Deadline, Error, Plan, Store, VariantLocation};

/// The result of the conversion of one state of a source.
pub(crate) struct ConvertedSource {
    pub(crate) state: SourceState,
    pub(crate) info: SourceInfo,
    /// The variants of the recipe, widest first.
    pub(crate) variants: Vec<ConvertedVariant>,
    pub(crate) headers: SourceHeaders,
    /// The source's tags in URL query form, if tags are copied.
    pub(crate) tags: Option<String>,
    pub(crate) quality_search: QualitySearch,
    pub(crate) preview: Option<Preview>,
    /// The source in the state that the job's event describes.
    event_source: Source,
    notes: Vec<String>,
    /// The memory for the source stays reserved until the variants are stored. It is sufficient for the variants,
    /// because they need at most as much memory as the source.
    _reservation: MemoryReservation,
}

/// A variant in memory.
pub(crate) struct ConvertedVariant {
    pub(crate) report: VariantReport,
    pub(crate) body: Bytes,
}

impl ConvertedSource {
    /// Returns the provenance of an output with this content.
    pub(crate) fn provenance(&self, content: &[u8], plan: &Plan) -> Provenance {
        Provenance::new(&self.state, &self.event_source, plan, self.quality_search, sha256_hex(content))
    }

    pub(crate) fn into_outcome(self) -> Outcome {
        let variants = self.variants.into_iter().map(|variant| variant.report).collect();
        Outcome::Converted { image: self.info, variants, notes: self.notes }
    }
}

/// Which variants a job needs, and how good they must be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand {
    /// The only variant that is converted. If it is `None`, all variants of the recipe are converted.
    pub(crate) only: Option<VariantId>,
    /// This is set if variants with a cut-short search are already stored, because another conversion without a full search
    /// would not improve them.
    pub(crate) is_search_required: bool,
}

impl Demand {
    /// Returns the recipe of the conversion. The provenance of an output always contains the fingerprint of the whole plan, so
    /// that it does not depend on the demand.
    fn recipe(self, plan: &Plan) -> Recipe {
        let Some(VariantId { size, format }) = self.only else { return plan.recipe.clone() };
        let one = "a list of one entry is not empty";
        let (sizes, formats) = (vec![size].try_into().expect(one), vec![format].try_into().expect(one));
        Recipe { sizes, formats, ..plan.recipe.clone() }
    }
}

/// Reads and converts a source.
///
/// # Errors
/// [`Error::Conflict`] if the source changed in the meantime.
pub(crate) async fn convert_source(
    store: &Store,
    job: &Job,
    plan: &Plan,
    object: Box<SourceObject>,
    deadline: Option<Deadline>,
    demand: Demand,
    timings: &mut Timings,
) -> Result<ConvertedSource, Error> {
    let (object, reservation) = reserve_memory(store, job, plan, object).await?;
    let state = object.state.clone();
    let headers = if plan.storage.drop_headers { SourceHeaders::default() } else { object.headers.clone() };

    let fetch = async {
        let bytes = Bytes::from(object.read(plan.limits.bytes).await?);
        // The tags are read even if the tag count of GetObject is 0, because the count is also 0 if the role may not
        // read the tags.
        let tags =
            if plan.storage.copy_tags { Some(read_source_tags(store, &job.source.at, &state).await?) } else { None };
        Ok::<_, Error>((bytes, tags))
    };
    let ((bytes, tags), fetch_ms) = Stage::fetch().run_async(fetch).await?;

    let recipe = demand.recipe(plan);
    let locations = plan.layout.output_locations(&job.source.at, &recipe)?;
    progress::begin_step(Step::Convert);
    let request = ConversionRequest {
        recipe,
        focal_point: state.focus.point(plan),
        limits: plan.limits_within(deadline),
        threads: plan.threads,
        time: TimeBudget { is_search_required: demand.is_search_required, ..TimeBudget::default() },
        // Only the manifest and the catalog contain the preview.
        has_preview: demand.only.is_none() && (locations.manifest.is_some() || store.catalog.is_some()),
    };
    let deadline = deadline.map(|deadline| deadline.at);
    let converted = store.conversions.convert(&reservation, bytes, request, deadline).await?;
    let TimedConversion { info, conversion, preview, timings: conversion_timings } = converted;
    *timings = Timings { fetch_ms, store_ms: timings.store_ms, ..conversion_timings };

    let is_cut_short = conversion.search_obstacle == Some(SearchObstacle::Time);
    let quality_search = if is_cut_short { QualitySearch::CutShort } else { QualitySearch::Full };
    let variants = assign_locations(conversion.variants, locations.variants, &info, plan)?;
    let (event_source, mut notes) = (job.source.clone(), conversion.notes);
    if let Focus::Invalid(error) = &state.focus
        && plan.recipe.has_crops()
    {
        notes.push(format!("the user metadata `focus` is ignored: {error}"));
    }
    let mut converted = ConvertedSource {
        state,
        info,
        variants,
        headers,
        tags,
        quality_search,
        preview,
        event_source,
        notes,
        _reservation: reservation,
    };
    let metadata = converted.headers.output_metadata(converted.provenance(&[], plan).to_metadata());
    let omitted = converted.headers.omitted_names(&metadata);
    let omitted = (!omitted.is_empty())
        .then(|| format!("user metadata that does not fit into S3's 2 KB was omitted: {}", omitted.join(", ")));
    if is_cut_short {
        converted
            .notes
            .push("the next event of the source, or a backfill, converts it again with a full search".into());
    }
    converted.notes.extend(omitted);
    Ok(converted)
}

/// Pairs each variant with its location.
///
/// # Errors
/// [`Error::MissingVariant`] or [`Error::UnexpectedVariant`] if the variants are not exactly the requested ones.
fn assign_locations(
    mut variants: Vec<convert::Variant>,
    locations: Vec<VariantLocation>,
    info: &SourceInfo,
    plan: &Plan,
) -> Result<Vec<ConvertedVariant>, Error> {
    let mut assigned = vec![];
    for VariantLocation { id, at } in locations {
        let index = variants.iter().position(|variant| variant.id == id);
        let variant = variants.remove(index.ok_or(Error::MissingVariant { id })?);
        let status = plan.storage.variant_status(&variant, info);
        let convert::Variant { width, height, crop, bytes, score, .. } = variant;
        let VariantId { size: requested, format } = id;
        let length = bytes.len() as u64;
        let report = VariantReport { requested, format, at, width, height, crop, bytes: length, score, status };
        assigned.push(ConvertedVariant { report, body: Bytes::from_owner(bytes) });
    }
    match variants.first() {
        Some(variant) => Err(Error::UnexpectedVariant { id: variant.id }),
        None => Ok(assigned),
    }
}

/// Reserves memory for the file. If the job has to wait, S3 would close the idle connection, so the source is opened
/// again.
///
/// # Errors
/// [`Error::Conflict`] if the source changed while the job waited.
async fn reserve_memory(
    store: &Store,
    job: &Job,
    plan: &Plan,
    object: Box<SourceObject>,
) -> Result<(Box<SourceObject>, MemoryReservation), Error> {
    let (bytes, at) = (object.content_length, &job.source.at);
    if bytes > plan.limits.bytes {
        return Err(Error::TooLarge { at: at.clone(), bytes, limit: plan.limits.bytes });
    }
    // The limit is half of the memory, because the function and the process that converts the file each have a copy of
    // the file.
    if bytes > plan.limits.memory / 2 {
        return Err(Error::TooMuchMemory { at: at.clone(), bytes, limit: plan.limits.memory / 2 });
    }
    if let Some(reservation) = store.conversions.try_reserve(bytes) {
        return Ok((object, reservation));
    }
    let state = object.state.clone();
    drop(object);
    progress::begin_step(Step::Convert);
    let reservation = store.conversions.reserve(bytes).await;
    progress::begin_step(Step::Read);
    match open_source(store, job, RequiredState::Current).await? {
        SourceLookup::Object(object) if object.state == state => Ok((object, reservation)),
        SourceLookup::Object(_) | SourceLookup::Archived { .. } | SourceLookup::Superseded | SourceLookup::Absent => {
            Err(Error::source_changed(at))
        }
    }
}

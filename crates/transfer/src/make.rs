//! From a source that is open to the outputs that belong to it, in memory.

use std::sync::Arc;

use bytes::Bytes;
use convert::SearchObstacle;
use model::{Job, Location, Outcome, Source, SourceInfo, Timings, VariantReport, VariantStatus};

use crate::fetch::{Found, Object, open, tags};
use crate::progress::{self, Step};
use crate::provenance::{Provenance, QualitySearch, SourceState};
use crate::put::sha256;
use crate::source_headers::SourceHeaders;
use crate::stage::Stage;
use crate::turn::Hold;
use crate::work::{Request, Time, Work};
use crate::{Deadline, Error, Plan, Store};

/// One state of a source, converted.
pub(crate) struct Made {
    pub(crate) state: SourceState,
    pub(crate) facts: SourceInfo,
    /// What was made, in the recipe's order.
    pub(crate) variants: Vec<(VariantReport, Bytes)>,
    pub(crate) carried: SourceHeaders,
    /// The source's tags as a query, where they go along.
    pub(crate) tags: Option<String>,
    /// How the variants' quality was found.
    pub(crate) search: QualitySearch,
    /// What the job was told of the source.
    told: Source,
    notes: Vec<String>,
    /// The outputs take no more room than their source did.
    _hold: Hold,
}

impl Made {
    /// What an output of this content says of its making.
    pub(crate) fn mark(&self, content: &[u8], plan: &Plan) -> Provenance {
        Provenance::new(&self.state, &self.told, plan, self.search, sha256(content))
    }

    pub(crate) fn outcome(self) -> Outcome {
        let variants = self.variants.into_iter().map(|(report, _)| report).collect();
        Outcome::Converted { image: self.facts, variants, notes: self.notes }
    }
}

/// Reads and converts. Nothing where the source changed while this waited for room. With `search_required`, variants whose
/// search was cut short are stored already.
pub(crate) async fn make(
    store: &Store,
    job: &Job,
    plan: &Arc<Plan>,
    object: Box<Object>,
    deadline: Option<Deadline>,
    search_required: bool,
    took: &mut Timings,
) -> Result<Option<Made>, Error> {
    let Some((object, hold)) = with_room(store, job, plan, object).await? else { return Ok(None) };
    let state = object.state.clone();
    let carried = if plan.storage.drop_headers { SourceHeaders::default() } else { object.carried.clone() };

    let fetch = async {
        let bytes = Bytes::from(object.read(plan.limits.bytes).await?);
        // Asked for even where S3 counts none: it counts none, too, for a role that may not read them.
        let tags = if plan.storage.copy_tags { Some(tags(store, &job.source.at, &state).await?) } else { None };
        Ok::<_, Error>((bytes, tags))
    };
    let ((bytes, tags), fetch_ms) = Stage::fetch().wait(fetch).await?;
    let tags = match tags {
        // The source is gone by now.
        Some(None) => return Ok(None),
        Some(Some(tags)) => Some(tags),
        None => None,
    };

    progress::begin(Step::Convert);
    let request = Request {
        recipe: plan.recipe.clone(),
        limits: plan.limits_within(deadline),
        threads: plan.threads,
        time: Time { search_required, ..Time::default() },
    };
    let converted = store.turns.convert(&hold, bytes, request, deadline.map(|deadline| deadline.at)).await;
    let Work { facts, conversion, took: working } = converted?;
    *took = Timings { fetch_ms, store_ms: took.store_ms, ..working };

    let outputs = plan.layout.outputs(&job.source.at, &plan.recipe.widths)?;
    if conversion.variants.len() != outputs.variants.len() {
        return Err(Error::WorkerFailed {
            message: "it made another number of variants than was requested for".into(),
        });
    }
    let variants = conversion.variants.into_iter().zip(outputs.variants);
    let variants = variants.map(|(variant, at)| report(variant, at, facts.bytes, plan)).collect();
    let search = if conversion.search_obstacle == Some(SearchObstacle::Time) {
        QualitySearch::CutShort
    } else {
        QualitySearch::Full
    };
    let (told, notes) = (job.source.clone(), conversion.notes);
    let mut made = Made { state, search, told, facts, variants, carried, tags, notes, _hold: hold };
    let metadata = made.carried.output_metadata(made.mark(&[], plan).to_metadata());
    let left_out = made.carried.omitted_names(&metadata);
    if made.search == QualitySearch::CutShort {
        made.notes.push("the variants are made again at the next event of the source, or by a backfill".into());
    }
    if !left_out.is_empty() {
        let note = format!("user metadata that does not fit into S3's 2 KB was left out: {}", left_out.join(", "));
        made.notes.push(note);
    }
    Ok(Some(made))
}

fn report(variant: convert::Variant, at: Location, source: u64, plan: &Plan) -> (VariantReport, Bytes) {
    let convert::Variant { requested, width, height, bytes, is_source, score } = variant;
    // One that is the source itself is no larger than it, and is what a page looks for under the variant's name.
    let larger = bytes.len() as u64 >= source && !is_source && !plan.storage.keep_larger;
    let status = if larger { VariantStatus::LargerThanSource } else { VariantStatus::Stored };
    let report = VariantReport { requested, at, width, height, bytes: bytes.len() as u64, score, status };
    (report, Bytes::from_owner(bytes))
}

/// Waits until the file may be held in memory. S3 would not wait with it, so where that takes time, it is opened again.
async fn with_room(
    store: &Store,
    job: &Job,
    plan: &Plan,
    object: Box<Object>,
) -> Result<Option<(Box<Object>, Hold)>, Error> {
    let (bytes, at) = (object.announced, &job.source.at);
    if bytes > plan.limits.bytes {
        return Err(Error::TooLarge { at: at.clone(), bytes, limit: plan.limits.bytes });
    }
    // The function holds it until the process that converts it does.
    if bytes > plan.limits.memory / 2 {
        return Err(Error::TooMuchMemory { at: at.clone(), bytes, limit: plan.limits.memory / 2 });
    }
    if let Some(hold) = store.turns.try_hold(bytes) {
        return Ok(Some((object, hold)));
    }
    let state = object.state.clone();
    drop(object);
    progress::begin(Step::Convert);
    let hold = store.turns.hold(bytes).await;
    progress::begin(Step::Read);
    Ok(match open(store, job, false).await? {
        Found::Object(object) if object.state == state => Some((object, hold)),
        Found::Object(_) | Found::Archived { .. } | Found::Superseded | Found::Gone => None,
    })
}

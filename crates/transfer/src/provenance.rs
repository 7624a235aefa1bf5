//! The provenance of an output: the user metadata that records its source and recipe.

use std::collections::HashMap;

use model::{FocalPoint, InvalidFocalPoint, Job, Sequencer, Source, VariantId};

use crate::Plan;

const SOURCE_ETAG: &str = "avif-source-etag";
const SOURCE_VERSION: &str = "avif-source-version";
const SOURCE_SEQUENCER: &str = "avif-source-sequencer";
const EVENT_ETAG: &str = "avif-event-etag";
const RECIPE: &str = "avif-recipe";
const TOOL: &str = "avif-tool";
const OMITTED: &str = "avif-left-out";
/// This metadata is present only if the recipe has crops and the source has a focal point in its user metadata.
const FOCUS: &str = "avif-focus";
/// This metadata is present only if the quality search was cut short. The value is [`CUT_SHORT`].
const SEARCH: &str = "avif-search";
const CUT_SHORT: &str = "cut-short";
pub(crate) const SHA256: &str = "avif-sha256";

/// One state of a source, as S3 returned it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SourceState {
    /// The ETag, without quotation marks.
    pub(crate) etag: String,
    /// The version ID, if the bucket has versioning.
    pub(crate) version: Option<String>,
    pub(crate) focus: Focus,
}

/// The focal point in the user metadata of a source. If somebody changes the metadata by copying the object onto itself, the
/// ETag may stay the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Focus {
    Point(FocalPoint),
    /// The metadata contains no focal point.
    Absent,
    Invalid(InvalidFocalPoint),
    /// The state comes from a listing, which does not contain the user metadata.
    Unknown,
}

impl Focus {
    /// Returns the focal point for the crops of a plan, if the plan has crops.
    pub(crate) fn point(&self, plan: &Plan) -> Option<FocalPoint> {
        match self {
            Self::Point(point) if plan.recipe.has_crops() => Some(*point),
            Self::Point(_) | Self::Absent | Self::Invalid(_) | Self::Unknown => None,
        }
    }
}

/// Whether the quality search of an output was completed. [`Full`](Self::Full) also satisfies a minimum of
/// [`CutShort`](Self::CutShort).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum QualitySearch {
    /// The deadline left no time for the search, so a fixed quality was used.
    CutShort,
    /// The output has the quality that the recipe requires.
    Full,
}

/// The name and version of this program, as outputs contain it.
pub(crate) const TOOL_VERSION: &str = concat!("avif-lambda/", env!("CARGO_PKG_VERSION"));

/// The provenance of one output. An object without provenance was not created by the function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Provenance {
    /// The ETag of the source. `None` in outputs of an early release that did not store the ETag.
    pub(crate) source_etag: Option<String>,
    pub(crate) source_version: Option<String>,
    /// The focal point in the source's user metadata, if the recipe has crops and the point is valid.
    pub(crate) focal_point: Option<FocalPoint>,
    /// The sequencer of the event, if the source was read in the state that the event describes.
    pub(crate) sequencer: Option<Sequencer>,
    /// The source's ETag from the job's event, if the job read the source in another state than the event describes. If
    /// the event is delivered again, its job uses this ETag to identify the outputs of the first delivery.
    pub(crate) event_etag: Option<String>,
    /// The fingerprint of the plan.
    pub(crate) fingerprint: String,
    /// In a manifest: the variants that are not stored because they are larger than the source.
    pub(crate) omitted: Vec<VariantId>,
    pub(crate) quality_search: QualitySearch,
    /// SHA-256 of the output's content, in hexadecimal.
    pub(crate) sha256: String,
}

impl Provenance {
    /// Creates the provenance of an output of a job. `event_source` is the source in the state that the job's event
    /// describes, and `state` is the state that was read.
    pub(crate) fn new(
        state: &SourceState,
        event_source: &Source,
        plan: &Plan,
        quality_search: QualitySearch,
        sha256: String,
    ) -> Self {
        let SourceState { etag, version, focus } = state.clone();
        let is_state_of_event = event_source.etag.as_ref() == Some(&etag);
        // The sequencer belongs to the state that the event describes. For any other state, this sequencer would be
        // wrong.
        let sequencer = event_source.sequencer.clone().filter(|_| is_state_of_event);
        let event_etag = event_source.etag.clone().filter(|_| !is_state_of_event);
        Self {
            source_etag: Some(etag),
            source_version: version,
            focal_point: focus.point(plan),
            sequencer,
            event_etag,
            fingerprint: plan.fingerprint(),
            omitted: vec![],
            quality_search,
            sha256,
        }
    }

    /// Reads the provenance from an object's user metadata. `None` if the function did not create the object.
    pub(crate) fn from_metadata(metadata: &HashMap<String, String>) -> Option<Self> {
        let text = |name| metadata.get(name).cloned();
        let is_cut_short = metadata.contains_key(SEARCH);
        Some(Self {
            source_etag: text(SOURCE_ETAG),
            source_version: text(SOURCE_VERSION),
            focal_point: text(FOCUS).and_then(|text| text.parse().ok()),
            sequencer: text(SOURCE_SEQUENCER).and_then(|text| text.parse().ok()),
            event_etag: text(EVENT_ETAG),
            fingerprint: text(RECIPE)?,
            omitted: text(OMITTED).map(|text| parse_variants(&text)).unwrap_or_default(),
            quality_search: if is_cut_short { QualitySearch::CutShort } else { QualitySearch::Full },
            sha256: text(SHA256).unwrap_or_default(),
        })
    }

    /// Returns the names and values of the user metadata.
    pub(crate) fn to_metadata(&self) -> HashMap<String, String> {
        let required =
            [(RECIPE, self.fingerprint.clone()), (SHA256, self.sha256.clone()), (TOOL, TOOL_VERSION.to_owned())];
        let optional = [
            self.source_etag.clone().map(|etag| (SOURCE_ETAG, etag)),
            self.source_version.clone().map(|version| (SOURCE_VERSION, version)),
            self.focal_point.map(|point| (FOCUS, point.to_string())),
            self.sequencer.clone().map(|sequencer| (SOURCE_SEQUENCER, sequencer.into())),
            self.event_etag.clone().map(|etag| (EVENT_ETAG, etag)),
            (!self.omitted.is_empty()).then(|| (OMITTED, format_variants(&self.omitted))),
            (self.quality_search == QualitySearch::CutShort).then(|| (SEARCH, CUT_SHORT.to_owned())),
        ];
        let all = required.into_iter().chain(optional.into_iter().flatten());
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Whether an earlier attempt of this job may have written the output: it was created from the state that the job's event
    /// describes, or the provenance records the event. If the event contains no ETag, every output counts.
    pub(crate) fn may_be_of(&self, job: &Job) -> bool {
        let Some(etag) = &job.source.etag else { return true };
        self.source_etag.as_ref() == Some(etag) || self.event_etag.as_ref() == Some(etag)
    }

    /// Whether the output was created from this state of the source with this plan, and with at least this quality
    /// search.
    pub(crate) fn matches(&self, state: &SourceState, plan: &Plan, minimum: QualitySearch) -> bool {
        self.source_etag.as_ref() == Some(&state.etag)
            && self.has_focal_point_of(state, plan)
            && self.fingerprint == plan.fingerprint()
            && self.quality_search >= minimum
    }

    /// Whether this variant shows this state of the source. It may have been created with an earlier recipe.
    pub(crate) fn shows(&self, state: &SourceState, plan: &Plan, id: VariantId) -> bool {
        // The focal point changes only crops.
        self.source_etag.as_ref() == Some(&state.etag) && (!id.size.is_crop() || self.has_focal_point_of(state, plan))
    }

    fn has_focal_point_of(&self, state: &SourceState, plan: &Plan) -> bool {
        state.focus == Focus::Unknown || self.focal_point == state.focus.point(plan)
    }
}

fn format_variants(variants: &[VariantId]) -> String {
    variants.iter().map(VariantId::to_string).collect::<Vec<_>>().join(",")
}

fn parse_variants(text: &str) -> Vec<VariantId> {
    text.split(',').filter_map(|id| id.parse().ok()).collect()
}

/// Whether user metadata with this name belongs to the provenance.
pub(crate) fn is_provenance_name(name: &str) -> bool {
    [SOURCE_ETAG, SOURCE_VERSION, SOURCE_SEQUENCER, EVENT_ETAG, FOCUS, RECIPE, TOOL, OMITTED, SEARCH, SHA256]
        .contains(&name)
}

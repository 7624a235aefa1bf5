//! What a stored object says about its making, in its user metadata.

use std::collections::HashMap;

use model::{Sequencer, Source, Width};

use crate::Plan;

const SOURCE_ETAG: &str = "avif-source-etag";
const SOURCE_VERSION: &str = "avif-source-version";
const SOURCE_SEQUENCER: &str = "avif-source-sequencer";
const EVENT_ETAG: &str = "avif-event-etag";
const RECIPE: &str = "avif-recipe";
const TOOL: &str = "avif-tool";
const LEFT_OUT: &str = "avif-left-out";
/// Present where the deadline cut the search for the quality short; its value says so.
const SEARCH: &str = "avif-search";
const CUT_SHORT: &str = "cut-short";
pub(crate) const SHA256: &str = "avif-sha256";

/// One state of a source, by what S3 says when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// The entity tag, without quotation marks.
    pub(crate) etag: String,
    /// The version, in a bucket that keeps versions.
    pub(crate) version: Option<String>,
}

/// How the quality of an output was found. The later one is good enough wherever the earlier one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Search {
    /// A quality was set, because the deadline left no time for the search that the recipe asks for.
    CutShort,
    /// As the recipe asks for it.
    Full,
}

/// An object's word that it was made here, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The source's state. Nothing where an earlier release of this tool did not know it.
    pub(crate) etag: Option<String>,
    pub(crate) version: Option<String>,
    /// The place of that state's event, where it was that event which led to it.
    pub(crate) sequencer: Option<Sequencer>,
    /// The entity tag that the job's event told of, where the source had another when it was read: by that the job knows
    /// what it left behind, the next time that it is tried.
    pub(crate) event: Option<String>,
    /// The plan's fingerprint.
    pub(crate) recipe: String,
    /// Of a list: the variants that are not there because they came out larger than the source.
    pub(crate) left_out: Vec<Width>,
    pub(crate) search: Search,
    /// The object's own digest.
    pub(crate) sha256: String,
}

impl Mark {
    /// The mark of what a job with that source makes of that state.
    pub(crate) fn new(state: &State, told: &Source, plan: &Plan, search: Search, sha256: String) -> Self {
        let State { etag, version } = state.clone();
        let as_told = told.etag.as_ref() == Some(&etag);
        // The event's place in order is that of the state it told of, and of no other.
        let sequencer = told.sequencer.clone().filter(|_| as_told);
        let event = told.etag.clone().filter(|_| !as_told);
        let recipe = plan.fingerprint();
        Self { etag: Some(etag), version, sequencer, event, recipe, left_out: vec![], search, sha256 }
    }

    /// Nothing where the object was not made here.
    pub(crate) fn read(metadata: &HashMap<String, String>) -> Option<Self> {
        let text = |name| metadata.get(name).cloned();
        Some(Self {
            etag: text(SOURCE_ETAG),
            version: text(SOURCE_VERSION),
            sequencer: text(SOURCE_SEQUENCER).and_then(|text| text.parse().ok()),
            event: text(EVENT_ETAG),
            recipe: text(RECIPE)?,
            left_out: text(LEFT_OUT).map(|text| widths(&text)).unwrap_or_default(),
            search: if metadata.contains_key(SEARCH) { Search::CutShort } else { Search::Full },
            sha256: text(SHA256).unwrap_or_default(),
        })
    }

    /// As names and values of user metadata.
    pub(crate) fn metadata(&self) -> HashMap<String, String> {
        let always = [
            (RECIPE, self.recipe.clone()),
            (SHA256, self.sha256.clone()),
            (TOOL, concat!("avif-lambda/", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        let known = [
            self.etag.clone().map(|etag| (SOURCE_ETAG, etag)),
            self.version.clone().map(|version| (SOURCE_VERSION, version)),
            self.sequencer.clone().map(|sequencer| (SOURCE_SEQUENCER, sequencer.into())),
            self.event.clone().map(|etag| (EVENT_ETAG, etag)),
            (!self.left_out.is_empty()).then(|| (LEFT_OUT, text(&self.left_out))),
            (self.search == Search::CutShort).then(|| (SEARCH, CUT_SHORT.to_owned())),
        ];
        always.into_iter().chain(known.into_iter().flatten()).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Whether it was made of exactly this state, as planned, by a search that is good enough.
    pub(crate) fn is_of(&self, state: &State, plan: &Plan, search: Search) -> bool {
        self.etag.as_ref() == Some(&state.etag) && self.recipe == plan.fingerprint() && self.search >= search
    }
}

fn text(widths: &[Width]) -> String {
    widths.iter().map(Width::to_string).collect::<Vec<_>>().join(",")
}

fn widths(text: &str) -> Vec<Width> {
    text.split(',').filter_map(|width| width.parse().ok()).collect()
}

/// Whether a name of user metadata is one of a mark's.
pub(crate) fn is_ours(name: &str) -> bool {
    [SOURCE_ETAG, SOURCE_VERSION, SOURCE_SEQUENCER, EVENT_ETAG, RECIPE, TOOL, LEFT_OUT, SEARCH, SHA256].contains(&name)
}

use model::Location;

use crate::fetch::read_source_state;
use crate::provenance::{Focus, QualitySearch, SourceState};
use crate::stored_outputs::StoredOutputs;
use crate::{Error, Plan, Store};

/// Whether the outputs of a source are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStatus {
    /// All outputs are stored and were created from this state of the source with this plan. [`run`](crate::run) would
    /// skip the source.
    UpToDate,
    /// An output is missing or outdated.
    Outdated,
    /// The source does not exist.
    SourceAbsent,
}

/// Checks whether the outputs of a source are up to date. `etag` is the source's ETag without quotation marks. If it is
/// `None`, this function looks up the source.
///
/// If a key of the outputs would be too long, the status is [`OutputStatus::Outdated`], and [`run`](crate::run) reports
/// the error.
///
/// # Errors
/// A request to S3 or to the catalog failed.
pub async fn check_outputs(
    store: &Store,
    source: &Location,
    etag: Option<&str>,
    plan: &Plan,
) -> Result<OutputStatus, Error> {
    let Ok(outputs) = plan.layout.output_locations(source, &plan.recipe) else {
        return Ok(OutputStatus::Outdated);
    };
    let state = match etag {
        Some(etag) => Some(SourceState { etag: etag.to_owned(), version: None, focus: Focus::Unknown }),
        None => read_source_state(store, source).await?,
    };
    let Some(state) = state else { return Ok(OutputStatus::SourceAbsent) };
    let stored = StoredOutputs::read(store, source, &outputs).await?;
    let is_complete = stored.is_complete(&state, plan, QualitySearch::Full);
    Ok(if is_complete { OutputStatus::UpToDate } else { OutputStatus::Outdated })
}

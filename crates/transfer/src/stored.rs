use model::Location;

use crate::fetch::state;
use crate::look::Seen;
use crate::provenance::{QualitySearch, SourceState};
use crate::{Error, Plan, Store};

/// Whether all that the plan wants of a source is stored already, made of the source in that state, so that
/// [`run`](crate::run) has nothing to do. `etag` comes without quotation marks; where it is not known the source is asked,
/// and one that is gone leaves nothing to do either.
///
/// Nothing is stored of a source whose key leaves no room for its outputs': [`run`](crate::run) has the words for that.
///
/// # Errors
/// S3 or the catalog did not say what is there.
pub async fn is_stored(store: &Store, source: &Location, etag: Option<&str>, plan: &Plan) -> Result<bool, Error> {
    let Ok(outputs) = plan.layout.outputs(source, &plan.recipe.widths) else { return Ok(false) };
    let found = match etag {
        Some(etag) => Some(SourceState { etag: etag.to_owned(), version: None }),
        None => state(store, source).await?,
    };
    match found {
        Some(found) => Ok(Seen::look(store, source, &outputs).await?.is_whole(&found, plan, QualitySearch::Full)),
        None => Ok(true),
    }
}

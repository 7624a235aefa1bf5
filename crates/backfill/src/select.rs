use futures_util::{StreamExt, TryStreamExt, stream};
use model::Location;
use transfer::{KeyDecision, OutputStatus, Plan, Store, check_outputs};

use crate::listing::Listing;
use crate::{Counts, Entry, Error, Selection, State};

/// The number of sources that are checked at the same time. A larger number is not useful, because S3 serves only some
/// thousands of requests per second for one prefix.
const PARALLEL_CHECKS: usize = 64;

/// The result of the check of one object.
enum Decision {
    NotASource,
    TooLarge,
    Converted,
    Archived,
    Convert,
}

/// Lists the objects that are not listed yet, and writes the sources to convert into the manifest, in the order of the
/// listing. `on_page` receives the counts after each page.
///
/// If the process is killed, the next run continues after the last page that was saved.
///
/// # Errors
/// A request to S3 or a write to the disk failed. The pages that were processed before the error are saved.
pub async fn select_sources(
    store: &Store,
    plan: &Plan,
    state: &mut State,
    mut on_page: impl FnMut(Counts),
) -> Result<(), Error> {
    let origin = state.selection().origin.clone();
    let mut listing = Listing::open(store, origin.clone()).await?;
    let mut manifest = state.open_manifest()?;
    while let Some(page) = listing.page(state.cursor()).await? {
        let selection = state.selection();
        let decide = async |entry| decide(store, plan, selection, entry).await.map(|decision| (entry, decision));
        let decisions = stream::iter(&page.entries).map(decide).buffered(PARALLEL_CHECKS);
        let decisions: Vec<(&Entry, Decision)> = decisions.try_collect().await?;
        let mut counts = state.counts();
        for (entry, decision) in decisions {
            counts.listed += 1;
            match decision {
                Decision::NotASource => counts.not_sources += 1,
                Decision::TooLarge => counts.too_large += 1,
                Decision::Converted => counts.converted += 1,
                Decision::Archived => counts.archived += 1,
                Decision::Convert => {
                    counts.to_convert += 1;
                    counts.bytes += entry.bytes;
                    manifest.write(&origin.bucket, &entry.key)?;
                }
            }
        }
        let manifest_bytes = manifest.sync()?;
        state.save_page(counts, page.next, manifest_bytes)?;
        on_page(counts);
    }
    Ok(())
}

async fn decide(store: &Store, plan: &Plan, selection: &Selection, entry: &Entry) -> Result<Decision, Error> {
    let at = Location { bucket: selection.origin.bucket.clone(), key: entry.key.clone() };
    let key = entry.key.to_lowercase();
    let is_selected = selection.suffixes.is_empty() || selection.suffixes.iter().any(|suffix| key.ends_with(suffix));
    let (true, Ok(KeyDecision::Convert(plan))) = (is_selected, plan.decide(&at)) else {
        return Ok(Decision::NotASource);
    };
    if entry.bytes > plan.limits.bytes {
        return Ok(Decision::TooLarge);
    }
    // The check for stored outputs comes before the check for archived objects, because the source may have been
    // converted before it was archived.
    if selection.skip_converted {
        match check_outputs(store, &at, entry.etag.as_deref(), plan).await? {
            OutputStatus::UpToDate | OutputStatus::SourceAbsent => return Ok(Decision::Converted),
            OutputStatus::Outdated => {}
        }
    }
    Ok(if entry.is_archived { Decision::Archived } else { Decision::Convert })
}

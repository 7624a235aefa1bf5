use futures_util::{StreamExt, TryStreamExt, stream};
use model::Location;
use transfer::{Plan, Role, Store, is_stored};

use crate::listing::{Entry, Listing};
use crate::{Counts, Error, Ledger};

/// How many keys are looked at at a time. S3 answers some thousands of requests a second for one prefix.
const LOOKS: usize = 64;

/// What is to become of one key.
enum Fate {
    NoSource,
    TooLarge,
    Stored,
    Archived,
    ToDo,
}

/// Lists what is left to list, and writes what of it is to do into the ledger's manifest, in the listing's order. `told` is
/// given the counts after every page.
///
/// A process that is killed in here has written a page's lines and the word that it did, or is taken not to have: the next
/// one goes on behind the last page that was written down.
///
/// # Errors
/// S3 or the disk failed. What was done until then is written down.
pub async fn list(store: &Store, plan: &Plan, ledger: &mut Ledger, mut told: impl FnMut(Counts)) -> Result<(), Error> {
    let origin = ledger.task().origin.clone();
    let mut listing = Listing::open(store.client(), origin.clone()).await?;
    let mut manifest = ledger.open_manifest()?;
    while let Some(page) = listing.page(ledger.cursor()).await? {
        let task = ledger.task();
        let fates = stream::iter(&page.entries).map(|entry| fate(store, plan, task, entry)).buffered(LOOKS);
        let fates: Vec<Fate> = fates.try_collect().await?;
        let mut counts = ledger.counts();
        for (entry, fate) in page.entries.iter().zip(fates) {
            counts.listed += 1;
            match fate {
                Fate::NoSource => counts.no_source += 1,
                Fate::TooLarge => counts.too_large += 1,
                Fate::Stored => counts.stored += 1,
                Fate::Archived => counts.archived += 1,
                Fate::ToDo => {
                    counts.to_do += 1;
                    counts.bytes += entry.bytes;
                    manifest.write(&origin.bucket, &entry.key)?;
                }
            }
        }
        let bytes = manifest.sync()?;
        ledger.page(counts, page.next, bytes)?;
        told(counts);
    }
    Ok(())
}

async fn fate(store: &Store, plan: &Plan, task: &crate::Task, entry: &Entry) -> Result<Fate, Error> {
    let at = Location { bucket: task.origin.bucket.clone(), key: entry.key.clone() };
    let lower = entry.key.to_lowercase();
    let wanted = task.suffixes.is_empty() || task.suffixes.iter().any(|suffix| lower.ends_with(suffix));
    if !wanted || Role::of(&at) != Role::Source {
        return Ok(Fate::NoSource);
    }
    if entry.bytes > plan.limits.bytes {
        return Ok(Fate::TooLarge);
    }
    // First, since it may have been converted before it was archived.
    if task.look && is_stored(store, &at, entry.etag.as_deref(), plan).await? {
        return Ok(Fate::Stored);
    }
    Ok(if entry.is_archived { Fate::Archived } else { Fate::ToDo })
}

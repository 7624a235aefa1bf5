//! Finds and deletes the outputs that the settings do not contain any more.

use std::io;

use futures_util::{StreamExt, stream};
use model::Location;
use transfer::{Obsolescence, ObsoleteOutput, Plan, Store, check_obsolescence};

use crate::listing::Listing;
use crate::{Cursor, Error, Origin};

/// The number of objects that are checked or deleted at the same time.
const PARALLEL_REQUESTS: usize = 32;

/// The number of listed objects of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneCounts {
    /// Objects that were listed.
    pub listed: u64,
    /// Outputs that the settings do not contain any more.
    pub obsolete: u64,
    /// The size of the obsolete outputs, in bytes.
    pub bytes: u64,
    /// Obsolete outputs that changed before they could be deleted.
    pub changed: u64,
    /// Objects with the key of an obsolete output that the function did not create.
    pub foreign: u64,
    /// Outputs that the settings do not contain, whose source does not exist.
    pub without_source: u64,
    /// Outputs that the settings do not contain, whose source is not converted with these settings yet.
    pub not_converted: u64,
    /// Objects that could not be checked or deleted.
    pub failed: u64,
}

/// Something that happens during a prune.
#[derive(Debug)]
pub enum PruneEvent<'prune> {
    /// An obsolete output was found. It is deleted afterwards, unless the prune is a dry run.
    Obsolete(&'prune ObsoleteOutput),
    /// An object could not be checked or deleted. The prune continues.
    Failed(transfer::Error),
    /// A page of the listing was processed.
    Page(PruneCounts),
}

/// Checks all outputs of the sources with this bucket and prefix. If `is_dry_run` is false, deletes the obsolete ones.
///
/// If the process is killed, another run finds the outputs that are left.
///
/// # Errors
/// The listing failed, or `on_event` returned an error.
pub async fn prune(
    store: &Store,
    plan: &Plan,
    sources: &Origin,
    is_dry_run: bool,
    mut on_event: impl FnMut(PruneEvent<'_>) -> io::Result<()>,
) -> Result<PruneCounts, Error> {
    let bucket = plan.layout.output_bucket(&sources.bucket);
    let prefix = format!("{}{}", plan.layout.prefix, sources.prefix);
    let origin = Origin { bucket: bucket.to_owned(), prefix, inventory: None };
    let mut listing = Listing::open(store, origin).await?;
    let (mut counts, mut cursor) = (PruneCounts::default(), Cursor::Start);
    let mut report = |event: PruneEvent<'_>| on_event(event).map_err(Error::Report);
    while let Some(page) = listing.page(&cursor).await? {
        let check = async |key: &String| {
            let at = Location { bucket: bucket.to_owned(), key: key.clone() };
            check_obsolescence(store, &sources.bucket, &at, plan).await
        };
        let checks = stream::iter(page.entries.iter().map(|entry| &entry.key)).map(check).buffered(PARALLEL_REQUESTS);
        counts.listed += page.entries.len() as u64;
        let mut obsolete = vec![];
        for check in checks.collect::<Vec<_>>().await {
            match check {
                Ok(Obsolescence::NotAnOutput | Obsolescence::Required | Obsolescence::Absent) => {}
                Ok(Obsolescence::Foreign) => counts.foreign += 1,
                Ok(Obsolescence::SourceAbsent) => counts.without_source += 1,
                Ok(Obsolescence::SourceOutdated) => counts.not_converted += 1,
                Ok(Obsolescence::Obsolete(output)) => {
                    counts.obsolete += 1;
                    counts.bytes += output.bytes();
                    report(PruneEvent::Obsolete(&output))?;
                    obsolete.push(output);
                }
                Err(error) => {
                    counts.failed += 1;
                    report(PruneEvent::Failed(error))?;
                }
            }
        }
        if is_dry_run {
            obsolete.clear();
        }
        let deletions = stream::iter(&obsolete).map(|output| output.delete(store)).buffered(PARALLEL_REQUESTS);
        for deletion in deletions.collect::<Vec<_>>().await {
            match deletion {
                Ok(()) => {}
                Err(transfer::Error::Conflict { .. }) => counts.changed += 1,
                Err(error) => {
                    counts.failed += 1;
                    report(PruneEvent::Failed(error))?;
                }
            }
        }
        report(PruneEvent::Page(counts))?;
        cursor = page.next;
    }
    Ok(counts)
}

//! Finds and deletes the outputs that the settings do not contain any more.

use futures_util::{StreamExt, TryStreamExt, stream};
use model::Location;
use transfer::{BucketName, Obsolescence, ObsoleteOutput, Plan, Store, check_obsolescence};

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
}

/// Checks all outputs of the sources with this bucket and prefix. If `is_dry_run` is false, deletes the obsolete ones.
/// `on_obsolete` receives each obsolete output before it is deleted, and `on_page` receives the counts after each page of the
/// listing.
///
/// If the process is killed, another run finds the outputs that are left.
///
/// # Errors
/// A request to S3 or to the catalog failed.
pub async fn prune(
    store: &Store,
    plan: &Plan,
    sources: &Origin,
    is_dry_run: bool,
    mut on_obsolete: impl FnMut(&ObsoleteOutput),
    mut on_page: impl FnMut(PruneCounts),
) -> Result<PruneCounts, Error> {
    let bucket = plan.layout.bucket.as_ref().map_or(sources.bucket.as_str(), BucketName::as_str);
    let prefix = format!("{}{}", plan.layout.prefix, sources.prefix);
    let mut listing =
        Listing::Bucket(store.client().clone(), Origin { bucket: bucket.to_owned(), prefix, inventory: None });
    let (mut counts, mut cursor) = (PruneCounts::default(), Cursor::Start);
    while let Some(page) = listing.page(&cursor).await? {
        let check = async |key: &String| {
            let at = Location { bucket: bucket.to_owned(), key: key.clone() };
            check_obsolescence(store, &sources.bucket, &at, plan).await
        };
        let checks = stream::iter(page.entries.iter().map(|entry| &entry.key)).map(check).buffered(PARALLEL_REQUESTS);
        let checks: Vec<Obsolescence> = checks.try_collect().await?;
        counts.listed += page.entries.len() as u64;
        let mut obsolete = vec![];
        for check in checks {
            match check {
                Obsolescence::NotAnOutput | Obsolescence::Required | Obsolescence::Absent => {}
                Obsolescence::Foreign => counts.foreign += 1,
                Obsolescence::SourceAbsent => counts.without_source += 1,
                Obsolescence::SourceOutdated => counts.not_converted += 1,
                Obsolescence::Obsolete(output) => obsolete.push(output),
            }
        }
        for output in &obsolete {
            counts.obsolete += 1;
            counts.bytes += output.bytes();
            on_obsolete(output);
        }
        if !is_dry_run {
            // A manifest is deleted before the variants that it lists.
            let (manifests, variants): (Vec<_>, Vec<_>) = obsolete.iter().partition(|output| output.is_manifest());
            counts.changed += delete(store, manifests).await? + delete(store, variants).await?;
        }
        on_page(counts);
        cursor = page.next;
    }
    Ok(counts)
}

/// Deletes the outputs. Returns the number of those that changed since they were checked, which are kept.
async fn delete(store: &Store, outputs: Vec<&ObsoleteOutput>) -> Result<u64, Error> {
    let delete = async |output: &ObsoleteOutput| match output.delete(store).await {
        Ok(()) => Ok(0),
        Err(transfer::Error::Conflict { .. }) => Ok(1),
        Err(error) => Err(error),
    };
    let changed: Vec<u64> = stream::iter(outputs).map(delete).buffered(PARALLEL_REQUESTS).try_collect().await?;
    Ok(changed.into_iter().sum())
}

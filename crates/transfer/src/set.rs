//! A source's outputs as one set. The manifest is written last and deleted first, so that a reader who begins at the
//! manifest finds every variant. Where another writer changed an output in between, each function fails with
//! [`Error::Conflict`].

use bytes::Bytes;
use futures_util::future::join_all;
use model::{Location, VariantReport, VariantStatus};

use crate::look::{Content, Place, Seen, There};
use crate::make::Made;
use crate::manifest::{Manifest, ManifestSource, ManifestVariant};
use crate::provenance::{Provenance, QualitySearch};
use crate::put::{Output, delete, put};
use crate::{Error, Plan, Store};

/// What every variant is.
const AVIF: &str = "image/avif";

/// Deletes what is ours, and adds each object to `deleted` as soon as it is gone.
pub(crate) async fn clear(
    store: &Store,
    seen: &Seen,
    source: &Location,
    deleted: &mut Vec<Location>,
) -> Result<(), Error> {
    withdraw(store, seen, source).await?;
    deleted.extend(seen.manifest.iter().filter(|place| place.mark().is_some()).map(|place| place.at.clone()));
    for place in &seen.variants {
        let Some(there) = place.there().filter(|there| there.mark.is_some()) else { continue };
        delete(store, &place.at, there).await?;
        deleted.push(place.at.clone());
    }
    Ok(())
}

/// Stores what was made where it is not stored yet.
pub(crate) async fn fill(store: &Store, plan: &Plan, seen: &Seen, made: &Made, source: &Location) -> Result<(), Error> {
    withdraw(store, seen, source).await?;
    let each = made.variants.iter().zip(&seen.variants);
    let each = each.map(|((report, body), place)| variant(store, plan, made, report, body, place));
    // All of them, whatever becomes of one: a write that is cut off here may still take effect.
    let stored: Vec<Option<ManifestVariant>> = join_all(each).await.into_iter().collect::<Result<_, _>>()?;
    publish(store, plan, seen, made, source, stored.into_iter().flatten().collect()).await
}

/// Deletes the lists, which are about to become wrong.
async fn withdraw(store: &Store, seen: &Seen, source: &Location) -> Result<(), Error> {
    if let (Some(catalog), Some(mark)) = (&store.catalog, &seen.entry) {
        catalog.delete_entry(source, mark).await?;
    }
    if let Some(Place { at, content: Content::Object(there @ There { mark: Some(_), .. }) }) = &seen.manifest {
        delete(store, at, there).await?;
    }
    Ok(())
}

/// Writes the lists, which were withdrawn.
async fn publish(
    store: &Store,
    plan: &Plan,
    seen: &Seen,
    made: &Made,
    source: &Location,
    variants: Vec<ManifestVariant<'_>>,
) -> Result<(), Error> {
    if seen.manifest.is_none() && store.catalog.is_none() {
        return Ok(());
    }
    let (etag, version) = (made.state.etag.as_str(), made.state.version.as_deref());
    let listed = ManifestSource { at: source, etag, version, info: &made.facts };
    let is_listed = |report: &VariantReport| variants.iter().any(|entry| entry.requested == report.requested);
    let left_out =
        made.variants.iter().filter(|(report, _)| !is_listed(report)).map(|(report, _)| report.requested).collect();
    let manifest = Manifest { source: listed, fingerprint: plan.fingerprint(), variants };
    let body = Bytes::from(serde_json::to_vec(&manifest).expect("a struct of text and numbers is JSON"));
    let mark = Provenance { omitted: left_out, ..made.mark(&body, plan) };
    if let Some(Place { at, content }) = &seen.manifest {
        let (carried, tags) = (&made.carried, made.tags.as_deref());
        let output = Output { media_type: "application/json", body, mark: mark.clone(), carried, tags };
        let content = match content {
            Content::Unknown(answer) => Content::Unknown(answer.clone()),
            Content::Nothing | Content::Object(_) => Content::Nothing,
        };
        put(store, &Place { at: at.clone(), content }, output, plan).await?;
    }
    match &store.catalog {
        Some(catalog) => catalog.write_entry(source, &mark, &manifest).await,
        None => Ok(()),
    }
}

/// Stores one variant, and gives its entry in the lists. A variant that came out larger than the source has none.
async fn variant<'made>(
    store: &Store,
    plan: &Plan,
    made: &'made Made,
    report: &'made VariantReport,
    body: &Bytes,
    place: &Place,
) -> Result<Option<ManifestVariant<'made>>, Error> {
    let VariantReport { requested, at, width, height, bytes, status, .. } = report;
    let entry = |bytes, sha256, etag: &str| {
        let etag = etag.trim_matches('"').to_owned();
        let (requested, width, height) = (*requested, *width, *height);
        Some(ManifestVariant { at, requested, width, height, media_type: AVIF, bytes, sha256, etag })
    };
    match (status, &place.content) {
        // What a full search stored is better than what this job made without one, whatever its size.
        (_, Content::Object(There { mark: Some(mark), bytes, etag }))
            if made.search == QualitySearch::CutShort && mark.matches(&made.state, plan, QualitySearch::Full) =>
        {
            Ok(entry(*bytes, mark.sha256.clone(), etag))
        }
        // With nothing in its place, the variant of an earlier state would pass for this one's.
        (VariantStatus::LargerThanSource, Content::Object(there @ There { mark: Some(_), .. })) => {
            delete(store, at, there).await?;
            Ok(None)
        }
        (VariantStatus::LargerThanSource, Content::Unknown(_)) => place.refuse_unknown().map(|()| None),
        (VariantStatus::LargerThanSource, Content::Nothing | Content::Object(_)) => Ok(None),
        (VariantStatus::Stored, Content::Object(There { mark: Some(mark), bytes, etag }))
            if mark.matches(&made.state, plan, made.search) =>
        {
            Ok(entry(*bytes, mark.sha256.clone(), etag))
        }
        (VariantStatus::Stored, _) => {
            let mark = made.mark(body, plan);
            let sha256 = mark.sha256.clone();
            let (carried, tags) = (&made.carried, made.tags.as_deref());
            let output = Output { media_type: AVIF, body: body.clone(), mark, carried, tags };
            let etag = put(store, place, output, plan).await?;
            Ok(entry(*bytes, sha256, &etag))
        }
    }
}

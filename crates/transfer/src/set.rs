//! A source's outputs as one set: written with the manifest last, removed with the manifest first, so that whoever begins
//! at the manifest finds all of it.

use bytes::Bytes;
use futures_util::future::try_join_all;
use model::{Fate, Location, VariantReport};

use crate::look::{Place, Seen, There};
use crate::make::Made;
use crate::manifest::{Entry, Manifest, Source};
use crate::mark::Mark;
use crate::put::{Output, Written, put, remove};
use crate::{Error, Plan, Store};

/// What every variant is.
const AVIF: &str = "image/avif";

/// Removes what is ours, and says what that was. Nothing where somebody else was there since.
pub(crate) async fn clear(store: &Store, seen: &Seen, source: &Location) -> Result<Option<Vec<Location>>, Error> {
    if !withdraw(store, seen, source).await? {
        return Ok(None);
    }
    let mut removed: Vec<_> =
        seen.manifest.iter().filter(|place| place.mark().is_some()).map(|place| place.at.clone()).collect();
    for place in &seen.variants {
        let Some(there) = place.there.as_ref().filter(|there| there.mark.is_some()) else { continue };
        if remove(store, place, there).await? == Written::Moved {
            return Ok(None);
        }
        removed.push(place.at.clone());
    }
    Ok(Some(removed))
}

/// Stores what was made where it is not stored yet. Says no where somebody else was there since.
pub(crate) async fn fill(
    store: &Store,
    plan: &Plan,
    seen: &Seen,
    made: &Made,
    source: &Location,
) -> Result<bool, Error> {
    if !withdraw(store, seen, source).await? {
        return Ok(false);
    }
    let each = made.variants.iter().zip(&seen.variants);
    let each = each.map(|((report, body), place)| variant(store, plan, made, report, body, place));
    let mut entries = vec![];
    for stored in try_join_all(each).await? {
        match stored {
            Stored::Entry(entry) => entries.push(entry),
            Stored::LeftOut => {}
            Stored::Moved => return Ok(false),
        }
    }
    publish(store, plan, seen, made, source, entries).await
}

/// Takes the lists away, as long as they do not tell the truth. Says no where somebody else was there since.
async fn withdraw(store: &Store, seen: &Seen, source: &Location) -> Result<bool, Error> {
    if let (Some(catalogue), Some(mark)) = (&store.catalogue, &seen.entry)
        && catalogue.remove(source, mark).await? == Written::Moved
    {
        return Ok(false);
    }
    if let Some(place @ Place { there: Some(there @ There { mark: Some(_), .. }), .. }) = &seen.manifest
        && remove(store, place, there).await? == Written::Moved
    {
        return Ok(false);
    }
    Ok(true)
}

/// Writes the lists, which were withdrawn. Says no where somebody else was there since.
async fn publish(
    store: &Store,
    plan: &Plan,
    seen: &Seen,
    made: &Made,
    source: &Location,
    variants: Vec<Entry<'_>>,
) -> Result<bool, Error> {
    if seen.manifest.is_none() && store.catalogue.is_none() {
        return Ok(true);
    }
    let (etag, version) = (made.state.etag.as_str(), made.state.version.as_deref());
    let listed = Source { at: source, etag, version, facts: &made.facts };
    let manifest = Manifest { source: listed, recipe: plan.fingerprint(), variants };
    let body = Bytes::from(serde_json::to_vec(&manifest).expect("a struct of text and numbers is JSON"));
    let mark = Mark { left_out: made.left_out(), ..made.mark(&body, plan) };
    if let Some(Place { at, .. }) = &seen.manifest {
        let (carried, tags) = (&made.carried, made.tags.as_deref());
        let output = Output { media_type: "application/json", body, mark: mark.clone(), carried, tags };
        let place = Place { at: at.clone(), there: None };
        if put(store, &place, output, plan).await? == Written::Moved {
            return Ok(false);
        }
    }
    match &store.catalogue {
        Some(catalogue) => Ok(catalogue.put(source, &mark, &manifest).await? != Written::Moved),
        None => Ok(true),
    }
}

/// What became of one variant.
enum Stored<'made> {
    Entry(Entry<'made>),
    LeftOut,
    Moved,
}

async fn variant<'made>(
    store: &Store,
    plan: &Plan,
    made: &'made Made,
    report: &'made VariantReport,
    body: &Bytes,
    place: &Place,
) -> Result<Stored<'made>, Error> {
    let VariantReport { asked, at, width, height, bytes, fate, .. } = report;
    let entry = |bytes, sha256, etag: &str| {
        let etag = etag.trim_matches('"').to_owned();
        let (asked, width, height) = (*asked, *width, *height);
        Stored::Entry(Entry { at, asked, width, height, media_type: AVIF, bytes, sha256, etag })
    };
    match (fate, &place.there) {
        // With nothing in its place, the variant of an earlier state would pass for this one's.
        (Fate::Larger, Some(there @ There { mark: Some(_), .. })) => Ok(match remove(store, place, there).await? {
            Written::Done(_) => Stored::LeftOut,
            Written::Moved => Stored::Moved,
        }),
        (Fate::Larger, _) => Ok(Stored::LeftOut),
        (Fate::Stored, Some(There { mark: Some(mark), bytes, etag })) if mark.is_of(&made.state, plan) => {
            Ok(entry(*bytes, mark.sha256.clone(), etag))
        }
        (Fate::Stored, _) => {
            let mark = made.mark(body, plan);
            let sha256 = mark.sha256.clone();
            let (carried, tags) = (&made.carried, made.tags.as_deref());
            let output = Output { media_type: AVIF, body: body.clone(), mark, carried, tags };
            Ok(match put(store, place, output, plan).await? {
                Written::Done(etag) => entry(*bytes, sha256, &etag),
                Written::Moved => Stored::Moved,
            })
        }
    }
}

//! Writes and deletes all outputs of a source. The manifest is written last and deleted first, so every variant that a
//! manifest lists exists. Each function fails with [`Error::Conflict`] if another writer changed an output in the
//! meantime.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use convert::Preview;
use futures_util::future::join_all;
use model::{
    Location, Manifest, ManifestSource, ManifestVariant, Placeholder, VariantId, VariantReport, VariantStatus,
};

use crate::convert_source::{ConvertedSource, ConvertedVariant};
use crate::former_outputs::FormerOutput;
use crate::output::{Output, delete_output, sha256_hex, write_output};
use crate::provenance::{Provenance, QualitySearch, TOOL_VERSION};
use crate::stored_outputs::{OutputSlot, SlotContent, StoredObject, StoredOutputs, VariantSlot};
use crate::{Error, Plan, Store};

/// Deletes the outputs that the function created, `former` after the others. Each deleted object is added to `deleted`
/// immediately, so that it is reported even if a later deletion fails.
pub(crate) async fn delete_outputs(
    store: &Store,
    stored: &StoredOutputs,
    former: &[FormerOutput],
    source: &Location,
    deleted: &mut Vec<Location>,
) -> Result<(), Error> {
    delete_manifest_and_entry(store, stored, source).await?;
    deleted.extend(stored.manifest.iter().filter(|slot| slot.provenance().is_some()).map(|slot| slot.at.clone()));
    let variants = stored.variants.iter().filter_map(|VariantSlot { slot, .. }| Some((&slot.at, slot.object()?)));
    let former = former.iter().map(|former| (&former.at, &former.object));
    for (at, object) in variants.chain(former).filter(|(_, object)| object.provenance.is_some()) {
        delete_output(store, at, object).await?;
        deleted.push(at.clone());
    }
    Ok(())
}

/// Writes the outputs of a converted source that are not stored yet.
pub(crate) async fn write_outputs(
    store: &Store,
    plan: &Plan,
    stored: &StoredOutputs,
    converted: &ConvertedSource,
    source: &Location,
) -> Result<(), Error> {
    delete_manifest_and_entry(store, stored, source).await?;
    let writes = stored.variants.iter().map(async |VariantSlot { id, slot }| {
        let variant = converted.variants.iter().find(|variant| variant.report.id() == *id);
        let variant = variant.ok_or(Error::MissingVariant { id: *id })?;
        write_variant(store, plan, converted, variant, slot).await
    });
    // If one write fails, the function still waits for the other writes, because a canceled write may still take
    // effect.
    let written: Vec<Option<ManifestVariant>> = join_all(writes).await.into_iter().collect::<Result<_, _>>()?;
    write_manifest_and_entry(store, plan, stored, converted, source, written.into_iter().flatten().collect()).await
}

/// Deletes the manifest and the catalog entry before the variants change.
async fn delete_manifest_and_entry(store: &Store, stored: &StoredOutputs, source: &Location) -> Result<(), Error> {
    if let (Some(catalog), Some(entry)) = (&store.catalog, &stored.catalog_entry) {
        catalog.delete_entry(source, entry).await?;
    }
    if let Some(slot) = &stored.manifest
        && let Some(object) = slot.object().filter(|object| object.provenance.is_some())
    {
        delete_output(store, &slot.at, object).await?;
    }
    Ok(())
}

/// Writes the manifest and the catalog entry, which [`delete_manifest_and_entry`] deleted before.
async fn write_manifest_and_entry(
    store: &Store,
    plan: &Plan,
    stored: &StoredOutputs,
    converted: &ConvertedSource,
    source: &Location,
    variants: Vec<ManifestVariant>,
) -> Result<(), Error> {
    if stored.manifest.is_none() && store.catalog.is_none() {
        return Ok(());
    }
    let is_listed = |id: &VariantId| variants.iter().any(|variant| variant.id() == *id);
    let requested = converted.variants.iter().map(|variant| variant.report.id());
    let omitted = requested.filter(|id| !is_listed(id)).collect();
    let manifest = manifest(plan, converted, source, variants);
    let body = Bytes::from(serde_json::to_vec(&manifest).expect("a struct of strings and numbers always serializes"));
    let provenance = Provenance { omitted, ..converted.provenance(&body, plan) };
    if let Some(OutputSlot { at, content }) = &stored.manifest {
        let (headers, tags) = (&converted.headers, converted.tags.as_deref());
        let output = Output { media_type: "application/json", body, provenance: provenance.clone(), headers, tags };
        let content = match content {
            SlotContent::Unknown(message) => SlotContent::Unknown(message.clone()),
            SlotContent::Absent | SlotContent::Object(_) => SlotContent::Absent,
        };
        write_output(store, &OutputSlot { at: at.clone(), content }, output, plan).await?;
    }
    match &store.catalog {
        Some(catalog) => catalog.write_entry(source, &provenance, &manifest).await,
        None => Ok(()),
    }
}

/// Returns the manifest that lists these variants.
fn manifest(plan: &Plan, converted: &ConvertedSource, source: &Location, variants: Vec<ManifestVariant>) -> Manifest {
    let ConvertedSource { state, info, preview, .. } = converted;
    let placeholder = preview.as_ref().map(|Preview { thumbhash, color: [red, green, blue], .. }| Placeholder {
        thumbhash: BASE64_STANDARD.encode(thumbhash),
        color: format!("#{red:02x}{green:02x}{blue:02x}"),
    });
    let source = ManifestSource {
        at: source.clone(),
        etag: state.etag.clone(),
        version: state.version.clone(),
        info: info.clone(),
        alpha: preview.as_ref().map(|preview| preview.has_alpha),
        animated: info.frames > 1,
    };
    Manifest {
        manifest_version: Manifest::VERSION,
        tool: Some(TOOL_VERSION.to_owned()),
        source,
        fingerprint: plan.fingerprint(),
        placeholder,
        variants,
    }
}

/// Stores one variant, and returns its entry in the manifest. A variant that is not stored, because it is larger than
/// the source, has no entry.
async fn write_variant(
    store: &Store,
    plan: &Plan,
    converted: &ConvertedSource,
    variant: &ConvertedVariant,
    slot: &OutputSlot,
) -> Result<Option<ManifestVariant>, Error> {
    let VariantReport { requested, format, at, width, height, crop, bytes, score, status } = &variant.report;
    let entry = |bytes, score, sha256, etag: &str| {
        let etag = etag.trim_matches('"').to_owned();
        let (requested, format, width, height, crop) = (*requested, *format, *width, *height, *crop);
        let (at, media_type) = (at.clone(), format.media_type().to_owned());
        Some(ManifestVariant { at, requested, format, width, height, crop, media_type, bytes, score, sha256, etag })
    };
    match (status, &slot.content) {
        // The stored variant is the result of a full quality search, and the new variant is not. The job keeps the
        // stored variant, regardless of its size.
        (_, SlotContent::Object(StoredObject { provenance: Some(provenance), bytes, etag, .. }))
            if converted.quality_search == QualitySearch::CutShort
                && provenance.matches(&converted.state, plan, QualitySearch::Full) =>
        {
            // Another conversion wrote this variant, so its score is not known.
            Ok(entry(*bytes, None, provenance.sha256.clone(), etag))
        }
        // The stored variant belongs to an earlier state of the source, so it must be deleted.
        (VariantStatus::LargerThanSource, SlotContent::Object(object @ StoredObject { provenance: Some(_), .. })) => {
            delete_output(store, at, object).await?;
            Ok(None)
        }
        (VariantStatus::LargerThanSource, SlotContent::Unknown(_)) => slot.ensure_existence_is_known().map(|()| None),
        (VariantStatus::LargerThanSource, SlotContent::Absent | SlotContent::Object(_)) => Ok(None),
        (
            VariantStatus::Stored,
            SlotContent::Object(StoredObject { provenance: Some(provenance), bytes, etag, .. }),
        ) if provenance.matches(&converted.state, plan, converted.quality_search) => {
            // Another release may have written other bytes, whose score is not known.
            let is_same = provenance.sha256 == sha256_hex(&variant.body);
            Ok(entry(*bytes, score.filter(|_| is_same), provenance.sha256.clone(), etag))
        }
        (VariantStatus::Stored, _) => {
            let (etag, sha256) = put_variant(store, plan, converted, variant, slot).await?;
            Ok(entry(*bytes, *score, sha256, &etag))
        }
    }
}

/// Writes a variant to its slot. Returns the new ETag with its quotation marks, and the SHA-256 of the content.
///
/// # Errors
/// [`Error::Conflict`] if another writer changed the slot in the meantime.
pub(crate) async fn put_variant(
    store: &Store,
    plan: &Plan,
    converted: &ConvertedSource,
    ConvertedVariant { report, body }: &ConvertedVariant,
    slot: &OutputSlot,
) -> Result<(String, String), Error> {
    let provenance = converted.provenance(body, plan);
    let sha256 = provenance.sha256.clone();
    let (headers, tags) = (&converted.headers, converted.tags.as_deref());
    let output = Output { media_type: report.format.media_type(), body: body.clone(), provenance, headers, tags };
    Ok((write_output(store, slot, output, plan).await?, sha256))
}

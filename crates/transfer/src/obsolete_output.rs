//! Outputs that the settings do not contain any more: of a size or a format that was removed, or of a source that a rule skips.

use model::Location;

use crate::fetch::read_source_state;
use crate::layout::is_manifest_key;
use crate::output::delete_output;
use crate::stored_outputs::{OutputSlot, SlotContent, StoredObject};
use crate::{Error, KeyDecision, OutputStatus, Plan, Store, check_outputs};

/// The result of the check whether an object is obsolete.
#[derive(Debug, Clone)]
pub enum Obsolescence {
    /// The object does not have the key of an output.
    NotAnOutput,
    /// The settings still contain the output.
    Required,
    /// The object was deleted since it was listed.
    Absent,
    /// The function did not create the object.
    Foreign,
    /// The source does not exist. So the output cannot be made again, or it is the output of another bucket's source.
    SourceAbsent,
    /// The source is not converted with the current settings yet, so web pages may still use the output.
    SourceOutdated,
    /// The output is obsolete.
    Obsolete(ObsoleteOutput),
}

/// An output that is obsolete.
#[derive(Debug, Clone)]
pub struct ObsoleteOutput {
    at: Location,
    object: StoredObject,
    /// The source, if a rule skips it. Its catalog entry is obsolete, too.
    skipped_source: Option<Location>,
}

/// Checks whether a listed object is an output that the settings do not contain any more. `source_bucket` is the bucket of the
/// sources.
///
/// Only objects with the key of an output that is not required cause requests.
///
/// # Errors
/// A request to S3 or to the catalog failed.
pub async fn check_obsolescence(
    store: &Store,
    source_bucket: &str,
    object: &Location,
    plan: &Plan,
) -> Result<Obsolescence, Error> {
    let Some(key) = plan.layout.source_key(&object.key) else { return Ok(Obsolescence::NotAnOutput) };
    let source = Location { bucket: source_bucket.to_owned(), key: key.to_owned() };
    let (plan, is_skipped) = match plan.decide(&source)? {
        KeyDecision::Convert(plan) => (plan, false),
        KeyDecision::Skip { .. } => (plan, true),
    };
    let outputs = plan.layout.output_locations(&source, &plan.recipe);
    if !is_skipped && outputs.is_ok_and(|outputs| outputs.contains(object)) {
        return Ok(Obsolescence::Required);
    }
    let stored = match OutputSlot::read(store, object).await?.content {
        SlotContent::Absent | SlotContent::Unknown(_) => return Ok(Obsolescence::Absent),
        SlotContent::Object(StoredObject { provenance: None, .. }) => return Ok(Obsolescence::Foreign),
        SlotContent::Object(stored) => stored,
    };
    if is_skipped {
        if read_source_state(store, &source).await?.is_none() {
            return Ok(Obsolescence::SourceAbsent);
        }
    } else {
        match check_outputs(store, &source, None, plan).await? {
            OutputStatus::SourceAbsent => return Ok(Obsolescence::SourceAbsent),
            OutputStatus::Outdated => return Ok(Obsolescence::SourceOutdated),
            OutputStatus::UpToDate => {}
        }
    }
    let skipped_source = is_skipped.then_some(source);
    Ok(Obsolescence::Obsolete(ObsoleteOutput { at: object.clone(), object: stored, skipped_source }))
}

impl ObsoleteOutput {
    /// The location of the output.
    #[must_use]
    pub fn at(&self) -> &Location {
        &self.at
    }

    /// Whether the output is a manifest.
    #[must_use]
    pub fn is_manifest(&self) -> bool {
        is_manifest_key(&self.at.key)
    }

    /// The size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.object.bytes
    }

    /// Deletes the output. If a rule skips its source, the catalog entry of the source is deleted before.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the output changed or was deleted since it was checked.
    pub async fn delete(&self, store: &Store) -> Result<(), Error> {
        if let (Some(source), Some(catalog)) = (&self.skipped_source, &store.catalog)
            && let Some(entry) = catalog.read_entry(source).await?
        {
            match catalog.delete_entry(source, &entry).await {
                // The entry was deleted together with another output of the source.
                Ok(()) | Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        delete_output(store, &self.at, &self.object).await
    }
}

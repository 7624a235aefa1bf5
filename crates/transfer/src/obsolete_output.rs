//! Outputs that the settings do not contain any more: of a size or a format that was removed, or of a source that a rule skips.

use model::Location;

use crate::fetch::read_source_state;
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
    Obsolete(Box<ObsoleteOutput>),
}

/// An output that is obsolete.
#[derive(Debug, Clone)]
pub struct ObsoleteOutput {
    at: Location,
    object: StoredObject,
    /// The manifest of its source, unless the settings contain it.
    manifest: Option<Location>,
    /// The source, if a rule skips it. Then its catalog entry is obsolete, too.
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
    let is_required = |at: &Location| !is_skipped && outputs.as_ref().is_ok_and(|outputs| outputs.contains(at));
    if is_required(object) {
        return Ok(Obsolescence::Required);
    }
    let slot = OutputSlot::read(store, object).await?;
    slot.ensure_existence_is_known()?;
    let stored = match slot.content {
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
    let manifest = Some(plan.layout.manifest_location(&source)?).filter(|manifest| !is_required(manifest));
    let skipped_source = is_skipped.then_some(source);
    let obsolete = ObsoleteOutput { at: object.clone(), object: stored, manifest, skipped_source };
    Ok(Obsolescence::Obsolete(Box::new(obsolete)))
}

impl ObsoleteOutput {
    /// The location of the output.
    #[must_use]
    pub fn at(&self) -> &Location {
        &self.at
    }

    /// The size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.object.bytes
    }

    /// Deletes the output. If the manifest or the catalog entry of its source are obsolete, they are deleted before, so that they
    /// never list a deleted variant.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the output changed or was deleted since it was checked.
    pub async fn delete(&self, store: &Store) -> Result<(), Error> {
        if let (Some(source), Some(catalog)) = (&self.skipped_source, &store.catalog)
            && let Some(entry) = catalog.read_entry(source).await?
        {
            ignore_conflict(catalog.delete_entry(source, &entry).await)?;
        }
        if self.manifest.as_ref() == Some(&self.at) {
            return ignore_conflict(delete_output(store, &self.at, &self.object).await);
        }
        if let Some(manifest) = &self.manifest {
            let slot = OutputSlot::read(store, manifest).await?;
            if let Some(object) = slot.object().filter(|object| object.provenance.is_some()) {
                ignore_conflict(delete_output(store, manifest, object).await)?;
            }
        }
        delete_output(store, &self.at, &self.object).await
    }
}

/// Ignores that an object was deleted at the same time, together with another output of its source.
fn ignore_conflict(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::Conflict { .. }) => Ok(()),
        result => result,
    }
}

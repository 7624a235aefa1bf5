//! The outputs that are stored for a source.

use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use futures_util::future::{OptionFuture, try_join_all};
use model::{Job, Location, VariantId};
use tokio::try_join;

use crate::existence::{Existence, check_existence, unknown_existence_message};
use crate::fetch::NO_ETAG;
use crate::operation::{Operation, http_status, service_error_message};
use crate::provenance::{Provenance, QualitySearch, SourceState};
use crate::{Error, OutputLocations, Plan, Store};

/// The state of all outputs of a source at one time.
pub(crate) struct StoredOutputs {
    /// One slot for each variant of the recipe.
    pub(crate) variants: Vec<VariantSlot>,
    pub(crate) manifest: Option<OutputSlot>,
    /// The provenance in the catalog entry, if a catalog is configured and contains an entry of the source.
    pub(crate) catalog_entry: Option<Provenance>,
    has_catalog: bool,
}

/// The slot of one variant.
#[derive(Debug, Clone)]
pub(crate) struct VariantSlot {
    pub(crate) id: VariantId,
    pub(crate) slot: OutputSlot,
}

/// The location of an output and its current content.
#[derive(Debug, Clone)]
pub(crate) struct OutputSlot {
    pub(crate) at: Location,
    pub(crate) content: SlotContent,
}

#[derive(Debug, Clone)]
pub(crate) enum SlotContent {
    /// There is evidence that the object does not exist.
    Absent,
    /// The role may neither read the object nor list the bucket, so it is unknown whether the object exists. Contains
    /// the error messages of S3. A write with `If-None-Match: *` succeeds only if the object does not exist.
    Unknown(String),
    Object(StoredObject),
}

/// An object at the location of an output.
#[derive(Debug, Clone)]
pub(crate) struct StoredObject {
    /// The ETag with its quotation marks, for conditional requests.
    pub(crate) etag: String,
    /// The size in bytes.
    pub(crate) bytes: u64,
    /// The `Cache-Control` header.
    pub(crate) cache_control: Option<String>,
    /// `None` if the function did not create the object.
    pub(crate) provenance: Option<Box<Provenance>>,
}

impl StoredOutputs {
    /// Reads the state of all outputs concurrently.
    pub(crate) async fn read(store: &Store, source: &Location, outputs: &OutputLocations) -> Result<Self, Error> {
        let variants = try_join_all(outputs.variants.iter().map(async |variant| {
            let slot = OutputSlot::read(store, &variant.at).await?;
            Ok::<_, Error>(VariantSlot { id: variant.id, slot })
        }));
        let manifest = async {
            let manifest = outputs.manifest.as_ref().map(|at| OutputSlot::read(store, at));
            OptionFuture::from(manifest).await.transpose()
        };
        let catalog_entry = async {
            match &store.catalog {
                Some(catalog) => catalog.read_entry(source).await,
                None => Ok(None),
            }
        };
        let (variants, manifest, catalog_entry) = try_join!(variants, manifest, catalog_entry)?;
        Ok(Self { variants, manifest, catalog_entry, has_catalog: store.catalog.is_some() })
    }

    fn slots(&self) -> impl Iterator<Item = &OutputSlot> {
        self.variants.iter().map(|variant| &variant.slot).chain(&self.manifest)
    }

    /// Returns the provenance of each output and of the catalog entry. `None` for a missing or foreign object.
    fn provenances(&self) -> impl Iterator<Item = Option<&Provenance>> {
        self.variants.iter().map(|variant| variant.slot.provenance()).chain(self.list_provenances())
    }

    /// Returns the provenance of the manifest and of the catalog entry, if the settings require them.
    fn list_provenances(&self) -> impl Iterator<Item = Option<&Provenance>> {
        let entry = self.has_catalog.then_some(self.catalog_entry.as_ref());
        self.manifest.iter().map(OutputSlot::provenance).chain(entry)
    }

    /// Whether the settings require a list of the outputs: a manifest or a catalog entry.
    pub(crate) fn requires_list(&self) -> bool {
        self.manifest.is_some() || self.has_catalog
    }

    /// Whether the function created any of the stored outputs.
    pub(crate) fn has_own_outputs(&self) -> bool {
        self.provenances().any(|provenance| provenance.is_some())
    }

    /// Whether any slot contains an object, including foreign objects.
    pub(crate) fn has_objects(&self) -> bool {
        self.slots().any(|slot| slot.object().is_some())
    }

    /// Fails if it is unknown whether an output exists, because a deletion could miss that output.
    pub(crate) fn ensure_existence_is_known(&self) -> Result<(), Error> {
        self.slots().try_for_each(OutputSlot::ensure_existence_is_known)
    }

    /// Fails if a slot contains an object that the function did not create. Such an object is never replaced.
    pub(crate) fn ensure_no_foreign_objects(&self) -> Result<(), Error> {
        let is_foreign = |slot: &&OutputSlot| slot.object().is_some() && slot.provenance().is_none();
        match self.slots().find(is_foreign) {
            Some(slot) => Err(Error::ForeignObject { at: slot.at.clone() }),
            None => Ok(()),
        }
    }

    /// Whether all outputs are stored and were created from this state with this plan. A variant may be absent only if
    /// the manifest or the catalog entry records that it was omitted because it is larger than the source. Each variant
    /// is checked, because the manifest does not prove that the variants exist: if a source returns to an earlier
    /// state, another job may still be deleting the outputs of that state.
    ///
    /// With a `minimum` of [`QualitySearch::Full`], an output with a cut-short search counts as outdated.
    pub(crate) fn is_complete(&self, state: &SourceState, plan: &Plan, minimum: QualitySearch) -> bool {
        let is_current = |provenance: Option<&Provenance>| {
            provenance.is_some_and(|provenance| provenance.matches(state, plan, minimum))
        };
        let list = self.list_provenances().flatten().next();
        let omitted = list.map(|provenance| provenance.omitted.as_slice()).unwrap_or_default();
        self.list_provenances().all(is_current)
            && self.variants.iter().all(|VariantSlot { id, slot }| {
                is_current(slot.provenance()) || (slot.object().is_none() && omitted.contains(id))
            })
    }

    /// Whether the manifest or the catalog entry records that this variant of this state of the source is not stored, because
    /// it is larger than the source.
    pub(crate) fn is_omitted(&self, id: VariantId, state: &SourceState, plan: &Plan) -> bool {
        let mut lists = self.list_provenances().flatten();
        lists.any(|list| list.matches(state, plan, QualitySearch::CutShort) && list.omitted.contains(&id))
    }

    /// Whether all outputs were created with this plan from a later state of the source than the state in the job's
    /// event. The function compares the sequencers of the events.
    pub(crate) fn is_newer_than(&self, job: &Job, plan: &Plan) -> bool {
        let Some(sequencer) = &job.source.sequencer else { return false };
        self.provenances().all(|provenance| {
            provenance.is_some_and(|provenance| {
                provenance.fingerprint == plan.fingerprint()
                    && provenance.sequencer.as_ref().is_some_and(|stored| stored > sequencer)
            })
        })
    }

    /// Whether an earlier attempt of this job may have written any of the outputs.
    pub(crate) fn has_outputs_of(&self, job: &Job) -> bool {
        self.provenances().flatten().any(|provenance| provenance.may_be_of(job))
    }
}

impl StoredObject {
    /// Reads the response to a look-up.
    pub(crate) fn from_head(at: &Location, head: HeadObjectOutput) -> Result<Self, Error> {
        let provenance = Provenance::from_metadata(&head.metadata.unwrap_or_default()).map(Box::new);
        let bytes = head.content_length.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
        let etag = head.e_tag.ok_or_else(|| Error::storage_with(Operation::HeadObject, at, NO_ETAG))?;
        Ok(Self { etag, bytes, cache_control: head.cache_control, provenance })
    }
}

impl OutputSlot {
    /// Returns the object in the slot, if there is one.
    pub(crate) fn object(&self) -> Option<&StoredObject> {
        match &self.content {
            SlotContent::Absent | SlotContent::Unknown(_) => None,
            SlotContent::Object(object) => Some(object),
        }
    }

    /// Returns the provenance of the object in the slot. `None` if there is no object, or if the object is foreign.
    pub(crate) fn provenance(&self) -> Option<&Provenance> {
        self.object()?.provenance.as_deref()
    }

    pub(crate) fn ensure_existence_is_known(&self) -> Result<(), Error> {
        match &self.content {
            SlotContent::Unknown(message) => Err(Error::storage_with(Operation::HeadObject, &self.at, message)),
            SlotContent::Absent | SlotContent::Object(_) => Ok(()),
        }
    }

    pub(crate) async fn read(store: &Store, at: &Location) -> Result<Self, Error> {
        let operation = Operation::HeadObject;
        let head = store.send(&at.bucket, |client| client.head_object().bucket(&at.bucket).key(&at.key).send()).await;
        let content = match head {
            Ok(head) => SlotContent::Object(StoredObject::from_head(at, head)?),
            Err(error) if matches!(error.as_service_error(), Some(HeadObjectError::NotFound(_))) => SlotContent::Absent,
            Err(error) if http_status(&error) == Some(403) => match check_existence(store, at).await? {
                Existence::Absent => SlotContent::Absent,
                Existence::Present => return Err(Error::storage(operation, at, &error)),
                Existence::Unknown(listing) => {
                    let message = service_error_message(&error);
                    SlotContent::Unknown(unknown_existence_message(&message, &listing, operation))
                }
            },
            Err(error) => return Err(Error::storage(operation, at, &error)),
        };
        Ok(Self { at: at.clone(), content })
    }
}

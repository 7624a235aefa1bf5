//! What is stored where a source's outputs belong.

use aws_sdk_s3::operation::head_object::HeadObjectError;
use futures_util::future::{try_join, try_join_all};
use model::{Job, Location};

use crate::absence::{Existence, existence, unknown};
use crate::fetch::NO_ETAG;
use crate::operation::{Operation, http_status, service_error_message};
use crate::provenance::{Provenance, QualitySearch, SourceState};
use crate::{Error, Outputs, Plan, Store};

/// What was seen at every place of a source's outputs, at one look.
pub(crate) struct Seen {
    pub(crate) variants: Vec<Place>,
    pub(crate) manifest: Option<Place>,
    /// What the catalog's item says, where there is a catalog and an item.
    pub(crate) entry: Option<Provenance>,
    has_catalog: bool,
}

/// One place, and what was there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) at: Location,
    pub(crate) content: Content,
}

/// What is in a place.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// There is evidence that there is no object.
    Nothing,
    /// The role may neither read nor list, so S3 does not say whether there is an object; the text has S3's answers. A
    /// write with `If-None-Match: *` succeeds only if there is none.
    Unknown(String),
    Object(There),
}

/// An object in that place.
#[derive(Debug, Clone)]
pub(crate) struct There {
    /// As S3 gave it, with its quotation marks: what a conditional write names.
    pub(crate) etag: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// Nothing where it was not made here.
    pub(crate) mark: Option<Provenance>,
}

impl Seen {
    /// Looks at them all at once.
    pub(crate) async fn look(store: &Store, source: &Location, outputs: &Outputs) -> Result<Self, Error> {
        let places = outputs.variants.iter().chain(&outputs.manifest);
        let places = try_join_all(places.map(|at| Place::look(store, at)));
        let entry = async {
            match &store.catalog {
                Some(catalog) => catalog.read_entry(source).await,
                None => Ok(None),
            }
        };
        let (mut variants, entry) = try_join(places, entry).await?;
        let manifest = outputs.manifest.as_ref().and_then(|_| variants.pop());
        Ok(Self { variants, manifest, entry, has_catalog: store.catalog.is_some() })
    }

    /// The marks of all that is there, and nothing for each place where nothing of ours is.
    fn marks(&self) -> impl Iterator<Item = Option<&Provenance>> {
        self.variants.iter().map(Place::mark).chain(self.lists())
    }

    /// Those of the manifest and of the catalog's item, as far as these are wanted.
    fn lists(&self) -> impl Iterator<Item = Option<&Provenance>> {
        let entry = self.has_catalog.then_some(self.entry.as_ref());
        self.manifest.iter().map(Place::mark).chain(entry)
    }

    /// Whether anything is there that was made here.
    pub(crate) fn has_ours(&self) -> bool {
        self.marks().any(|mark| mark.is_some())
    }

    /// Whether there is an object in any place, whoever made it.
    pub(crate) fn has_objects(&self) -> bool {
        self.variants.iter().chain(&self.manifest).any(|place| place.there().is_some())
    }

    /// Fails where S3 does not say whether there is an output: to take it for missing would leave it behind.
    pub(crate) fn refuse_unknown(&self) -> Result<(), Error> {
        self.variants.iter().chain(&self.manifest).try_for_each(Place::refuse_unknown)
    }

    /// What was not made here is not ours to replace.
    pub(crate) fn refuse_strangers(&self) -> Result<(), Error> {
        let stranger = |place: &&Place| place.there().is_some() && place.mark().is_none();
        match self.variants.iter().chain(&self.manifest).find(stranger) {
            Some(place) => Err(Error::ForeignObject { at: place.at.clone() }),
            None => Ok(()),
        }
    }

    /// Whether the whole set is there, made of exactly this state, as planned. A variant may be missing only where the
    /// lists say that it came out larger than the source: a list by itself is no proof, since whoever removes the set of
    /// an earlier state may still be at it when the source is again what it was then.
    ///
    /// `search` is the least that counts: with [`QualitySearch::Full`], a variant whose search was cut short does not count.
    pub(crate) fn is_whole(&self, state: &SourceState, plan: &Plan, search: QualitySearch) -> bool {
        let fresh = |mark: Option<&Provenance>| mark.is_some_and(|mark| mark.matches(state, plan, search));
        let left_out = self.lists().flatten().next().map(|mark| mark.omitted.as_slice()).unwrap_or_default();
        let mut each = plan.recipe.widths.iter().zip(&self.variants);
        self.lists().all(fresh)
            && each.all(|(width, place)| fresh(place.mark()) || (place.there().is_none() && left_out.contains(&width)))
    }

    /// Whether all that is there was made of a later state than the job's, by S3's own order, as planned.
    pub(crate) fn is_later(&self, job: &Job, plan: &Plan) -> bool {
        let Some(sequencer) = &job.source.sequencer else { return false };
        self.marks().all(|mark| {
            mark.is_some_and(|mark| {
                mark.fingerprint == plan.fingerprint()
                    && mark.sequencer.as_ref().is_some_and(|stored| stored > sequencer)
            })
        })
    }

    /// Whether anything that is there may be this job's own, from the last time that it was tried: made of the state that
    /// the job is about, or in its course. A job that knows no state takes everything for its own.
    pub(crate) fn has_any_of(&self, job: &Job) -> bool {
        let Some(etag) = &job.source.etag else { return self.has_ours() };
        self.marks()
            .flatten()
            .any(|mark| mark.source_etag.as_ref() == Some(etag) || mark.event_etag.as_ref() == Some(etag))
    }
}

impl Place {
    /// The object in it.
    pub(crate) fn there(&self) -> Option<&There> {
        match &self.content {
            Content::Nothing | Content::Unknown(_) => None,
            Content::Object(there) => Some(there),
        }
    }

    /// The mark of what is there; nothing where nothing of ours is.
    pub(crate) fn mark(&self) -> Option<&Provenance> {
        self.there()?.mark.as_ref()
    }

    pub(crate) fn refuse_unknown(&self) -> Result<(), Error> {
        match &self.content {
            Content::Unknown(answer) => Err(Error::storage_with(Operation::HeadObject, &self.at, answer)),
            Content::Nothing | Content::Object(_) => Ok(()),
        }
    }

    pub(crate) async fn look(store: &Store, at: &Location) -> Result<Self, Error> {
        let operation = Operation::HeadObject;
        let head = store.send(&at.bucket, |client| client.head_object().bucket(&at.bucket).key(&at.key).send()).await;
        let content = match head {
            Ok(head) => {
                let mark = Provenance::from_metadata(&head.metadata.unwrap_or_default());
                let bytes = head.content_length.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
                let etag = head.e_tag.ok_or_else(|| Error::storage_with(operation, at, NO_ETAG))?;
                Content::Object(There { etag, bytes, mark })
            }
            Err(error) if matches!(error.as_service_error(), Some(HeadObjectError::NotFound(_))) => Content::Nothing,
            Err(error) if http_status(&error) == Some(403) => match existence(store, at).await? {
                Existence::Absent => Content::Nothing,
                Existence::Present => return Err(Error::storage(operation, at, &error)),
                Existence::Unknown(listing) => {
                    Content::Unknown(unknown(&service_error_message(&error), &listing, operation))
                }
            },
            Err(error) => return Err(Error::storage(operation, at, &error)),
        };
        Ok(Self { at: at.clone(), content })
    }
}

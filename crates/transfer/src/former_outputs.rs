//! Outputs that the function created with other settings: of a size or format that the recipe does not contain any more.
//! Jobs neither read nor write them, but after the source was deleted, they must not stay.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::types::EncodingType;
use futures_util::future::try_join_all;
use model::Location;

use crate::operation::{Operation, http_status, is_access_denied};
use crate::stored_outputs::StoredObject;
use crate::{Error, Layout, OutputLocations, Store, decode_listed_key};

/// An output that is not among the outputs of the recipe.
pub(crate) struct FormerOutput {
    pub(crate) at: Location,
    pub(crate) object: StoredObject,
}

/// Lists the outputs of a source that are not among `outputs`, and that the function created.
///
/// Outputs that the role may not list or read are omitted, with a warning in the log: the role usually has no permission for a
/// format that was removed, and this must not keep a job from deleting all other outputs.
///
/// # Errors
/// A request failed for another reason.
pub(crate) async fn read_former_outputs(
    store: &Store,
    source: &Location,
    layout: &Layout,
    outputs: &OutputLocations,
) -> Result<Vec<FormerOutput>, Error> {
    let bucket = layout.output_bucket(&source.bucket);
    let prefix = Location { bucket: bucket.to_owned(), key: format!("{}{}.", layout.prefix, source.key) };
    let mut former = vec![];
    let mut last_key = None;
    loop {
        let request = |client: Client| {
            let request = client.list_objects_v2().bucket(bucket).prefix(&prefix.key).encoding_type(EncodingType::Url);
            request.set_start_after(last_key.clone()).send()
        };
        let listing = match store.send(bucket, request).await {
            Ok(listing) => listing,
            Err(error) => {
                let is_denied = is_access_denied(&error);
                let error = Error::storage(Operation::ListObjectsV2, &prefix, &error);
                if !is_denied {
                    return Err(error);
                }
                tracing::warn!(%source, %error, "outputs of earlier settings are not deleted with their source");
                return Ok(former);
            }
        };
        let (is_truncated, encoding) = (listing.is_truncated == Some(true), listing.encoding_type.as_ref());
        let keys = listing.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
        let location = |key| Location { bucket: bucket.to_owned(), key: decode_listed_key(key, encoding) };
        let mut locations: Vec<_> = keys.map(location).collect();
        last_key = locations.last().map(|at| at.key.clone());
        locations.retain(|at| layout.source_key(&at.key) == Some(&source.key) && !outputs.contains(at));
        former.extend(try_join_all(locations.into_iter().map(|at| look_up(store, at))).await?.into_iter().flatten());
        if !is_truncated || last_key.is_none() {
            return Ok(former);
        }
    }
}

/// Looks up a listed output. Returns `None` if the function did not create it, or if the role may not read it.
async fn look_up(store: &Store, at: Location) -> Result<Option<FormerOutput>, Error> {
    match store.send(&at.bucket, |client| client.head_object().bucket(&at.bucket).key(&at.key).send()).await {
        Ok(head) => {
            let object = StoredObject::from_head(&at, head)?;
            Ok(object.provenance.is_some().then_some(FormerOutput { at, object }))
        }
        Err(error) if matches!(error.as_service_error(), Some(HeadObjectError::NotFound(_))) => Ok(None),
        Err(error) if http_status(&error) == Some(403) => {
            let error = Error::storage(Operation::HeadObject, &at, &error);
            tracing::warn!(%error, "an output of earlier settings is not deleted with its source");
            Ok(None)
        }
        Err(error) => Err(Error::storage(Operation::HeadObject, &at, &error)),
    }
}

//! Outputs that the function created with other settings: with a size or a format that the recipe does not contain any more.
//! Jobs neither read nor write them, but after the source was deleted, they must not stay.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::EncodingType;
use futures_util::future::try_join_all;
use model::Location;

use crate::operation::Operation;
use crate::stored_outputs::OutputSlot;
use crate::{BucketName, Error, Layout, OutputLocations, Store, decode_listed_key};

/// Lists the outputs of a source that are not among `outputs`, and that the function created.
///
/// # Errors
/// The role may not list the bucket of the outputs, or may not read one of them.
pub(crate) async fn read_former_outputs(
    store: &Store,
    source: &Location,
    layout: &Layout,
    outputs: &OutputLocations,
) -> Result<Vec<OutputSlot>, Error> {
    let bucket = layout.bucket.as_ref().map_or(source.bucket.as_str(), BucketName::as_str);
    let prefix = Location { bucket: bucket.to_owned(), key: format!("{}{}.", layout.prefix, source.key) };
    let mut former = vec![];
    let mut last_key = None;
    loop {
        let request = |client: Client| {
            let request = client.list_objects_v2().bucket(bucket).prefix(&prefix.key).encoding_type(EncodingType::Url);
            request.set_start_after(last_key.clone()).send()
        };
        let listing = store.send(bucket, request).await;
        let listing = listing.map_err(|error| Error::storage(Operation::ListObjectsV2, &prefix, &error))?;
        let (is_truncated, encoding) = (listing.is_truncated == Some(true), listing.encoding_type.as_ref());
        let keys = listing.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
        let location = |key| Location { bucket: bucket.to_owned(), key: decode_listed_key(key, encoding) };
        let mut locations: Vec<_> = keys.map(location).collect();
        last_key = locations.last().map(|at| at.key.clone());
        locations.retain(|at| layout.source_key(&at.key) == Some(&source.key) && !outputs.contains(at));
        let slots = try_join_all(locations.iter().map(|at| OutputSlot::read(store, at))).await?;
        former.extend(slots.into_iter().filter(|slot| slot.provenance().is_some()));
        if !is_truncated || last_key.is_none() {
            return Ok(former);
        }
    }
}

//! Writing and deleting outputs, on condition that they did not change since they were looked up.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use bytes::Bytes;
use model::Location;
use sha2::{Digest, Sha256};

use crate::look::{Content, Place, There};
use crate::operation::{Operation, http_status};
use crate::provenance::Provenance;
use crate::source_headers::SourceHeaders;
use crate::{Error, Plan, Store};

/// An object to be stored.
pub(crate) struct Output<'job> {
    pub(crate) media_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) mark: Provenance,
    pub(crate) carried: &'job SourceHeaders,
    /// The source's tags as a query, where they go along.
    pub(crate) tags: Option<&'job str>,
}

/// Writes an object in that place, if the place did not change since it was looked up. Gives the new entity tag, with its
/// quotation marks.
///
/// # Errors
/// [`Error::Conflict`] where the place changed.
pub(crate) async fn put(store: &Store, place: &Place, output: Output<'_>, plan: &Plan) -> Result<String, Error> {
    let Output { media_type, body, mark, carried, tags } = output;
    let Place { at, content } = place;
    let storage = &plan.storage;
    let (if_match, if_none_match) = match content {
        Content::Nothing | Content::Unknown(_) => (None, Some("*".to_owned())),
        Content::Object(There { mark: None, .. }) => return Err(Error::ForeignObject { at: at.clone() }),
        Content::Object(there) => (Some(there.etag.clone()), None),
    };
    // SSE-KMS with the account's key for S3, or the bucket's default, where no key is named.
    let encryption = storage.kms_key.as_ref().map(|_| ServerSideEncryption::AwsKms);
    let metadata = carried.output_metadata(mark.to_metadata());
    let request = |client: Client| {
        let request = client
            .put_object()
            .bucket(&at.bucket)
            .key(&at.key)
            .set_if_match(if_match.clone())
            .set_if_none_match(if_none_match.clone())
            .content_type(media_type)
            .set_cache_control(storage.cache_control.clone().or_else(|| carried.cache_control.clone()))
            .set_content_disposition(carried.content_disposition.clone())
            .set_content_language(carried.content_language.clone())
            .set_metadata(Some(metadata.clone()))
            .set_tagging(tags.filter(|tags| !tags.is_empty()).map(str::to_owned))
            .set_storage_class(storage.storage_class.as_ref().map(|class| class.name().into()))
            .set_server_side_encryption(encryption.clone())
            .set_ssekms_key_id(storage.kms_key.clone())
            .body(ByteStream::from(body.clone()));
        let expires = carried.expires.clone();
        request
            .customize()
            // The SDK takes a date here, and the source's header need not be one.
            .mutate_request(move |request| {
                if let Some(expires) = &expires {
                    request.headers_mut().insert("expires", expires.clone());
                }
            })
            .send()
    };
    let error = match store.send(&at.bucket, request).await {
        Ok(done) => return Ok(done.e_tag.unwrap_or_default()),
        Err(error) => error,
    };
    match (http_status(&error), content) {
        // There is an object: one that another writer stored in between, or one that the role must not read.
        (Some(412), Content::Unknown(answer)) => match Place::look(store, at).await?.content {
            Content::Unknown(_) => {
                let message =
                    format!("{answer}; the object exists, so the role needs {}", Operation::HeadObject.permissions());
                Err(Error::storage_with(Operation::HeadObject, at, message))
            }
            Content::Nothing | Content::Object(_) => Err(Error::conflict(Operation::PutObject, at, &error)),
        },
        // 409: another write is under way. 404: what was to be replaced is gone.
        (Some(412 | 409), _) => Err(Error::conflict(Operation::PutObject, at, &error)),
        (Some(404), Content::Object(_)) if error.code() != Some("NoSuchBucket") => {
            Err(Error::conflict(Operation::PutObject, at, &error))
        }
        _ => Err(Error::storage(Operation::PutObject, at, &error)),
    }
}

/// Deletes an object of ours, if it did not change since it was looked up.
///
/// # Errors
/// [`Error::Conflict`] where it changed or is gone.
pub(crate) async fn delete(store: &Store, at: &Location, there: &There) -> Result<(), Error> {
    let request = |client: Client| client.delete_object().bucket(&at.bucket).key(&at.key).if_match(&there.etag).send();
    let Err(error) = store.send(&at.bucket, request).await else { return Ok(()) };
    match http_status(&error) {
        Some(404 | 409 | 412) if error.code() != Some("NoSuchBucket") => {
            Err(Error::conflict(Operation::DeleteObject, at, &error))
        }
        Some(501) if store.is_custom_endpoint() => delete_checked(store, at, there).await,
        _ => Err(Error::storage(Operation::DeleteObject, at, &error)),
    }
}

/// Deletes an object on a server that does not know conditional deletions, after a look at its entity tag. A write in
/// between the two requests is lost, so S3 itself is never asked in this way.
async fn delete_checked(store: &Store, at: &Location, there: &There) -> Result<(), Error> {
    store.unconditional_deletion.call_once(|| {
        tracing::warn!(
            "the S3 server does not know If-Match on DeleteObject (501 NotImplemented): outputs are deleted after a look at \
             their ETag, which misses a write in between"
        );
    });
    let head = store.send(&at.bucket, |client| client.head_object().bucket(&at.bucket).key(&at.key).send()).await;
    match head {
        Ok(head) if head.e_tag.as_ref() == Some(&there.etag) => {}
        Ok(_) => return Err(Error::Conflict { message: format!("{at} has another ETag than before") }),
        Err(error) => {
            return Err(match error.as_service_error() {
                Some(HeadObjectError::NotFound(_)) => Error::conflict(Operation::HeadObject, at, &error),
                _ => Error::storage(Operation::HeadObject, at, &error),
            });
        }
    }
    let deleted = store.send(&at.bucket, |client| client.delete_object().bucket(&at.bucket).key(&at.key).send()).await;
    deleted.map(|_| ()).map_err(|error| Error::storage(Operation::DeleteObject, at, &error))
}

/// A digest in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

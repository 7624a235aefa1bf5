//! Writes or deletes one output, on the condition that the output did not change since the job looked it up.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use bytes::Bytes;
use model::Location;
use sha2::{Digest, Sha256};

use crate::operation::{Operation, http_status};
use crate::provenance::Provenance;
use crate::source_headers::SourceHeaders;
use crate::stored_outputs::{OutputSlot, SlotContent, StoredObject};
use crate::{Error, Plan, Store};

/// An object to be written.
pub(crate) struct Output<'job> {
    pub(crate) media_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) provenance: Provenance,
    pub(crate) headers: &'job SourceHeaders,
    /// The source's tags in URL query form, if tags are copied.
    pub(crate) tags: Option<&'job str>,
}

/// Writes an output if its slot did not change since the job looked it up. Returns the new ETag with its quotation
/// marks.
///
/// # Errors
/// [`Error::Conflict`] if the slot changed.
pub(crate) async fn write_output(
    store: &Store,
    slot: &OutputSlot,
    output: Output<'_>,
    plan: &Plan,
) -> Result<String, Error> {
    let Output { media_type, body, provenance, headers, tags } = output;
    let OutputSlot { at, content } = slot;
    let storage = &plan.storage;
    let (if_match, if_none_match) = match content {
        SlotContent::Absent | SlotContent::Unknown(_) => (None, Some("*".to_owned())),
        SlotContent::Object(StoredObject { provenance: None, .. }) => {
            return Err(Error::ForeignObject { at: at.clone() });
        }
        SlotContent::Object(object) => (Some(object.etag.clone()), None),
    };
    // Without a configured key, the bucket's default encryption applies.
    let encryption = storage.kms_key.as_ref().map(|_| ServerSideEncryption::AwsKms);
    let metadata = headers.output_metadata(provenance.to_metadata());
    let request = |client: Client| {
        let request = client
            .put_object()
            .bucket(&at.bucket)
            .key(&at.key)
            .set_if_match(if_match.clone())
            .set_if_none_match(if_none_match.clone())
            .content_type(media_type)
            .set_cache_control(storage.cache_control.clone().or_else(|| headers.cache_control.clone()))
            .set_content_disposition(headers.content_disposition.clone())
            .set_content_language(headers.content_language.clone())
            .set_metadata(Some(metadata.clone()))
            .set_tagging(tags.filter(|tags| !tags.is_empty()).map(str::to_owned))
            .set_storage_class(storage.storage_class.as_ref().map(|class| class.name().into()))
            .set_server_side_encryption(encryption.clone())
            .set_ssekms_key_id(storage.kms_key.clone())
            .body(ByteStream::from(body.clone()));
        let expires = headers.expires.clone();
        request
            .customize()
            // The SDK accepts only a date for this header, but the source's header may be any text. Therefore the text
            // is inserted directly into the request.
            .mutate_request(move |request| {
                if let Some(expires) = &expires {
                    request.headers_mut().insert("expires", expires.clone());
                }
            })
            .send()
    };
    let error = match store.send(&at.bucket, request).await {
        Ok(response) => return Ok(response.e_tag.unwrap_or_default()),
        Err(error) => error,
    };
    match (http_status(&error), content) {
        // An object exists: another writer created it after the look-up, or the role may not read it.
        (Some(412), SlotContent::Unknown(message)) => match OutputSlot::read(store, at).await?.content {
            SlotContent::Unknown(_) => {
                let permissions = Operation::HeadObject.permissions();
                let message = format!("{message}; the object exists, so the role needs {permissions}");
                Err(Error::storage_with(Operation::HeadObject, at, message))
            }
            SlotContent::Absent | SlotContent::Object(_) => Err(Error::conflict(Operation::PutObject, at, &error)),
        },
        // 409 means that a concurrent write is in progress.
        (Some(412 | 409), _) => Err(Error::conflict(Operation::PutObject, at, &error)),
        // 404 means that another writer deleted the object that this job replaces.
        (Some(404), SlotContent::Object(_)) if error.code() != Some("NoSuchBucket") => {
            Err(Error::conflict(Operation::PutObject, at, &error))
        }
        _ => Err(Error::storage(Operation::PutObject, at, &error)),
    }
}

/// Deletes an output if it did not change since it was looked up.
///
/// # Errors
/// [`Error::Conflict`] if it changed or was deleted.
pub(crate) async fn delete_output(store: &Store, at: &Location, object: &StoredObject) -> Result<(), Error> {
    let etag = &object.etag;
    let request = |client: Client| client.delete_object().bucket(&at.bucket).key(&at.key).if_match(etag).send();
    let Err(error) = store.send(&at.bucket, request).await else { return Ok(()) };
    match http_status(&error) {
        Some(404 | 409 | 412) if error.code() != Some("NoSuchBucket") => {
            Err(Error::conflict(Operation::DeleteObject, at, &error))
        }
        Some(501) if store.is_custom_endpoint() => delete_after_etag_check(store, at, object).await,
        _ => Err(Error::storage(Operation::DeleteObject, at, &error)),
    }
}

/// Checks the ETag of an output and then deletes the output, on a server that does not support conditional deletions. A
/// write between the two requests is lost, so this function is never used with S3 itself.
async fn delete_after_etag_check(store: &Store, at: &Location, object: &StoredObject) -> Result<(), Error> {
    store.unconditional_deletion_warning.call_once(|| {
        tracing::warn!(
            "the S3 server does not support If-Match on DeleteObject (501 NotImplemented): outputs are deleted after a check \
             of their ETag, which does not detect a write between the two requests"
        );
    });
    let head = store.send(&at.bucket, |client| client.head_object().bucket(&at.bucket).key(&at.key).send()).await;
    match head {
        Ok(head) if head.e_tag.as_ref() == Some(&object.etag) => {}
        Ok(_) => return Err(Error::Conflict { message: format!("the ETag of {at} changed") }),
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

/// Returns the SHA-256 digest in hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

//! Checks for evidence that an object does not exist.
//!
//! A job deletes the variants of a source that does not exist, so a wrong result of this check would delete variants
//! that are still needed. S3 returns 403 for a missing object if the role may not list the bucket. S3 also returns 403
//! for an existing object, if a policy denies access to the object or to its KMS key, or if the bucket requires the
//! requester to pay. Therefore a 403 counts as evidence only together with a listing that succeeds and does not contain
//! the key.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::EncodingType;
use model::Location;

use crate::operation::{Operation, is_access_denied, permission_hint, service_error_message};
use crate::{Error, Store, decode_listed_key};

/// The result of a listing for one key.
#[derive(Debug)]
pub(crate) enum Existence {
    /// The listing succeeded and does not contain the key.
    Absent,
    /// The listing contains the key.
    Present,
    /// The role may not list the bucket. Contains the error of the listing.
    Unknown(Error),
}

/// Checks with a listing whether an object exists.
///
/// # Errors
/// The listing failed for another reason than a missing permission.
pub(crate) async fn check_existence(store: &Store, at: &Location) -> Result<Existence, Error> {
    let request = |client: Client| {
        let request = client.list_objects_v2().bucket(&at.bucket).prefix(&at.key).encoding_type(EncodingType::Url);
        request.max_keys(1).send()
    };
    let listing = store.send(&at.bucket, request).await;
    let operation = Operation::ListObjectsV2;
    match listing {
        Ok(listing) => {
            let (count, encoding) = (listing.key_count, listing.encoding_type.as_ref());
            let keys = listing.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
            let keys: Vec<_> = keys.map(|key| decode_listed_key(key, encoding)).collect();
            // An inconsistent or truncated response is not evidence that the object does not exist.
            let count = count.and_then(|count| usize::try_from(count).ok());
            if count != Some(keys.len()) || keys.iter().any(|key| !key.starts_with(&at.key)) {
                let message = "the listing does not match the prefix or its own KeyCount";
                return Err(Error::storage_with(operation, at, message));
            }
            // S3 lists keys in order, so a key that is equal to the prefix is the first key of the listing.
            Ok(if keys.contains(&at.key) { Existence::Present } else { Existence::Absent })
        }
        Err(error) if is_access_denied(&error) => Ok(Existence::Unknown(Error::storage(operation, at, &error))),
        Err(error) => Err(Error::storage(operation, at, &error)),
    }
}

/// Confirms, after a read failed with 403, that the object does not exist.
///
/// # Errors
/// The object exists, or its existence is unknown. The error contains the message of the failed read.
pub(crate) async fn confirm_absent<E>(
    store: &Store,
    at: &Location,
    operation: Operation,
    denied: &SdkError<E, HttpResponse>,
) -> Result<(), Error>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let message = service_error_message(denied);
    match check_existence(store, at).await? {
        Existence::Absent => Ok(()),
        Existence::Present => {
            let permissions = "s3:GetObject, and kms:Decrypt if a KMS key encrypts the object; or a policy denies them";
            let hint = permission_hint(denied, permissions);
            Err(Error::storage_with(operation, at, format!("{message}; the object exists{hint}")))
        }
        Existence::Unknown(listing) => {
            Err(Error::storage_with(operation, at, unknown_existence_message(&message, &listing, operation)))
        }
    }
}

/// Returns the message for a failed read of an object whose existence is unknown.
pub(crate) fn unknown_existence_message(read: &str, listing: &Error, operation: Operation) -> String {
    let permissions = operation.permissions();
    format!("{read}; S3 does not say whether the object exists ({listing}); if it does, the role needs {permissions}")
}

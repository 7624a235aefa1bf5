//! What counts as evidence that an object does not exist.
//!
//! A job deletes the variants of a source that does not exist, so a wrong answer here loses them. S3 answers 403 to a read
//! of a missing object if the role may not list the bucket. It also answers 403 to a read of an existing object: a policy
//! denies the read, or access to its KMS key, or the requester has to pay. So a 403 counts as evidence only together with a
//! listing that succeeds and does not contain the key.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use model::Location;

use crate::operation::{Operation, is_access_denied, permission_hint, service_error_message};
use crate::{Error, Store};

/// What a listing says about an object that a read does not show.
#[derive(Debug)]
pub(crate) enum Existence {
    /// The listing succeeded and does not contain the key.
    Absent,
    /// The listing contains the key.
    Present,
    /// The role may not list the bucket: the listing's error.
    Unknown(Error),
}

/// Asks a listing whether the object exists.
///
/// # Errors
/// The listing failed, and not for want of a permission.
pub(crate) async fn existence(store: &Store, at: &Location) -> Result<Existence, Error> {
    let listed = store
        .send(&at.bucket, |client| client.list_objects_v2().bucket(&at.bucket).prefix(&at.key).max_keys(1).send())
        .await;
    let operation = Operation::ListObjectsV2;
    match listed {
        Ok(listed) => {
            let keys: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
            // An answer that does not fit the question, or ends before its own count, is no evidence.
            let count = listed.key_count().and_then(|count| usize::try_from(count).ok());
            if count != Some(keys.len()) || keys.iter().any(|key| !key.starts_with(&at.key)) {
                return Err(Error::storage_with(
                    operation,
                    at,
                    "the listing does not fit the prefix or its own KeyCount",
                ));
            }
            // Of the keys with this prefix, the key that equals it is the first in the order of keys.
            Ok(if keys.contains(&at.key.as_str()) { Existence::Present } else { Existence::Absent })
        }
        Err(error) if is_access_denied(&error) => Ok(Existence::Unknown(Error::storage(operation, at, &error))),
        Err(error) => Err(Error::storage(operation, at, &error)),
    }
}

/// Succeeds where a read was answered with 403 because the object does not exist.
///
/// # Errors
/// The object exists, or S3 does not say so: the read failed, for the reason in its answer.
pub(crate) async fn confirm_absent<E>(
    store: &Store,
    at: &Location,
    operation: Operation,
    denied: &SdkError<E, HttpResponse>,
) -> Result<(), Error>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let answer = service_error_message(denied);
    match existence(store, at).await? {
        Existence::Absent => Ok(()),
        Existence::Present => {
            let permissions =
                "s3:GetObject, and kms:Decrypt where a KMS key encrypts the object, unless a policy denies them";
            Err(Error::storage_with(
                operation,
                at,
                format!("{answer}; the object exists{}", permission_hint(denied, permissions)),
            ))
        }
        Existence::Unknown(listing) => Err(Error::storage_with(operation, at, unknown(&answer, &listing, operation))),
    }
}

/// The message where S3 does not say whether an object exists.
pub(crate) fn unknown(read: &str, listing: &Error, operation: Operation) -> String {
    let permissions = operation.permissions();
    format!("{read}; S3 does not say whether the object exists ({listing}); if it does, the role needs {permissions}")
}

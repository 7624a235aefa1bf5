//! Writing and removing outputs, on condition that they are still what was looked at.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::carried::Carried;
use crate::look::{Place, There};
use crate::mark::Mark;
use crate::store::{failed, status};
use crate::{Error, Plan, Store};

/// An object to be stored.
pub(crate) struct Output<'job> {
    pub(crate) media_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) mark: Mark,
    pub(crate) carried: &'job Carried,
    /// The source's tags as a query, where they go along.
    pub(crate) tags: Option<&'job str>,
}

/// What S3 told of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// It held; this is the new entity tag, with its quotation marks.
    Done(String),
    /// Somebody else was there since. It has to be looked at anew.
    Moved,
}

/// Writes an object in that place, if the place is still as it was seen.
pub(crate) async fn put(store: &Store, place: &Place, output: Output<'_>, plan: &Plan) -> Result<Written, Error> {
    let Output { media_type, body, mark, carried, tags } = output;
    let Place { at, there } = place;
    let storing = &plan.storing;
    let request = store.client.put_object().bucket(&at.bucket).key(&at.key);
    let request = match there {
        None => request.if_none_match("*"),
        Some(There { mark: None, .. }) => return Err(Error::Stranger { at: at.clone() }),
        Some(there) => request.if_match(&there.etag),
    };
    // SSE-KMS with the account's key for S3, or the bucket's default, where no key is named.
    let encryption = storing.kms_key.as_ref().map(|_| ServerSideEncryption::AwsKms);
    let sent = request
        .content_type(media_type)
        .set_cache_control(storing.cache_control.clone().or_else(|| carried.cache_control.clone()))
        .set_content_disposition(carried.content_disposition.clone())
        .set_content_language(carried.content_language.clone())
        .set_metadata(Some(carried.with(mark.metadata())))
        .set_tagging(tags.filter(|tags| !tags.is_empty()).map(str::to_owned))
        .set_storage_class(storing.storage_class.as_ref().map(|class| class.name().into()))
        .set_server_side_encryption(encryption)
        .set_ssekms_key_id(storing.kms_key.clone())
        .body(ByteStream::from(body));
    let expires = carried.expires.clone();
    let sent = sent
        .customize()
        // The SDK would have it a date, and the source's header need not be one.
        .mutate_request(move |request| {
            if let Some(expires) = &expires {
                request.headers_mut().insert("expires", expires.clone());
            }
        })
        .send()
        .await;
    match sent {
        Ok(done) => Ok(Written::Done(done.e_tag.unwrap_or_default())),
        // 409: another write was under way. 404: what was to be replaced is gone.
        Err(error) => match status(&error) {
            Some(412 | 409) => Ok(Written::Moved),
            Some(404) if there.is_some() => Ok(Written::Moved),
            _ => Err(failed("write", at, &error)),
        },
    }
}

/// Removes an object of ours, if it is still as it was seen.
pub(crate) async fn remove(store: &Store, place: &Place, there: &There) -> Result<Written, Error> {
    let at = &place.at;
    let request = store.client.delete_object().bucket(&at.bucket).key(&at.key).if_match(&there.etag);
    match request.send().await {
        Ok(_) => Ok(Written::Done(String::new())),
        Err(error) if matches!(status(&error), Some(404 | 409 | 412)) => Ok(Written::Moved),
        Err(error) => Err(failed("remove", at, &error)),
    }
}

/// A digest in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

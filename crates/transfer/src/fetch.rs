use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use model::{Location, Source};

use crate::store::failed;
use crate::{Error, Store};

/// A source object, or word that the event's state of it is gone.
pub(crate) enum Fetched {
    Object(Object),
    /// Another state took its place, which has an event of its own.
    Superseded,
}

/// A source object, whole.
pub(crate) struct Object {
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: Option<String>,
    pub(crate) cache_control: Option<String>,
}

/// Reads the state of the source that the event named, of at most `limit` bytes.
pub(crate) async fn fetch(store: &Store, source: &Source, limit: u64) -> Result<Fetched, Error> {
    let at = &source.at;
    let mut request = store.client.get_object().bucket(&at.bucket).key(&at.key);
    request = match (&source.version, &source.etag) {
        (Some(version), _) => request.version_id(version),
        (None, Some(etag)) => request.if_match(format!("\"{etag}\"")),
        (None, None) => request,
    };
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => {
            let status = error.raw_response().map(|response| response.status().as_u16());
            return match error.as_service_error() {
                Some(GetObjectError::NoSuchKey(_)) => Err(Error::Missing { at: at.clone() }),
                _ if status == Some(404) && source.version.is_some() => Err(Error::Missing { at: at.clone() }),
                _ if status == Some(412) => Ok(Fetched::Superseded),
                _ => Err(failed("read", at, &error)),
            };
        }
    };
    let etag = response.e_tag.as_deref().map(|etag| etag.trim_matches('"').to_owned());
    // Not every server minds If-Match.
    if source.version.is_none() && source.etag.is_some() && etag != source.etag {
        return Ok(Fetched::Superseded);
    }
    if response.content_length.and_then(|length| u64::try_from(length).ok()).is_some_and(|length| length > limit) {
        return Err(Error::TooLarge { at: at.clone(), limit });
    }
    let bytes = read(response.body, at, limit).await?;
    Ok(Fetched::Object(Object { bytes, etag, cache_control: response.cache_control }))
}

/// Counts what arrives, whatever the header promised.
async fn read(mut body: ByteStream, at: &Location, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| Error::Storage {
            action: "read",
            at: at.clone(),
            message: format!("after {} bytes: {error}", bytes.len()),
        })?;
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(Error::TooLarge { at: at.clone(), limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

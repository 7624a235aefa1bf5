//! Reading sources.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::error::InvalidObjectState;
use model::{Job, Location};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::absence::confirm_absent;
use crate::operation::{Operation, http_status};
use crate::provenance::SourceState;
use crate::source_headers::SourceHeaders;
use crate::{Error, Store};
use model::error_chain;

/// What is found where the source should be.
pub(crate) enum Found {
    Object(Box<Object>),
    /// An object that has to be restored before it can be read.
    Archived {
        state: SourceState,
        /// The storage class or access tier, where S3 names it.
        class: Option<String>,
    },
    /// Another state than the event's.
    Superseded,
    /// Nothing: there is evidence that the object does not exist.
    Gone,
}

/// A source whose content is still to be read.
pub(crate) struct Object {
    pub(crate) at: Location,
    pub(crate) state: SourceState,
    pub(crate) carried: SourceHeaders,
    /// Its size, as announced.
    pub(crate) announced: u64,
    body: ByteStream,
}

/// Opens the source as it is now. With `only_as_told` it has to be in the state that the event names, if it names one.
pub(crate) async fn open(store: &Store, job: &Job, only_as_told: bool) -> Result<Found, Error> {
    let source = &job.source;
    let at = &source.at;
    let condition = source.etag.as_ref().filter(|_| only_as_told).map(|etag| format!("\"{etag}\""));
    let request = |client: aws_sdk_s3::Client| {
        client.get_object().bucket(&at.bucket).key(&at.key).set_if_match(condition.clone()).send()
    };
    let response = match store.send(&at.bucket, request).await {
        Ok(response) => response,
        Err(error) => {
            return match error.as_service_error() {
                Some(GetObjectError::NoSuchKey(_)) => Ok(Found::Gone),
                Some(GetObjectError::InvalidObjectState(archive)) => archived(store, job, archive, only_as_told).await,
                _ if is_customer_key(error.code(), error.message()) => {
                    Err(Error::CustomerProvidedKey { at: at.clone() })
                }
                _ => match http_status(&error) {
                    Some(412) => Ok(Found::Superseded),
                    Some(403) => confirm_absent(store, at, Operation::GetObject, &error).await.map(|()| Found::Gone),
                    _ => Err(Error::storage(Operation::GetObject, at, &error)),
                },
            };
        }
    };
    let object = Object::of(at, response)?;
    Ok(if only_as_told && !is_as_told(job, &object.state) {
        Found::Superseded
    } else {
        Found::Object(Box::new(object))
    })
}

/// An archived object's state can be looked up, but not its content.
async fn archived(store: &Store, job: &Job, archive: &InvalidObjectState, only_as_told: bool) -> Result<Found, Error> {
    let tier = archive.access_tier().map(|tier| tier.as_str().to_owned());
    let class = tier.or_else(|| archive.storage_class().map(|class| class.as_str().to_owned()));
    Ok(match state(store, &job.source.at).await? {
        None => Found::Gone,
        Some(state) if only_as_told && !is_as_told(job, &state) => Found::Superseded,
        Some(state) => Found::Archived { state, class },
    })
}

/// The current version is what counts. An older one is never asked for: whatever comes of it would be stale. Nor does
/// every server mind If-Match.
fn is_as_told(job: &Job, state: &SourceState) -> bool {
    let source = &job.source;
    source.etag.as_ref().is_none_or(|etag| *etag == state.etag)
        && source.version.as_ref().is_none_or(|version| state.version.as_ref() == Some(version))
}

/// S3 has no code of its own for an object that is encrypted with a key of its uploader (SSE-C).
fn is_customer_key(code: Option<&str>, words: Option<&str>) -> bool {
    code == Some("InvalidRequest") && words.is_some_and(|words| words.contains("Server Side Encryption"))
}

/// The source's state as it is now, without its content; nothing where there is evidence that it does not exist.
pub(crate) async fn state(store: &Store, at: &Location) -> Result<Option<SourceState>, Error> {
    let head = store.send(&at.bucket, |client| client.head_object().bucket(&at.bucket).key(&at.key).send()).await;
    match head {
        Ok(head) => Ok(Some(state_of(Operation::HeadObject, at, head.e_tag.as_deref(), head.version_id)?)),
        Err(error) => match error.as_service_error() {
            Some(HeadObjectError::NotFound(_)) => Ok(None),
            _ if http_status(&error) == Some(403) => {
                confirm_absent(store, at, Operation::HeadObject, &error).await.map(|()| None)
            }
            _ => Err(Error::storage(Operation::HeadObject, at, &error)),
        },
    }
}

/// The source's tags as a query, as a header says them; nothing where the source is gone by now.
pub(crate) async fn tags(store: &Store, at: &Location, state: &SourceState) -> Result<Option<String>, Error> {
    let operation = Operation::GetObjectTagging;
    let request = |client: aws_sdk_s3::Client| {
        let request = client.get_object_tagging().bucket(&at.bucket).key(&at.key);
        request.set_version_id(state.version.clone()).send()
    };
    let tags = match store.send(&at.bucket, request).await {
        Ok(tagging) => tagging.tag_set,
        Err(error) if matches!(error.code(), Some("NoSuchKey" | "NoSuchVersion")) => return Ok(None),
        Err(error) => return Err(Error::storage(operation, at, &error)),
    };
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = tags.iter().map(|tag| format!("{}={}", encoded(&tag.key), encoded(&tag.value))).collect();
    Ok(Some(pairs.join("&")))
}

impl Object {
    fn of(at: &Location, mut response: GetObjectOutput) -> Result<Self, Error> {
        let state = state_of(Operation::GetObject, at, response.e_tag.as_deref(), response.version_id.take())?;
        let announced = response.content_length.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
        let body = std::mem::take(&mut response.body);
        Ok(Self { at: at.clone(), state, announced, body, carried: SourceHeaders::from_response(response) })
    }

    /// Reads the content, of at most `limit` bytes, and counts what arrives, whatever was announced.
    pub(crate) async fn read(self, limit: u64) -> Result<Vec<u8>, Error> {
        let Self { at, mut body, announced, .. } = self;
        if announced > limit {
            return Err(Error::TooLarge { at, bytes: announced, limit });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| Error::DownloadInterrupted {
                at: at.clone(),
                after: bytes.len(),
                message: error_chain(&error),
            })?;
            let so_far = (bytes.len() + chunk.len()) as u64;
            if so_far > limit {
                return Err(Error::TooLarge { at, bytes: so_far, limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

fn state_of(
    operation: Operation,
    at: &Location,
    etag: Option<&str>,
    version: Option<String>,
) -> Result<SourceState, Error> {
    let etag = etag.ok_or_else(|| Error::storage_with(operation, at, NO_ETAG))?.trim_matches('"').to_owned();
    // A bucket whose versioning was suspended says "null".
    Ok(SourceState { etag, version: version.filter(|version| version != "null") })
}

pub(crate) const NO_ETAG: &str = "the answer has no ETag";

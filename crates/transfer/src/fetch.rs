//! Reads sources.

use std::collections::HashMap;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::error::InvalidObjectState;
use model::{Job, Location, error_chain};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::existence::confirm_absent;
use crate::operation::{Operation, http_status};
use crate::provenance::{Focus, SourceState};
use crate::source_headers::SourceHeaders;
use crate::{Error, Store};

pub(crate) const NO_ETAG: &str = "the response has no ETag";
/// The user metadata of a source with its focal point.
const FOCUS: &str = "focus";

/// The states of a source that a job accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequiredState {
    /// Only the state with the ETag and the version ID of the event. If the event lacks the ETag or the version ID, the
    /// missing value is not compared.
    OfEvent,
    /// The current state.
    Current,
}

/// The result of opening a source.
pub(crate) enum SourceLookup {
    Object(Box<SourceObject>),
    /// The object must be restored before it can be read.
    Archived {
        state: SourceState,
        /// The storage class or access tier, if S3 returned it.
        class: Option<String>,
    },
    /// The source exists, but not in the required state.
    Superseded,
    /// There is evidence that the object does not exist.
    Absent,
}

/// A source whose content has not been read yet.
pub(crate) struct SourceObject {
    pub(crate) at: Location,
    pub(crate) state: SourceState,
    pub(crate) headers: SourceHeaders,
    /// The Content-Length in bytes.
    pub(crate) content_length: u64,
    body: ByteStream,
}

/// Opens the current version of a source. An older version is never read, because its variants would be outdated.
pub(crate) async fn open_source(store: &Store, job: &Job, required: RequiredState) -> Result<SourceLookup, Error> {
    let source = &job.source;
    let at = &source.at;
    let if_match = match required {
        RequiredState::OfEvent => source.etag.as_ref().map(|etag| format!("\"{etag}\"")),
        RequiredState::Current => None,
    };
    let request = |client: aws_sdk_s3::Client| {
        client.get_object().bucket(&at.bucket).key(&at.key).set_if_match(if_match.clone()).send()
    };
    let response = match store.send(&at.bucket, request).await {
        Ok(response) => response,
        Err(error) => {
            return match error.as_service_error() {
                Some(GetObjectError::NoSuchKey(_)) => Ok(SourceLookup::Absent),
                Some(GetObjectError::InvalidObjectState(archive)) => {
                    look_up_archived(store, job, archive, required).await
                }
                _ if is_customer_key_error(error.code(), error.message()) => {
                    Err(Error::CustomerProvidedKey { at: at.clone() })
                }
                _ => match http_status(&error) {
                    Some(412) => Ok(SourceLookup::Superseded),
                    Some(403) => {
                        confirm_absent(store, at, Operation::GetObject, &error).await.map(|()| SourceLookup::Absent)
                    }
                    _ => Err(Error::storage(Operation::GetObject, at, &error)),
                },
            };
        }
    };
    let object = SourceObject::from_response(at, response)?;
    // The state is checked again, because some S3 servers ignore If-Match.
    Ok(if is_accepted(&object.state, job, required) {
        SourceLookup::Object(Box::new(object))
    } else {
        SourceLookup::Superseded
    })
}

/// Looks up an archived object. S3 returns its state (`HeadObject`), but not its content.
async fn look_up_archived(
    store: &Store,
    job: &Job,
    archive: &InvalidObjectState,
    required: RequiredState,
) -> Result<SourceLookup, Error> {
    let tier = archive.access_tier().map(|tier| tier.as_str().to_owned());
    let class = tier.or_else(|| archive.storage_class().map(|class| class.as_str().to_owned()));
    Ok(match read_source_state(store, &job.source.at).await? {
        None => SourceLookup::Absent,
        Some(state) if is_accepted(&state, job, required) => SourceLookup::Archived { state, class },
        Some(_) => SourceLookup::Superseded,
    })
}

fn is_accepted(state: &SourceState, job: &Job, required: RequiredState) -> bool {
    let source = &job.source;
    match required {
        RequiredState::Current => true,
        RequiredState::OfEvent => {
            source.etag.as_ref().is_none_or(|etag| *etag == state.etag)
                && source.version.as_ref().is_none_or(|version| state.version.as_ref() == Some(version))
        }
    }
}

/// Whether the read failed because the object is encrypted with a customer-provided key (SSE-C). S3 has no error code
/// for this case.
fn is_customer_key_error(code: Option<&str>, message: Option<&str>) -> bool {
    code == Some("InvalidRequest") && message.is_some_and(|message| message.contains("Server Side Encryption"))
}

/// Reads the current state of a source, without its content. `None` if there is evidence that the source does not
/// exist.
pub(crate) async fn read_source_state(store: &Store, at: &Location) -> Result<Option<SourceState>, Error> {
    Ok(look_up_source(store, at).await?.map(|(state, _)| state))
}

/// Reads the current state of a source and its `Content-Type`. `None` if there is evidence that the source does not exist.
pub(crate) async fn look_up_source(
    store: &Store,
    at: &Location,
) -> Result<Option<(SourceState, Option<String>)>, Error> {
    let head = store.send(&at.bucket, |client| client.head_object().bucket(&at.bucket).key(&at.key).send()).await;
    match head {
        Ok(head) => {
            let state =
                source_state(Operation::HeadObject, at, head.e_tag.as_deref(), head.version_id, head.metadata.as_ref());
            Ok(Some((state?, head.content_type)))
        }
        Err(error) => match error.as_service_error() {
            Some(HeadObjectError::NotFound(_)) => Ok(None),
            _ if http_status(&error) == Some(403) => {
                confirm_absent(store, at, Operation::HeadObject, &error).await.map(|()| None)
            }
            _ => Err(Error::storage(Operation::HeadObject, at, &error)),
        },
    }
}

/// Reads the source's tags in URL query form, as the header `x-amz-tagging` requires.
///
/// # Errors
/// [`Error::Conflict`] if the source was deleted in the meantime.
pub(crate) async fn read_source_tags(store: &Store, at: &Location, state: &SourceState) -> Result<String, Error> {
    let request = |client: aws_sdk_s3::Client| {
        let request = client.get_object_tagging().bucket(&at.bucket).key(&at.key);
        request.set_version_id(state.version.clone()).send()
    };
    let tags = match store.send(&at.bucket, request).await {
        Ok(tagging) => tagging.tag_set,
        Err(error) if matches!(error.code(), Some("NoSuchKey" | "NoSuchVersion")) => {
            return Err(Error::source_changed(at));
        }
        Err(error) => return Err(Error::storage(Operation::GetObjectTagging, at, &error)),
    };
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = tags.iter().map(|tag| format!("{}={}", encode(&tag.key), encode(&tag.value))).collect();
    Ok(pairs.join("&"))
}

impl SourceObject {
    fn from_response(at: &Location, mut response: GetObjectOutput) -> Result<Self, Error> {
        let version = response.version_id.take();
        let (etag, metadata) = (response.e_tag.as_deref(), response.metadata.as_ref());
        let state = source_state(Operation::GetObject, at, etag, version, metadata)?;
        let content_length = response.content_length.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
        let body = std::mem::take(&mut response.body);
        Ok(Self { at: at.clone(), state, content_length, body, headers: SourceHeaders::from_response(response) })
    }

    /// Reads the content. Both the Content-Length and the received bytes are checked against `limit`, in bytes.
    pub(crate) async fn read(self, limit: u64) -> Result<Vec<u8>, Error> {
        let Self { at, mut body, content_length, .. } = self;
        if content_length > limit {
            return Err(Error::TooLarge { at, bytes: content_length, limit });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(content_length).unwrap_or_default());
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| Error::DownloadInterrupted {
                at: at.clone(),
                after: bytes.len(),
                message: error_chain(&error),
            })?;
            let received = (bytes.len() + chunk.len()) as u64;
            if received > limit {
                return Err(Error::TooLarge { at, bytes: received, limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

fn source_state(
    operation: Operation,
    at: &Location,
    etag: Option<&str>,
    version: Option<String>,
    metadata: Option<&HashMap<String, String>>,
) -> Result<SourceState, Error> {
    let etag = etag.ok_or_else(|| Error::storage_with(operation, at, NO_ETAG))?.trim_matches('"').to_owned();
    // "null" is the version ID in a bucket whose versioning is suspended.
    let version = version.filter(|version| version != "null");
    let focus = match metadata.and_then(|metadata| metadata.get(FOCUS)).map(|text| text.parse()) {
        None => Focus::Absent,
        Some(Ok(point)) => Focus::Point(point),
        Some(Err(invalid)) => Focus::Invalid(invalid),
    };
    Ok(SourceState { etag, version, focus })
}

//! Reading sources.

use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;
use model::{Change, Job, Location};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::carried::Carried;
use crate::mark::State;
use crate::store::{failed, status};
use crate::{Error, Store};

/// What is found where the source should be.
pub(crate) enum Found {
    Object(Box<Object>),
    /// Another state than the event's.
    Superseded,
    /// Nothing.
    Gone,
}

/// A source whose content is still to be read.
pub(crate) struct Object {
    pub(crate) at: Location,
    pub(crate) state: State,
    pub(crate) carried: Carried,
    /// Its size, as announced.
    pub(crate) announced: u64,
    body: ByteStream,
}

/// Opens the source as it is now. With `only_as_told` it has to be in the state that the event told of, if it told.
pub(crate) async fn open(store: &Store, job: &Job, only_as_told: bool) -> Result<Found, Error> {
    let source = &job.source;
    let at = &source.at;
    let mut request = store.client.get_object().bucket(&at.bucket).key(&at.key);
    if let Some(etag) = source.etag.as_ref().filter(|_| only_as_told) {
        request = request.if_match(format!("\"{etag}\""));
    }
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => {
            return match error.as_service_error() {
                Some(GetObjectError::NoSuchKey(_)) => Ok(Found::Gone),
                _ if is_hidden(job, status(&error)) => Ok(Found::Gone),
                _ if status(&error) == Some(412) => Ok(Found::Superseded),
                _ => Err(failed("read", at, &error)),
            };
        }
    };
    let object = Object::of(at, response)?;
    // The current version is what counts. An older one is never asked for: whatever comes of it would be stale. Nor does
    // every server mind If-Match.
    let as_told = source.etag.as_ref().is_none_or(|etag| *etag == object.state.etag)
        && source.version.as_ref().is_none_or(|version| object.state.version.as_ref() == Some(version));
    Ok(if only_as_told && !as_told { Found::Superseded } else { Found::Object(Box::new(object)) })
}

/// The source's state as it is now, without its content; nothing where it is gone.
pub(crate) async fn state(store: &Store, job: &Job) -> Result<Option<State>, Error> {
    let at = &job.source.at;
    match store.client.head_object().bucket(&at.bucket).key(&at.key).send().await {
        Ok(head) => Ok(Some(state_of(at, head.e_tag.as_deref(), head.version_id)?)),
        Err(error) => match error.as_service_error() {
            Some(HeadObjectError::NotFound(_)) => Ok(None),
            _ if is_hidden(job, status(&error)) => Ok(None),
            _ => Err(failed("look up", at, &error)),
        },
    }
}

/// Without s3:ListBucket, S3 forbids what is not there. Where the event says that it is gone, that is an answer.
fn is_hidden(job: &Job, status: Option<u16>) -> bool {
    job.change == Change::Removed && status == Some(403)
}

/// The source's tags as a query, as a header says them.
pub(crate) async fn tags(store: &Store, at: &Location, state: &State) -> Result<String, Error> {
    let request = store.client.get_object_tagging().bucket(&at.bucket).key(&at.key);
    let tags = request.set_version_id(state.version.clone()).send().await;
    let tags = tags.map_err(|error| failed("read the tags of", at, &error))?.tag_set;
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = tags.iter().map(|tag| format!("{}={}", encoded(&tag.key), encoded(&tag.value))).collect();
    Ok(pairs.join("&"))
}

impl Object {
    fn of(at: &Location, mut response: GetObjectOutput) -> Result<Self, Error> {
        let state = state_of(at, response.e_tag.as_deref(), response.version_id.take())?;
        let announced = response.content_length.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
        let body = std::mem::take(&mut response.body);
        Ok(Self { at: at.clone(), state, announced, body, carried: Carried::of(response) })
    }

    /// Reads the content, of at most `limit` bytes, and counts what arrives, whatever was announced.
    pub(crate) async fn read(self, limit: u64) -> Result<Vec<u8>, Error> {
        let Self { at, mut body, announced, .. } = self;
        if announced > limit {
            return Err(Error::TooLarge { at, bytes: announced, limit });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| Error::Interrupted {
                at: at.clone(),
                after: bytes.len(),
                message: error.to_string(),
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

fn state_of(at: &Location, etag: Option<&str>, version: Option<String>) -> Result<State, Error> {
    let etag = etag.ok_or_else(|| Error::storage("read", at, "S3 told no ETag"))?.trim_matches('"').to_owned();
    // A bucket whose versioning was suspended says "null".
    Ok(State { etag, version: version.filter(|version| version != "null") })
}

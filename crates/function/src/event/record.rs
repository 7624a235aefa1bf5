//! One record of an event describes one object. A valid record becomes a job.

use std::borrow::Cow;

use model::{Change, Job, Location, Source};
use percent_encoding::percent_decode_str;
use thiserror::Error;

/// The parsed records of an event.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) jobs: Vec<Job>,
    /// The reason for each rejected record.
    pub(super) rejected: Vec<String>,
}

impl Records {
    pub(super) fn append(&mut self, other: Self) {
        self.jobs.extend(other.jobs);
        self.rejected.extend(other.rejected);
    }
}

/// A rejected record does not affect the other records.
impl FromIterator<Result<Job, RejectedRecord>> for Records {
    fn from_iter<T: IntoIterator<Item = Result<Job, RejectedRecord>>>(records: T) -> Self {
        let mut parsed = Self::default();
        for record in records {
            match record {
                Ok(job) => parsed.jobs.push(job),
                Err(reason) => parsed.rejected.push(reason.to_string()),
            }
        }
        parsed
    }
}

/// The reason that a record is rejected and has no job.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum RejectedRecord {
    #[error(
        "event {0:?} is not supported; subscribe to s3:ObjectCreated:*, s3:ObjectRemoved:*, s3:LifecycleExpiration:* and \
         s3:ObjectRestore:Completed"
    )]
    UnsupportedS3Event(String),
    #[error(
        "event {0:?} is not supported; match \"Object Created\", \"Object Deleted\" and \"Object Restore Completed\""
    )]
    UnsupportedEventBridgeEvent(String),
    #[error("a record of a successful invocation; send only records of failed invocations to this function")]
    SuccessfulInvocation,
    #[error("key {0:?} is not form-encoded UTF-8")]
    KeyEncoding(String),
    #[error("a record has no {0}")]
    MissingName(&'static str),
    #[error("invalid ETag {0:?}")]
    InvalidETag(String),
}

/// Returns the location of an object. Fails if the record lacks the bucket or the key.
pub(super) fn object_location(bucket: Option<String>, key: Option<String>) -> Result<Location, RejectedRecord> {
    let bucket = bucket.filter(|name| !name.is_empty()).ok_or(RejectedRecord::MissingName("bucket"))?;
    let key = key.filter(|key| !key.is_empty()).ok_or(RejectedRecord::MissingName("key"))?;
    Ok(Location { bucket, key })
}

/// Returns the object in the state that the event describes.
pub(super) fn event_source(
    at: Location,
    version: Option<String>,
    etag: Option<String>,
    sequencer: Option<&str>,
) -> Result<Source, RejectedRecord> {
    // If the versioning of a bucket is suspended, the version ID is "null".
    let version = version.filter(|version| !version.is_empty() && version != "null");
    let etag = etag.map(|etag| etag.trim_matches('"').to_owned()).filter(|etag| !etag.is_empty());
    // The function sends the ETag in an HTTP header, so it must contain only valid characters.
    if let Some(etag) = etag.as_ref().filter(|etag| !etag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')) {
        return Err(RejectedRecord::InvalidETag(etag.clone()));
    }
    // The sequencer is used only to order events, so a record without a valid sequencer is not rejected. S3 servers
    // other than AWS send no sequencer, or a sequencer in another format. The order of such an event is unknown, so its
    // job depends only on the stored outputs and the current source.
    let sequencer = sequencer.and_then(|text| text.parse().ok());
    Ok(Source { at, version, etag, sequencer })
}

/// Returns a job that converts the object in its current state.
pub(super) fn conversion_job(at: Location) -> Job {
    Job { source: Source { at, version: None, etag: None, sequencer: None }, change: Change::Created }
}

/// Decodes a form-encoded key: `+` is a space, the rest is percent-encoded UTF-8. S3 never sets the field
/// `urlDecodedKey` that some libraries define.
pub(super) fn decode_key(key: &str) -> Result<String, RejectedRecord> {
    let spaced = key.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_| RejectedRecord::KeyEncoding(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decoded_key_equals_the_key_that_was_encoded(key in "\\PC{1,40}") {
            let encoded = utf8_percent_encode(&key, NON_ALPHANUMERIC).to_string();
            prop_assert_eq!(decode_key(&encoded.replace("%20", "+")), Ok(key));
        }
    }
}

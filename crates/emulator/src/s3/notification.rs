//! What S3 tells of a request (Amazon S3 user guide, "Event message structure").

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// What a form leaves as it is, and the slash, which S3 leaves too.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/').remove(b' ');

/// A request that changes an object.
pub(super) struct Action {
    pub(super) change: Change,
    pub(super) bucket: String,
    pub(super) key: String,
}

#[derive(Clone, Copy)]
pub(super) enum Change {
    Put,
    Copy,
    CompleteMultipartUpload,
    Delete,
}

impl Action {
    /// Tells by method, path and query; nothing for requests that change no object.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let path = percent_decode_str(request.uri().path()).decode_utf8().ok()?.into_owned();
        let (bucket, key) = path.strip_prefix('/')?.split_once('/')?;
        let query = request.uri().query().unwrap_or_default();
        let parameters = || query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
        // The SDK says which operation it means; a presigned URL carries its signature. All else is another operation.
        let plain = parameters().all(|name| name.is_empty() || name == "x-id" || name.starts_with("X-Amz-"));
        let change = match *request.method() {
            Method::PUT if plain && request.headers().contains_key("x-amz-copy-source") => Change::Copy,
            Method::PUT if plain => Change::Put,
            Method::DELETE if plain => Change::Delete,
            Method::POST if parameters().any(|name| name == "uploadId") => Change::CompleteMultipartUpload,
            _ => return None,
        };
        let named = !bucket.is_empty() && !key.is_empty();
        named.then(|| Self { change, bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

/// The message that S3 sends.
pub(super) fn notification(action: &Action, etag: Option<&str>, size: Option<u64>) -> Value {
    let Action { change, bucket, key } = action;
    let name = match change {
        Change::Put => "ObjectCreated:Put",
        Change::Copy => "ObjectCreated:Copy",
        Change::CompleteMultipartUpload => "ObjectCreated:CompleteMultipartUpload",
        Change::Delete => "ObjectRemoved:Delete",
    };
    let mut object = json!({ "key": encode(key), "sequencer": sequencer() });
    if let Some(size) = size {
        object["size"] = size.into();
    }
    if let Some(etag) = etag {
        object["eTag"] = etag.trim_matches('"').into();
    }
    json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
        "eventName": name,
        "userIdentity": { "principalId": "EMULATOR" },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": Uuid::new_v4().simple().to_string() },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "emulator",
            "bucket": {
                "name": bucket,
                "ownerIdentity": { "principalId": "EMULATOR" },
                "arn": format!("arn:aws:s3:::{bucket}"),
            },
            "object": object,
        },
    }]})
}

/// A key as a form would send it, which is how S3 does.
fn encode(key: &str) -> String {
    utf8_percent_encode(key, KEPT).to_string().replace(' ', "+")
}

/// A hexadecimal number that grows with every write, as S3's does for the writes of one key.
fn sequencer() -> String {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let microseconds = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000;
    // The counter parts writes of one microsecond, so no two are ever equal.
    format!("{microseconds:016X}{:04X}", WRITES.fetch_add(1, Ordering::Relaxed) & 0xFFFF)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn action(method: Method, uri: &str) -> Option<Action> {
        Action::of(&Request::builder().method(method).uri(uri).body(Body::empty()).unwrap())
    }

    #[test]
    fn keys_are_encoded_as_a_form_would() {
        let action = action(Method::PUT, "/photos/%E5%86%99%E7%9C%9F%201%2B2%25.jpg?x-id=PutObject").unwrap();
        assert_eq!((action.bucket.as_str(), action.key.as_str()), ("photos", "写真 1+2%.jpg"));
        assert_eq!(encode(&action.key), "%E5%86%99%E7%9C%9F+1%2B2%25.jpg");
        assert_eq!(encode("a/b (1).jpg"), "a/b+%281%29.jpg");
    }

    #[test]
    fn what_changes_no_object_is_not_told() {
        assert!(action(Method::PUT, "/photos").is_none());
        assert!(action(Method::PUT, "/photos/").is_none());
        assert!(action(Method::PUT, "/photos/a.jpg?partNumber=1&uploadId=x").is_none());
        assert!(action(Method::PUT, "/photos/a.jpg?tagging").is_none());
        assert!(action(Method::POST, "/photos/a.jpg?uploads").is_none());
        assert!(action(Method::GET, "/photos/a.jpg").is_none());
        assert!(action(Method::POST, "/photos/a.jpg?uploadId=x").is_some());
    }

    #[test]
    fn sequencers_grow() {
        let all: Vec<String> = (0..100).map(|_| sequencer()).collect();
        assert!(all.is_sorted() && all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
    }
}

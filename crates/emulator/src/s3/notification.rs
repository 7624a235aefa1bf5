//! Creates the notification of a write (Amazon S3 user guide, "Event message structure").

use std::sync::atomic::{AtomicU64, Ordering};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// The characters that form encoding does not change, and the slash, which S3 does not change either. A later step
/// replaces each space by `+`.
const UNESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/').remove(b' ');

#[derive(Clone, Copy)]
pub(super) enum EventName {
    Put,
    Copy,
    CompleteMultipartUpload,
    Delete,
}

pub(super) fn notification(
    event_name: EventName,
    bucket: &str,
    key: &str,
    etag: Option<&str>,
    size: Option<u64>,
) -> Value {
    let name = match event_name {
        EventName::Put => "ObjectCreated:Put",
        EventName::Copy => "ObjectCreated:Copy",
        EventName::CompleteMultipartUpload => "ObjectCreated:CompleteMultipartUpload",
        EventName::Delete => "ObjectRemoved:Delete",
    };
    let mut object = json!({ "key": encode(key), "sequencer": sequencer() });
    if let Some(size) = size {
        object["size"] = size.into();
    }
    if let Some(etag) = etag {
        object["eTag"] = etag.into();
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

/// Form-encodes a key except for its slashes, as S3 does in notifications and listings.
pub(super) fn encode(key: &str) -> String {
    utf8_percent_encode(key, UNESCAPED).to_string().replace(' ', "+")
}

/// Returns a hexadecimal number that increases with every write. S3 guarantees this only for the writes of one key.
/// Like S3's, the number has no fixed length: before you compare two of them, append zeros to the shorter one.
fn sequencer() -> String {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let microseconds = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000;
    // The counter distinguishes writes in the same microsecond.
    let text = format!("{microseconds:016X}{:04X}", WRITES.fetch_add(1, Ordering::Relaxed) & 0xFFFF);
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_form_encoded_except_for_slashes() {
        assert_eq!(encode("写真 1+2%.jpg"), "%E5%86%99%E7%9C%9F+1%2B2%25.jpg");
        assert_eq!(encode("a/b (1).jpg"), "a/b+%281%29.jpg");
    }

    #[test]
    fn sequencers_increase_with_every_write() {
        let all: Vec<String> = (0..100).map(|_| sequencer()).collect();
        assert!(all.is_sorted() && all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
    }
}

//! S3 event notifications (Amazon S3 user guide, "Event message structure").

use model::{Change, Job, Location, Source};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::{Malformed, Told, is_from, read};

#[derive(Debug, Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

/// What is read of a record, and no more: other S3s, and what is made up for a backfill, have no requester nor time.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: Option<String>,
    s3: Entity,
}

#[derive(Debug, Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Bucket {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    key: Option<String>,
    version_id: Option<String>,
    e_tag: Option<String>,
    sequencer: Option<String>,
}

/// S3 sends this once when notifications are set up. It has no records.
pub(super) fn is_test(event: &Value) -> bool {
    event.get("Event").and_then(Value::as_str) == Some("s3:TestEvent")
}

/// Whether every record is from S3, or from a server that says the same in its own name: `minio:s3`, `ceph:s3`.
pub(super) fn is(event: &Value) -> bool {
    is_from(event, "eventSource", |source| source.ends_with(":s3"))
}

pub(super) fn told(event: &Value) -> Result<Told, Malformed> {
    let Notification { records } = read(event, "S3 notification")?;
    Ok(records.into_iter().map(job).collect())
}

/// Why a record becomes no job.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum Unusable {
    #[error(
        "event {0:?} asks for nothing known here; subscribe to s3:ObjectCreated:*, s3:ObjectRemoved:*, s3:LifecycleExpiration:* and s3:ObjectRestore:Completed"
    )]
    Name(String),
    #[error("key {0:?} is not form-encoded UTF-8")]
    Key(String),
    #[error("a record names no {0}")]
    Nameless(&'static str),
    #[error("invalid ETag {0:?}")]
    ETag(String),
}

fn job(record: Record) -> Result<Job, Unusable> {
    let name = record.event_name.unwrap_or_default();
    // MinIO and Ceph write the names as they are subscribed to, with s3: before them.
    let mut parts = name.strip_prefix("s3:").unwrap_or(&name).split(':');
    let change = match (parts.next(), parts.next()) {
        // An archived object can be read now.
        (Some("ObjectCreated"), _) | (Some("ObjectRestore"), Some("Completed")) => Change::Created,
        // Ceph calls the expiration by a lifecycle rule ObjectLifecycle:Expiration.
        (Some("ObjectRemoved" | "LifecycleExpiration"), _) | (Some("ObjectLifecycle"), Some("Expiration")) => {
            Change::Deleted
        }
        _ => return Err(Unusable::Name(name)),
    };
    let object = record.s3.object;
    let at = place(record.s3.bucket.name, object.key.as_deref().map(decode).transpose()?)?;
    Ok(Job { source: source(at, object.version_id, object.e_tag, object.sequencer.as_deref())?, change })
}

/// Where an object lies, if it has a name.
pub(super) fn place(bucket: Option<String>, key: Option<String>) -> Result<Location, Unusable> {
    let bucket = bucket.filter(|name| !name.is_empty()).ok_or(Unusable::Nameless("bucket"))?;
    let key = key.filter(|key| !key.is_empty()).ok_or(Unusable::Nameless("key"))?;
    Ok(Location { bucket, key })
}

/// What S3 says of an object's state.
pub(super) fn source(
    at: Location,
    version: Option<String>,
    etag: Option<String>,
    sequencer: Option<&str>,
) -> Result<Source, Unusable> {
    // A bucket whose versioning was suspended says "null".
    let version = version.filter(|version| !version.is_empty() && version != "null");
    let etag = etag.map(|etag| etag.trim_matches('"').to_owned()).filter(|etag| !etag.is_empty());
    // It goes into a header as it is.
    if let Some(etag) = etag.as_ref().filter(|etag| !etag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')) {
        return Err(Unusable::ETag(etag.clone()));
    }
    // It only orders events, and other servers have none, or one of their own kind: then what is stored decides.
    let sequencer = sequencer.and_then(|text| text.parse().ok());
    Ok(Source { at, version, etag, sequencer })
}

/// Keys come as a form would send them: `+` for a space, then percent-encoded UTF-8. The field named `urlDecodedKey`
/// is not S3's, and is never filled.
pub(super) fn decode(key: &str) -> Result<String, Unusable> {
    let spaced = key.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| Unusable::Key(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::event::{self, Batch};

    /// A notification as the user guide shows it.
    fn notification(name: &str, key: &str) -> Value {
        json!({"Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-west-2",
            "eventTime": "1970-01-01T00:00:00.000Z",
            "eventName": name,
            "userIdentity": {"principalId": "AIDAJDPLRKLG7UEXAMPLE"},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "testConfigRule",
                "bucket": {"name": "amzn-s3-demo-bucket", "ownerIdentity": {"principalId": "A3NL1KOZZKExample"}, "arn": "arn:aws:s3:::amzn-s3-demo-bucket"},
                "object": {"key": key, "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko", "sequencer": "0055AED6DCD90281E5"}
            }
        }]})
    }

    #[test]
    fn a_notification_becomes_a_job() {
        let Batch { jobs, .. } = event::jobs(&notification("ObjectCreated:Put", "HappyFace.jpg")).unwrap();
        let [job] = jobs.as_slice() else { panic!("{jobs:?}") };
        assert_eq!(job.change, Change::Created);
        assert_eq!(job.source.at.to_string(), "s3://amzn-s3-demo-bucket/HappyFace.jpg");
        assert_eq!(job.source.etag.as_deref(), Some("d41d8cd98f00b204e9800998ecf8427e"));
        assert_eq!(job.source.version.as_deref(), Some("096fKKXTRTtl3on89fVO.nfljtsv6qko"));
        assert_eq!(job.source.sequencer, "0055aed6dcd90281e5".parse().ok());
    }

    #[test]
    fn the_documented_event_is_understood() {
        let event: Value = serde_json::from_str(include_str!("../../event.json")).unwrap();
        assert_eq!(event::jobs(&event).unwrap().jobs[0].source.at.to_string(), "s3://photos/photo.jpg");
    }

    #[test]
    fn a_record_needs_no_more_than_is_read() {
        let s3 = json!({ "bucket": { "name": "photos" }, "object": { "key": "a.jpg" } });
        let record = json!({ "eventSource": "aws:s3", "eventName": "ObjectCreated:Backfill", "s3": s3 });
        let batch = event::jobs(&json!({ "Records": [record] })).unwrap();
        assert_eq!(batch.jobs[0].source.at.to_string(), "s3://photos/a.jpg");
        assert_eq!(batch.jobs[0].source.etag, None);
    }

    #[test]
    fn keys_are_form_encoded() {
        for (encoded, key) in [
            ("%E5%86%99%E7%9C%9F+1%2B2%25.jpg", "写真 1+2%.jpg"),
            ("a/b%2Fc.jpg", "a/b/c.jpg"),
            ("plain.jpg", "plain.jpg"),
            ("100%25%20sure.jpg", "100% sure.jpg"),
        ] {
            let batch = event::jobs(&notification("ObjectCreated:Put", encoded)).unwrap();
            assert_eq!(batch.jobs[0].source.at.key, key);
        }
        let batch = event::jobs(&notification("ObjectCreated:Put", "%FF.jpg")).unwrap();
        assert_eq!((batch.jobs.len(), batch.refused), (0, vec!["key \"%FF.jpg\" is not form-encoded UTF-8".into()]));
    }

    proptest! {
        #[test]
        fn any_key_survives_its_encoding(key in "\\PC{1,40}") {
            let encoded = percent_encoding::utf8_percent_encode(&key, percent_encoding::NON_ALPHANUMERIC).to_string();
            prop_assert_eq!(decode(&encoded.replace("%20", "+")), Ok(key));
        }

        #[test]
        fn no_text_for_a_key_panics(key in ".*") {
            let _ = event::jobs(&notification("ObjectCreated:Put", &key));
        }
    }

    #[test]
    fn other_servers_name_events_and_themselves_in_their_own_way() {
        for source in ["aws:s3", "minio:s3", "ceph:s3"] {
            for (name, change) in
                [("s3:ObjectCreated:Put", Change::Created), ("s3:ObjectRemoved:Delete", Change::Deleted)]
            {
                let mut event = notification(name, "a.jpg");
                event["Records"][0]["eventSource"] = source.into();
                assert_eq!(event::jobs(&event).unwrap().jobs[0].change, change, "{source} {name}");
            }
        }
    }

    #[test]
    fn completed_restore_converts_the_source() {
        let batch = event::jobs(&notification("ObjectRestore:Completed", "a.jpg")).unwrap();
        assert_eq!(batch.jobs[0].change, Change::Created);
        let batch = event::jobs(&notification("ObjectRestore:Post", "a.jpg")).unwrap();
        assert_eq!((batch.jobs.len(), batch.refused.len()), (0, 1));
    }

    #[test]
    fn sequencer_that_is_not_hexadecimal_is_treated_as_absent() {
        for text in ["", "Happy Sequencer"] {
            let mut event = notification("ObjectCreated:Put", "a.jpg");
            event["Records"][0]["s3"]["object"]["sequencer"] = text.into();
            assert_eq!(event::jobs(&event).unwrap().jobs[0].source.sequencer, None, "{text:?}");
        }
    }

    #[test]
    fn a_removal_is_a_removal() {
        for name in ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", "LifecycleExpiration:Delete"] {
            assert_eq!(event::jobs(&notification(name, "a.jpg")).unwrap().jobs[0].change, Change::Deleted);
        }
    }

    #[test]
    fn the_test_message_is_accepted_and_asks_for_nothing() {
        let message = json!({
            "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2014-10-13T15:57:02.089Z",
            "Bucket": "amzn-s3-demo-bucket", "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"
        });
        assert_eq!(event::jobs(&message).unwrap().jobs, []);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let unknown = event::jobs(&json!({"hello": 1, "world": 2})).unwrap_err().to_string();
        assert!(unknown.starts_with("unknown event with the fields \"hello\", \"world\"; understood are"), "{unknown}");
        assert!(
            event::jobs(&json!([])).is_err() && event::jobs(&json!(null)).is_err() && event::jobs(&json!({})).is_err()
        );
        let mut two = notification("ObjectTagging:Put", "a.jpg");
        let good = notification("ObjectCreated:Put", "b.jpg")["Records"][0].clone();
        two["Records"].as_array_mut().unwrap().push(good);
        let batch = event::jobs(&two).unwrap();
        assert_eq!(batch.jobs[0].source.at.key, "b.jpg", "its neighbor is unharmed");
        assert!(batch.refused[0].starts_with("event \"ObjectTagging:Put\" asks for nothing"), "{:?}", batch.refused);
        let mut nameless = notification("ObjectCreated:Put", "a.jpg");
        nameless["Records"][0]["s3"]["bucket"]["name"] = Value::Null;
        assert_eq!(event::jobs(&nameless).unwrap().refused, ["a record names no bucket"]);
    }
}

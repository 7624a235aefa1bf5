//! Tests the parser with complete events.

use model::Change;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Batch, ResponseFormat, parse_event};

/// Returns the example notification of the Amazon S3 user guide, with this event name and key.
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
fn notification_becomes_a_job() {
    let Batch { jobs, .. } = parse_event(&notification("ObjectCreated:Put", "HappyFace.jpg")).unwrap();
    let [job] = jobs.as_slice() else { panic!("{jobs:?}") };
    assert_eq!(job.change, Change::Created);
    assert_eq!(job.source.at.to_string(), "s3://amzn-s3-demo-bucket/HappyFace.jpg");
    assert_eq!(job.source.etag.as_deref(), Some("d41d8cd98f00b204e9800998ecf8427e"));
    assert_eq!(job.source.version.as_deref(), Some("096fKKXTRTtl3on89fVO.nfljtsv6qko"));
    assert_eq!(job.source.sequencer, "0055aed6dcd90281e5".parse().ok());
}

#[test]
fn example_event_is_parsed() {
    let event: Value = serde_json::from_str(include_str!("../../event.json")).unwrap();
    assert_eq!(parse_event(&event).unwrap().jobs[0].source.at.to_string(), "s3://photos/photo.jpg");
}

#[test]
fn record_with_only_the_required_fields_is_parsed() {
    let s3 = json!({ "bucket": { "name": "photos" }, "object": { "key": "a.jpg" } });
    let record = json!({ "eventSource": "aws:s3", "eventName": "ObjectCreated:Backfill", "s3": s3 });
    let batch = parse_event(&json!({ "Records": [record] })).unwrap();
    assert_eq!(batch.jobs[0].source.at.to_string(), "s3://photos/a.jpg");
    assert_eq!(batch.jobs[0].source.etag, None);
}

#[test]
fn keys_are_decoded_from_form_encoding() {
    for (encoded, key) in [
        ("%E5%86%99%E7%9C%9F+1%2B2%25.jpg", "写真 1+2%.jpg"),
        ("a/b%2Fc.jpg", "a/b/c.jpg"),
        ("plain.jpg", "plain.jpg"),
        ("100%25%20sure.jpg", "100% sure.jpg"),
    ] {
        let batch = parse_event(&notification("ObjectCreated:Put", encoded)).unwrap();
        assert_eq!(batch.jobs[0].source.at.key, key);
    }
    let batch = parse_event(&notification("ObjectCreated:Put", "%FF.jpg")).unwrap();
    assert_eq!((batch.jobs.len(), batch.rejected), (0, vec!["key \"%FF.jpg\" is not form-encoded UTF-8".into()]));
}

proptest! {
    #[test]
    fn any_key_text_is_parsed_or_rejected_without_a_panic(key in ".*") {
        let _ = parse_event(&notification("ObjectCreated:Put", &key));
    }
}

#[test]
fn notifications_of_other_s3_servers_are_parsed() {
    for source in ["aws:s3", "minio:s3", "ceph:s3"] {
        for (name, change) in [("s3:ObjectCreated:Put", Change::Created), ("s3:ObjectRemoved:Delete", Change::Deleted)]
        {
            let mut event = notification(name, "a.jpg");
            event["Records"][0]["eventSource"] = source.into();
            assert_eq!(parse_event(&event).unwrap().jobs[0].change, change, "{source} {name}");
        }
    }
}

#[test]
fn completed_restore_converts_the_source() {
    let batch = parse_event(&notification("ObjectRestore:Completed", "a.jpg")).unwrap();
    assert_eq!(batch.jobs[0].change, Change::Created);
    let batch = parse_event(&notification("ObjectRestore:Post", "a.jpg")).unwrap();
    assert_eq!((batch.jobs.len(), batch.rejected.len()), (0, 1));
}

#[test]
fn sequencer_that_is_not_hexadecimal_is_treated_as_absent() {
    for text in ["", "Happy Sequencer"] {
        let mut event = notification("ObjectCreated:Put", "a.jpg");
        event["Records"][0]["s3"]["object"]["sequencer"] = text.into();
        assert_eq!(parse_event(&event).unwrap().jobs[0].source.sequencer, None, "{text:?}");
    }
}

#[test]
fn removal_events_become_deletion_jobs() {
    for name in ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", "LifecycleExpiration:Delete"] {
        assert_eq!(parse_event(&notification(name, "a.jpg")).unwrap().jobs[0].change, Change::Deleted);
    }
}

#[test]
fn test_message_has_no_jobs() {
    let message = json!({
        "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2014-10-13T15:57:02.089Z",
        "Bucket": "amzn-s3-demo-bucket", "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"
    });
    assert_eq!(parse_event(&message).unwrap().jobs, []);
}

#[test]
fn unknown_event_is_an_error_and_unsupported_record_is_rejected() {
    let unknown = parse_event(&json!({"hello": 1, "world": 2})).unwrap_err().to_string();
    assert!(unknown.starts_with("unknown event with the fields \"hello\", \"world\"; supported are"), "{unknown}");
    assert!(parse_event(&json!([])).is_err() && parse_event(&json!(null)).is_err() && parse_event(&json!({})).is_err());
    let mut two = notification("ObjectTagging:Put", "a.jpg");
    let good = notification("ObjectCreated:Put", "b.jpg")["Records"][0].clone();
    two["Records"].as_array_mut().unwrap().push(good);
    let batch = parse_event(&two).unwrap();
    assert_eq!(batch.jobs[0].source.at.key, "b.jpg", "the other record is not affected");
    assert!(batch.rejected[0].starts_with("event \"ObjectTagging:Put\" is not supported"), "{:?}", batch.rejected);
    let mut nameless = notification("ObjectCreated:Put", "a.jpg");
    nameless["Records"][0]["s3"]["bucket"]["name"] = Value::Null;
    assert_eq!(parse_event(&nameless).unwrap().rejected, ["a record has no bucket"]);
}

#[test]
fn record_of_a_failed_invocation_becomes_the_jobs_of_the_failed_event() {
    let event: Value = serde_json::from_str(include_str!("../../event.json")).unwrap();
    let record = json!({
        "version": "1.0", "timestamp": "2019-11-14T18:16:05.568Z",
        "requestContext": { "requestId": "e4b46cbf", "functionArn": "arn", "condition": "RetriesExhausted", "approximateInvokeCount": 3 },
        "requestPayload": event,
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
        "responsePayload": { "errorMessage": "x" },
    });
    let by_eventbridge =
        json!({ "source": "lambda", "detail-type": "Lambda Function Invocation Result - Failure", "detail": record });
    let expected = parse_event(&event).unwrap();
    for record in [&record, &by_eventbridge] {
        assert_eq!(parse_event(record).unwrap(), expected);
        let body = record.to_string();
        let queued = json!({ "Records": [{ "messageId": "m", "eventSource": "aws:sqs", "body": body }] });
        let batch = parse_event(&queued).unwrap();
        assert_eq!(batch.jobs, expected.jobs);
        assert!(
            matches!(batch.response_format, ResponseFormat::BatchItemFailures(_)),
            "a failure returns the message to its queue"
        );
    }
}

#[test]
fn record_of_a_successful_invocation_is_rejected() {
    let event: Value = serde_json::from_str(include_str!("../../event.json")).unwrap();
    let record = json!({ "requestContext": { "condition": "Success" }, "requestPayload": event });
    let batch = parse_event(&record).unwrap();
    assert!(batch.jobs.is_empty() && batch.rejected[0].contains("successful"), "{:?}", batch.rejected);
}

#[test]
fn malformed_event_in_a_record_of_a_failed_invocation_is_an_error() {
    let record = json!({ "requestContext": {}, "requestPayload": { "hello": 1 } });
    let error = parse_event(&record).unwrap_err().to_string();
    assert!(error.starts_with("record of a failed invocation: requestPayload: unknown event"), "{error}");
}

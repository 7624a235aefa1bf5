//! Tests the events that AWS documents: the jobs in each event, and the response to each kind of event.

use function::event::{Batch, parse_event};
use image::ImageFormat;
use model::{Change, Outcome, Report, Timings};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::deployment::{Deployment, image};

/// Reads an example event from `tests/events`.
macro_rules! payload {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../events/", $name, ".json"))).unwrap()
    };
}

/// Describes each job in one line.
fn describe_jobs(batch: &Batch) -> Vec<String> {
    let short = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), |text| text.chars().take(8).collect());
    let describe = |job: &model::Job| {
        let change = if job.change == Change::Created { "created" } else { "deleted" };
        let sequencer = job.source.sequencer.clone().map(String::from);
        let sequencer = sequencer.as_deref().map_or("-", |text| &text[text.len() - 2..]);
        format!(
            "{change} {} etag {} version {} sequencer {sequencer}",
            job.source.at,
            short(job.source.etag.as_deref()),
            short(job.source.version.as_deref())
        )
    };
    batch.jobs.iter().map(describe).collect()
}

/// Builds the response to a batch in which the jobs with these indexes failed and all other jobs were skipped.
fn build_response(batch: &Batch, failed: &[usize]) -> Result<Value, String> {
    let report = |(index, job): (usize, &model::Job)| {
        let outcome = if failed.contains(&index) {
            Outcome::Failed { reason: "SlowDown".into() }
        } else {
            Outcome::Skipped { reason: "stored".into() }
        };
        Report { job: job.clone(), rule: None, outcome, timings: Timings::default() }
    };
    let reports: Vec<Report> = batch.jobs.iter().enumerate().map(report).collect();
    batch.response_format.build_response(&reports, &batch.rejected).map_err(|error| error.error_message)
}

#[test]
fn s3_notification_returns_reports_or_an_error() {
    let batch = parse_event(&payload!("s3")).unwrap();
    assert_eq!(
        describe_jobs(&batch),
        [
            "created s3://amzn-s3-demo-bucket/HappyFace.jpg etag d41d8cd9 version 096fKKXT sequencer E5",
            "created s3://amzn-s3-demo-bucket/写真 1+2%.jpg etag d41d8cd9 version - sequencer E6",
            "deleted s3://amzn-s3-demo-bucket/HappyFace.jpg etag d41d8cd9 version - sequencer E7",
            "deleted s3://amzn-s3-demo-bucket/old/a.jpg etag - version - sequencer E8",
        ]
    );
    assert!(batch.rejected[0].starts_with("event \"ObjectTagging:Put\" is not supported"), "{:?}", batch.rejected);
    let response = build_response(&batch, &[]).unwrap();
    assert_eq!(
        (response["reports"].as_array().unwrap().len(), response["rejected_records"].as_array().unwrap().len()),
        (4, 1)
    );
    let error = build_response(&batch, &[0, 3]).unwrap_err();
    assert_eq!(
        error,
        "2 of 4 failed: s3://amzn-s3-demo-bucket/HappyFace.jpg: SlowDown; s3://amzn-s3-demo-bucket/old/a.jpg: SlowDown"
    );
    assert_eq!(describe_jobs(&parse_event(&payload!("s3-test")).unwrap()), [""; 0]);
}

#[test]
fn sns_message_is_parsed_into_the_jobs_of_its_s3_notification() {
    let batch = parse_event(&payload!("sns")).unwrap();
    let job = "created s3://amzn-s3-demo-bucket/HappyFace.jpg etag d41d8cd9 version 096fKKXT sequencer E5";
    assert_eq!(describe_jobs(&batch), [job]);
    assert!(build_response(&batch, &[0]).is_err() && build_response(&batch, &[]).is_ok());
}

#[test]
fn keys_in_eventbridge_events_are_not_form_decoded() {
    let batch = parse_event(&payload!("eventbridge-created")).unwrap();
    let job = "created s3://amzn-s3-demo-bucket1/写真 1+2%.jpg etag b1946ac9 version IYV3p45B sequencer 89";
    assert_eq!(describe_jobs(&batch), [job]);
    assert!(build_response(&batch, &[0]).is_err() && build_response(&batch, &[]).is_ok());
    let batch = parse_event(&payload!("eventbridge-delete-marker")).unwrap();
    let job = "deleted s3://amzn-s3-demo-bucket1/example-key etag d41d8cd9 version 1QW9g1Z9 sequencer 6D";
    assert_eq!(describe_jobs(&batch), [job]);
    let batch = parse_event(&payload!("eventbridge-deleted")).unwrap();
    assert_eq!(describe_jobs(&batch), ["deleted s3://amzn-s3-demo-bucket1/example-key etag - version - sequencer 6E"]);
    let mut other = payload!("eventbridge-created");
    other["detail-type"] = "Object Tags Added".into();
    assert!(parse_event(&other).unwrap().rejected[0].contains("\"Object Tags Added\" is not supported"));
}

#[test]
fn sqs_response_contains_the_ids_of_failed_messages() {
    let batch = parse_event(&payload!("sqs")).unwrap();
    assert_eq!(
        describe_jobs(&batch),
        [
            "created s3://amzn-s3-demo-bucket/HappyFace.jpg etag d41d8cd9 version 096fKKXT sequencer E5",
            "created s3://amzn-s3-demo-bucket/写真 1+2%.jpg etag d41d8cd9 version - sequencer E6",
            "created s3://amzn-s3-demo-bucket/HappyFace.jpg etag d41d8cd9 version 096fKKXT sequencer E5",
            "created s3://amzn-s3-demo-bucket1/写真 1+2%.jpg etag b1946ac9 version IYV3p45B sequencer 89",
        ]
    );
    let failed = |ids: &[&str]| {
        let ids: Vec<Value> = ids.iter().map(|id| json!({ "itemIdentifier": id })).collect();
        Ok(json!({ "batchItemFailures": ids }))
    };
    // A malformed message fails at each delivery, so SQS finally moves it to the dead-letter queue. The test message of
    // S3 succeeds.
    let malformed = "7a1f2c3d-0001-4000-8000-000000000003";
    assert_eq!(build_response(&batch, &[]), failed(&[malformed]));
    assert!(batch.rejected[0].starts_with(&format!("message {malformed:?}: SQS message: body: expected")), "{batch:?}");
    // A message fails if one of its two jobs failed.
    assert_eq!(
        build_response(&batch, &[1, 2]),
        failed(&["059f36b4-87a3-44ab-83d2-661975830a7d", "2e1424d4-f796-459a-8184-9c92662be6da", malformed])
    );
}

#[test]
fn sqs_fifo_response_contains_a_failed_message_and_all_later_messages_of_its_group() {
    let batch = parse_event(&payload!("sqs-fifo")).unwrap();
    let failed = |failed: &[usize]| {
        let response = build_response(&batch, failed).unwrap();
        let ids = response["batchItemFailures"].as_array().unwrap().clone();
        ids.iter().map(|id| id["itemIdentifier"].as_str().unwrap().chars().last().unwrap()).collect::<String>()
    };
    assert_eq!(
        (failed(&[]), failed(&[0]), failed(&[1]), failed(&[2])),
        (String::new(), "56".into(), "6".into(), "7".into())
    );
}

#[test]
fn s3_batch_operations_response_has_a_result_for_each_task() {
    let batch = parse_event(&payload!("s3-batch-1")).unwrap();
    // The job does not contain the version of the task, because the function reads only the current version.
    assert_eq!(
        describe_jobs(&batch),
        ["created s3://awsexamplebucket/customerImage1.jpg etag - version - sequencer -"]
    );
    let result = build_response(&batch, &[0]).unwrap();
    assert_eq!(
        result,
        json!({
            "invocationSchemaVersion": "1.0",
            "treatMissingKeysAs": "TemporaryFailure",
            "invocationId": "YXNkbGZqYWRmaiBhc2RmdW9hZHNmZGpmaGFzbGtkaGZza2RmaAo",
            "results": [{ "taskId": "dGFza2lkZ29lc2hlcmUK", "resultCode": "TemporaryFailure", "resultString": "SlowDown" }],
        })
    );
    let batch = parse_event(&payload!("s3-batch-2")).unwrap();
    assert_eq!(describe_jobs(&batch), ["created s3://amzn-s3-demo-bucket/写真 1+2%.jpg etag - version - sequencer -"]);
    let result = build_response(&batch, &[]).unwrap();
    assert_eq!(result["invocationSchemaVersion"], "2.0");
    assert_eq!(result["results"][0]["resultCode"], "Succeeded");
    assert_eq!(result["results"][1]["resultCode"], "PermanentFailure");
    assert_eq!(result["results"][1]["resultString"], "key \"%FF.jpg\" is not form-encoded UTF-8");
    let mut newer = payload!("s3-batch-2");
    newer["invocationSchemaVersion"] = "3.0".into();
    let error = parse_event(&newer).unwrap_err().to_string();
    assert_eq!(error, "S3 Batch Operations: invocationSchemaVersion: \"3.0\" is none of 1.0, 2.0");
}

#[test]
fn direct_invocation_returns_its_report() {
    let batch = parse_event(&payload!("direct")).unwrap();
    assert_eq!(describe_jobs(&batch), ["created s3://amzn-s3-demo-bucket/写真 1+2%.jpg etag - version - sequencer -"]);
    assert_eq!(build_response(&batch, &[]).unwrap()["outcome"], "skipped");
    assert!(build_response(&batch, &[0]).is_err());
    let error = parse_event(&json!({"bucket": "b", "key": "k", "widths": 5})).unwrap_err().to_string();
    assert!(
        error.starts_with("direct invocation: widths: unknown field `widths`, expected `bucket` or `key`"),
        "{error}"
    );
}

#[test]
fn error_of_a_malformed_event_names_the_field() {
    let error = |event: &Value| parse_event(event).unwrap_err().to_string();
    let mut event = payload!("s3");
    event["Records"][1]["s3"]["object"]["key"] = 5.into();
    assert!(
        error(&event).starts_with("S3 notification: Records[1].s3.object.key: invalid type: integer `5`"),
        "{}",
        error(&event)
    );
    let mut event = payload!("eventbridge-created");
    event["detail"]["object"]["key"] = Value::Null;
    assert!(
        error(&event).starts_with("EventBridge event from aws.s3: detail.object.key: invalid type: null"),
        "{}",
        error(&event)
    );
    event["source"] = "aws.ec2".into();
    assert!(error(&event).contains(" from \"aws.ec2\"; supported are S3 notifications"), "{}", error(&event));
    let mut mixed = payload!("sqs");
    mixed["Records"][0]["eventSource"] = "aws:kinesis".into();
    assert!(
        error(&mixed).starts_with("unknown event with the fields \"Records\" from \"aws:kinesis\""),
        "{}",
        error(&mixed)
    );
    let long = json!({ "x".repeat(10_000): 1 });
    assert!(error(&long).len() < 500);
}

/// Generates arbitrary JSON, often with the field names and values of real events.
fn arbitrary_event() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::sample::select(vec![
            "aws:s3",
            "aws:sqs",
            "aws:sns",
            "aws.s3",
            "Object Created",
            "Notification",
            "1.0",
            "{}",
            "[]"
        ])
        .prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "Records",
        "eventSource",
        "EventSource",
        "source",
        "detail-type",
        "detail",
        "object",
        "bucket",
        "key",
        "s3",
        "body",
        "Sns",
        "Message",
        "Type",
        "TopicArn",
        "tasks",
        "taskId",
        "s3Key",
        "s3BucketArn",
        "invocationSchemaVersion",
        "invocationId",
        "attributes",
        "messageId",
        "eventName",
        "name",
    ]);
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_event_does_not_cause_a_panic(event in arbitrary_event()) {
        if let Ok(batch) = parse_event(&event) {
            let _ = build_response(&batch, &[0]);
        }
    }

    #[test]
    fn any_key_is_parsed_from_every_kind_of_event(key in "\\PC{1,40}") {
        let encoded = percent_encoding::utf8_percent_encode(&key, percent_encoding::NON_ALPHANUMERIC).to_string();
        let mut s3 = payload!("s3");
        s3["Records"][0]["s3"]["object"]["key"] = encoded.as_str().into();
        let mut sns = payload!("sns");
        sns["Records"][0]["Sns"]["Message"] = s3.to_string().into();
        let mut sqs = payload!("sqs");
        sqs["Records"][0]["body"] = s3.to_string().into();
        let mut eventbridge = payload!("eventbridge-created");
        eventbridge["detail"]["object"]["key"] = key.as_str().into();
        let mut batch_operation = payload!("s3-batch-1");
        batch_operation["tasks"][0]["s3Key"] = encoded.as_str().into();
        let direct = json!({ "bucket": "photos", "key": key });
        for event in [s3, sns, sqs, eventbridge, batch_operation, direct] {
            prop_assert_eq!(&parse_event(&event).unwrap().jobs[0].source.at.key, &key);
        }
    }
}

/// Returns an SQS message that contains the event of a created object.
fn message(id: &str, key: &str, group: Option<&str>) -> Value {
    let mut message = payload!("sqs")["Records"][0].clone();
    let mut body = payload!("eventbridge-created");
    body["detail"] = json!({ "bucket": { "name": "photos" }, "object": { "key": key } });
    message["messageId"] = id.into();
    message["body"] = body.to_string().into();
    message["attributes"]["MessageGroupId"] = group.into();
    if group.is_none() {
        message["attributes"] = json!({});
    }
    message
}

#[tokio::test]
async fn malformed_message_does_not_fail_the_other_messages_of_its_batch() {
    let mut deployment = Deployment::without_events(&[("AVIF_OUTPUT_BUCKET", "cdn")]).await;
    deployment.put_source("写真 1+2%.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.put_source("b.jpg", b"broken").await;
    let mut malformed = message("3", "a.png", None);
    malformed["body"] = "{".into();
    let messages =
        [message("1", "写真 1+2%.png", None), message("2", "b.jpg", None), malformed, message("4", "gone.png", None)];
    let response = deployment.lambda.invoke(json!({ "Records": messages })).await.result.unwrap();
    // Only the malformed message is delivered again. A retry cannot help for a broken image or for a source that does
    // not exist.
    assert_eq!(response, json!({ "batchItemFailures": [{ "itemIdentifier": "3" }] }));
    assert_eq!(deployment.list_keys("cdn").await, ["写真 1+2%.png.avif"]);
}

#[tokio::test]
async fn response_of_a_batch_without_a_success_contains_every_message_id() {
    let mut deployment = Deployment::without_events(&[("AVIF_OUTPUT_BUCKET", "missing")]).await;
    for key in ["a.png", "b.png"] {
        deployment.put_source(key, &image(ImageFormat::Png, 90, 60)).await;
    }
    let messages =
        [message("1", "a.png", Some("g")), message("2", "folder/", Some("g")), message("3", "b.png", Some("h"))];
    let response = deployment.lambda.invoke(json!({ "Records": messages })).await.result.unwrap();
    let failed = ["1", "2", "3"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(response, json!({ "batchItemFailures": failed }));
}

#[tokio::test]
async fn s3_batch_operations_converts_existing_objects() {
    let mut deployment = Deployment::without_events(&[]).await;
    deployment.put_source("a 1.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.put_source("b.jpg", b"broken").await;
    let task = |key: &str| json!({ "taskId": key, "s3Key": key, "s3VersionId": null, "s3Bucket": "photos" });
    let mut event = payload!("s3-batch-2");
    event["tasks"] = json!([task("a+1.png"), task("b.jpg"), task("gone.jpg"), task("a+1.png")]);
    let response = deployment.lambda.invoke(event).await.result.unwrap();
    let results: Vec<_> = response["results"].as_array().unwrap().iter().map(|result| &result["resultCode"]).collect();
    assert_eq!(results, ["Succeeded", "PermanentFailure", "PermanentFailure", "Succeeded"]);
    assert_eq!(response["results"][0]["resultString"], "converted: s3://photos/a 1.png.avif");
    assert_eq!(response["results"][3]["resultString"], "skipped: its variants are stored already");
    assert!(response["results"][2]["resultString"].as_str().unwrap().contains("s3://photos/gone.jpg does not exist"));
}

#[tokio::test]
async fn direct_invocation_converts_one_image() {
    let mut deployment = Deployment::without_events(&[]).await;
    deployment.put_source("写真 1+2%.png", &image(ImageFormat::Png, 90, 60)).await;
    let response =
        deployment.lambda.invoke(json!({ "bucket": "photos", "key": "写真 1+2%.png" })).await.result.unwrap();
    assert_eq!(
        (&response["outcome"], &response["variants"][0]["at"]["key"]),
        (&json!("converted"), &json!("写真 1+2%.png.avif"))
    );
}

#[tokio::test]
async fn control_characters_of_a_key_are_escaped_in_the_text_log() {
    let deployment = Deployment::without_events(&[("AWS_LAMBDA_LOG_FORMAT", "Text")]).await;
    let key = "a.jpg\n2026-01-01T00:00:00Z ERROR forged\u{1b}[2J";
    deployment.lambda.invoke(json!({ "bucket": "photos", "key": key })).await.result.unwrap();
    let mut log = deployment.log;
    deployment.lambda.stop().await;
    let lines: Vec<String> = std::iter::from_fn(|| log.try_recv().ok()).collect();
    assert!(lines.iter().any(|line| line.contains(r"a.jpg\n2026-01-01T00:00:00Z ERROR forged\u{1b}[2J")), "{lines:?}");
    assert!(
        !lines.iter().any(|line| line.starts_with("2026-01-01T00:00:00Z ERROR") || line.contains('\u{1b}')),
        "{lines:?}"
    );
}

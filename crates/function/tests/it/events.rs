//! Tests events with several records, retries of failed events, and the log lines of an event.

use image::ImageFormat;
use model::Outcome;
use serde_json::{Value, json};

use crate::deployment::{Deployment, image};
use crate::notification;

fn record(key: &str) -> Value {
    notification::record("ObjectCreated:Put", &json!({"key": key, "size": 1}))
}

#[tokio::test]
async fn s3_test_message_is_accepted() {
    let deployment = Deployment::with_events(&[]).await;
    let message = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "photos"});
    assert_eq!(deployment.lambda.invoke(message).await.result.unwrap(), json!({"reports": []}));
}

#[tokio::test]
async fn unknown_event_is_an_error_that_names_its_fields() {
    let deployment = Deployment::with_events(&[]).await;
    let error = deployment.lambda.invoke(json!({"detail-type": "x"})).await.result.unwrap_err();
    assert_eq!(error.error_type, "Malformed");
    assert!(error.error_message.contains("\"detail-type\""), "{error}");
}

#[tokio::test]
async fn reports_have_the_order_of_the_records() {
    let mut deployment = Deployment::with_events(&[]).await;
    deployment.put_and_wait("a.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.put_and_wait("b.jpg", b"broken").await;
    let records = [record("gone.jpg"), record("b.jpg"), record("a.png"), record("folder/")];
    let response = deployment.lambda.invoke(json!({ "Records": records })).await.result.unwrap();
    let outcomes: Vec<_> = response["reports"].as_array().unwrap().iter().map(|report| &report["outcome"]).collect();
    // The source a.png is skipped, because the function converted it when the test uploaded it.
    assert_eq!(outcomes, ["rejected", "rejected", "skipped", "skipped"]);
}

#[tokio::test]
async fn failed_image_is_retried_and_named_in_the_error() {
    let mut deployment = Deployment::with_events(&[("AVIF_OUTPUT_BUCKET", "missing")]).await;
    let invocation = deployment.put_and_wait("a.png", &image(ImageFormat::Png, 90, 60)).await;
    assert_eq!(invocation.failed_attempts.len(), 2);
    let error = invocation.last_attempt.result.unwrap_err();
    assert!(
        error.error_message.starts_with(
            "1 of 1 failed: s3://photos/a.png: cannot write s3://missing/a.png.avif: PutObject: 404 NoSuchBucket"
        ),
        "{error}"
    );
}

#[tokio::test]
async fn each_job_writes_one_log_line() {
    let mut deployment = Deployment::with_events(&[]).await;
    deployment.put_and_wait("a.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.invocations.recv().await.unwrap();
    deployment.put_and_wait("b.jpg", b"broken").await;
    deployment.lambda.stop().await;
    let lines = deployment.take_report_lines();
    let outcomes: Vec<_> = lines.iter().map(|line| (&line["level"], &line["report"]["outcome"])).collect();
    assert_eq!(
        outcomes,
        [
            (&json!("INFO"), &json!("converted")),
            (&json!("INFO"), &json!("skipped")),
            (&json!("WARN"), &json!("rejected"))
        ]
    );
    assert!(lines[0]["report"]["timings"]["encode_ms"].as_f64().unwrap() > 0.0, "{}", lines[0]);
    assert!(lines[0]["request_id"].is_string() && lines[0]["timestamp"].is_string(), "{}", lines[0]);
    if cfg!(target_os = "linux") {
        assert!(lines[0]["peak_memory_mib"].as_u64().unwrap() > 0);
    }
}

#[tokio::test]
async fn each_rejected_record_writes_one_log_line() {
    let mut deployment = Deployment::without_events(&[]).await;
    let other = notification::record("ObjectTagging:Put", &json!({"key": "a.jpg", "size": 1}));
    let response = deployment.lambda.invoke(json!({ "Records": [record("%FF.jpg"), other] })).await.result.unwrap();
    assert_eq!(response["rejected_records"].as_array().unwrap().len(), 2);
    let task = json!({ "taskId": "t", "s3Key": "%FE.jpg", "s3Bucket": "photos" });
    let batch_operation = json!({ "invocationSchemaVersion": "2.0", "invocationId": "i", "tasks": [task] });
    let response = deployment.lambda.invoke(batch_operation).await.result.unwrap();
    assert_eq!(response["results"][0]["resultCode"], "PermanentFailure");
    deployment.lambda.stop().await;

    let lines: Vec<Value> =
        deployment.take_log_lines().iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect();
    let rejected: Vec<_> = lines.iter().filter(|line| line["record"]["outcome"] == "rejected").collect();
    let reasons: Vec<_> = rejected.iter().map(|line| line["record"]["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        [
            "key \"%FF.jpg\" is not form-encoded UTF-8",
            "event \"ObjectTagging:Put\" is not supported; subscribe to s3:ObjectCreated:*, s3:ObjectRemoved:*, \
             s3:LifecycleExpiration:* and s3:ObjectRestore:Completed",
            "task \"t\": key \"%FE.jpg\" is not form-encoded UTF-8",
        ]
    );
    for line in rejected {
        assert!(line["level"] == "WARN" && line["request_id"].is_string(), "{line}");
        assert_eq!(line["message"], format!("rejected a record: {}", line["record"]["reason"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn image_that_cannot_be_converted_before_the_deadline_is_not_started() {
    // According to the estimate from the header, 25 megapixels at speed 0 take longer than a minute.
    let mut deployment = Deployment::with_events(&[("AVIF_SPEED", "0"), ("AVIF_MAX_SECONDS", "900")]).await;
    let black = image::GrayImage::new(5000, 5000);
    let mut bytes = std::io::Cursor::new(vec![]);
    black.write_to(&mut bytes, ImageFormat::Png).unwrap();
    let invocation = deployment.put_and_wait("large.png", bytes.get_ref()).await;
    let error = invocation.last_attempt.result.unwrap_err();
    assert!(error.error_message.contains("are left before the deadline"), "{error}");

    // An image that exceeds the limit on CPU time is rejected and not retried, because the retry would have the same
    // limit.
    let mut deployment = Deployment::with_events(&[("AVIF_SPEED", "0"), ("AVIF_MAX_SECONDS", "200")]).await;
    let report = deployment.put_and_get_report("large.png", bytes.get_ref()).await;
    let Outcome::Rejected { reason } = report.outcome else { panic!("{report:?}") };
    assert!(reason.contains("takes about 250.0 s, more than the 200 s of CPU time"), "{reason}");
}

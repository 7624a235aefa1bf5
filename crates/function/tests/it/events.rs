use image::ImageFormat;
use model::Outcome;
use serde_json::{Value, json};

use crate::deployment::{Deployment, image};
use crate::notification;

fn record(key: &str) -> Value {
    notification::record("ObjectCreated:Put", &json!({"key": key, "size": 1}))
}

#[tokio::test]
async fn the_test_message_is_accepted() {
    let house = Deployment::with(&[]).await;
    let message = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "photos"});
    assert_eq!(house.lambda.invoke(message).await.result.unwrap(), json!({"reports": []}));
}

#[tokio::test]
async fn an_unknown_event_is_an_error_that_names_what_was_seen() {
    let house = Deployment::with(&[]).await;
    let error = house.lambda.invoke(json!({"detail-type": "x"})).await.result.unwrap_err();
    assert_eq!(error.error_type, "Malformed");
    assert!(error.error_message.contains("\"detail-type\""), "{error}");
}

#[tokio::test]
async fn every_record_of_an_event_is_reported_in_order() {
    let mut house = Deployment::with(&[]).await;
    house.put("a.png", &image(ImageFormat::Png, 90, 60)).await;
    house.put("b.jpg", b"broken").await;
    let records = [record("gone.jpg"), record("b.jpg"), record("a.png"), record("folder/")];
    let answer = house.lambda.invoke(json!({ "Records": records })).await.result.unwrap();
    let outcomes: Vec<_> = answer["reports"].as_array().unwrap().iter().map(|report| &report["outcome"]).collect();
    // The image was converted when it was put.
    assert_eq!(outcomes, ["rejected", "rejected", "skipped", "skipped"]);
}

#[tokio::test]
async fn what_a_retry_may_help_is_retried_and_named() {
    let mut house = Deployment::with(&[("AVIF_OUTPUT_BUCKET", "missing")]).await;
    let delivery = house.put("a.png", &image(ImageFormat::Png, 90, 60)).await;
    assert_eq!(delivery.retried.len(), 2);
    let error = delivery.last.result.unwrap_err();
    assert!(
        error.error_message.starts_with(
            "1 of 1 failed: s3://photos/a.png: cannot write s3://missing/a.png.avif: PutObject: 404 NoSuchBucket"
        ),
        "{error}"
    );
}

#[tokio::test]
async fn every_job_has_one_line_in_the_log() {
    let mut house = Deployment::with(&[]).await;
    house.put("a.png", &image(ImageFormat::Png, 90, 60)).await;
    house.deliveries.recv().await.unwrap();
    house.put("b.jpg", b"broken").await;
    house.lambda.stop().await;
    let lines = house.report_lines();
    let seen: Vec<_> = lines.iter().map(|line| (&line["level"], &line["report"]["outcome"])).collect();
    assert_eq!(
        seen,
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
async fn rejected_records_can_be_counted_in_the_log() {
    let mut house = Deployment::untold(&[]).await;
    let other = notification::record("ObjectTagging:Put", &json!({"key": "a.jpg", "size": 1}));
    let answer = house.lambda.invoke(json!({ "Records": [record("%FF.jpg"), other] })).await.result.unwrap();
    assert_eq!(answer["rejected_records"].as_array().unwrap().len(), 2);
    let task = json!({ "taskId": "t", "s3Key": "%FE.jpg", "s3Bucket": "photos" });
    let call = json!({ "invocationSchemaVersion": "2.0", "invocationId": "i", "tasks": [task] });
    let answer = house.lambda.invoke(call).await.result.unwrap();
    assert_eq!(answer["results"][0]["resultCode"], "PermanentFailure");
    house.lambda.stop().await;

    let lines: Vec<Value> = house.lines().iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect();
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
async fn a_image_that_cannot_be_done_in_time_is_not_begun() {
    // A minute for 25 megapixels at speed 0 is not enough; the header alone tells.
    let mut house = Deployment::with(&[("AVIF_SPEED", "0"), ("AVIF_MAX_SECONDS", "900")]).await;
    let black = image::GrayImage::new(5000, 5000);
    let mut bytes = std::io::Cursor::new(vec![]);
    black.write_to(&mut bytes, ImageFormat::Png).unwrap();
    let delivery = house.put("large.png", bytes.get_ref()).await;
    let error = delivery.last.result.unwrap_err();
    assert!(error.error_message.contains("are left before the deadline"), "{error}");

    // No retry has more CPU time than the limit.
    let mut house = Deployment::with(&[("AVIF_SPEED", "0"), ("AVIF_MAX_SECONDS", "200")]).await;
    let report = house.report_of("large.png", bytes.get_ref()).await;
    let Outcome::Rejected { reason } = report.outcome else { panic!("{report:?}") };
    assert!(reason.contains("takes about 250.0 s, more than the 200 s of CPU time"), "{reason}");
}

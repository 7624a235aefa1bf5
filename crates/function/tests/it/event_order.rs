//! Tests events that arrive late, that arrive twice, or that arrive after their source was deleted.

use std::time::Duration;

use emulator::{Faults, InjectedResponse, Lambda};
use image::ImageFormat;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::sleep;

use crate::bootstrap::function;
use crate::deployment::{Deployment, image, outcome_and_reason};
use crate::notification::record;

/// Returns an event of this source. If there is an ETag, the source was created. If the ETag is `None`, the source was
/// deleted.
pub(crate) fn event(key: &str, etag: Option<&str>, sequencer: &str) -> Value {
    let name = if etag.is_some() { "ObjectCreated:Put" } else { "ObjectRemoved:Delete" };
    json!({"Records": [record(name, &json!({"key": key, "eTag": etag, "sequencer": sequencer}))]})
}

impl Deployment {
    /// Sends an event with one record. Returns the outcome and the reason in the report.
    pub(crate) async fn send_event(&self, event: Value) -> (String, String) {
        self.invoke_with_s3_responses(vec![], event).await
    }

    /// Puts a source without waiting for an event. Returns its ETag.
    pub(crate) async fn put_source(&mut self, key: &str, bytes: &[u8]) -> String {
        let put = self.s3.put_object().bucket("photos").key(key).body(bytes.to_vec().into()).send();
        put.await.unwrap().e_tag.unwrap().trim_matches('"').to_owned()
    }

    /// Returns the source ETag from the provenance of a variant, or `None` if the variant does not exist.
    async fn read_source_etag(&self, key: &str) -> Option<String> {
        let head = self.s3.head_object().bucket("photos").key(key).send().await.ok()?;
        head.metadata?.remove("avif-source-etag")
    }
}

#[tokio::test]
async fn event_of_a_replaced_source_is_skipped() {
    let mut deployment = Deployment::without_events(&[]).await;
    let old = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let new = deployment.put_source("a.png", &image(ImageFormat::Png, 91, 60)).await;
    let (outcome, reason) = deployment.send_event(event("a.png", Some(&old), "01")).await;
    assert!(outcome == "skipped" && reason.contains("superseded: a newer version"), "{outcome}: {reason}");
    assert_eq!(deployment.read_source_etag("a.png.avif").await, None);
    assert_eq!(deployment.send_event(event("a.png", Some(&new), "02")).await.0, "converted");
    // The event of the old source is delivered again after the event of the new source.
    let (outcome, reason) = deployment.send_event(event("a.png", Some(&old), "01")).await;
    assert!(outcome == "skipped" && reason.contains("created from a newer version"), "{outcome}: {reason}");
    assert_eq!(deployment.read_source_etag("a.png.avif").await, Some(new));
}

#[tokio::test]
async fn source_that_returns_to_earlier_content_is_converted_again() {
    let mut deployment = Deployment::without_events(&[]).await;
    let original = image(ImageFormat::Png, 90, 60);
    let first = deployment.put_source("a.png", &original).await;
    deployment.send_event(event("a.png", Some(&first), "01")).await;
    let second = deployment.put_source("a.png", &image(ImageFormat::Png, 91, 60)).await;
    deployment.send_event(event("a.png", Some(&second), "02")).await;
    assert_eq!(deployment.put_source("a.png", &original).await, first);
    // The second event is delivered again before the third event. The job of the second event replaces the variant that
    // this job wrote before with a variant of the current source.
    assert_eq!(deployment.send_event(event("a.png", Some(&second), "02")).await.0, "converted");
    assert_eq!(deployment.read_source_etag("a.png.avif").await, Some(first.clone()));
    assert_eq!(deployment.send_event(event("a.png", Some(&first), "03")).await.0, "skipped");
}

#[tokio::test]
async fn deleted_source_deletes_its_outputs() {
    let mut deployment = Deployment::with_events(&[("AVIF_SIZES", "full,50")]).await;
    deployment.put_and_get_report("a.png", &image(ImageFormat::Png, 90, 60)).await;
    for _ in 0..3 {
        deployment.invocations.recv().await.unwrap();
    }
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let response = deployment.invocations.recv().await.unwrap().last_attempt.result.unwrap();
    assert_eq!(response["reports"][0]["outcome"], "deleted", "{response}");
    // The function deletes the manifest before the variants, so that the manifest never lists a deleted variant.
    let keys: Vec<_> = response["reports"][0]["outputs"].as_array().unwrap().iter().map(|at| &at["key"]).collect();
    assert_eq!(keys, ["a.png.avif.json", "a.png.avif", "a.png.w50.avif"]);
    assert_eq!(deployment.list_keys("photos").await, [""; 0]);
    let (outcome, reason) = deployment.send_event(event("a.png", None, "FF")).await;
    assert!(outcome == "skipped" && reason.contains("has no variants"), "{outcome}: {reason}");
}

#[tokio::test]
async fn deleted_source_deletes_its_outputs_of_earlier_settings() {
    let earlier =
        [("AVIF_SIZES", "full,50,40x40:cover"), ("AVIF_FORMATS", "avif,webp"), ("AVIF_OUTPUT_PREFIX", "small/")];
    let mut deployment = Deployment::without_events(&earlier).await;
    // The second source has the key of the first one as a prefix.
    for key in ["a.png", "a.png.png"] {
        let etag = deployment.put_source(key, &image(ImageFormat::Png, 90, 60)).await;
        assert_eq!(deployment.send_event(event(key, Some(&etag), "01")).await.0, "converted");
    }
    deployment.put_source("small/a.png.w9.avif", b"uploaded by hand").await;
    let mut kept = deployment.list_keys("photos").await;
    kept.retain(|key| key.starts_with("small/a.png.png") || key.starts_with("a.png.png") || key.contains(".w9."));
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();

    let mut environment = deployment.environment.clone();
    environment
        .extend([("AVIF_SIZES", "50"), ("AVIF_FORMATS", "avif")].map(|(name, value)| (name.into(), value.into())));
    let lambda = Lambda::new(function(environment), unbounded_channel().0);
    let response = lambda.invoke(event("a.png", None, "02")).await.result.unwrap();
    let outputs = response["reports"][0]["outputs"].as_array().unwrap();
    assert_eq!(outputs.len(), 7, "{response}");
    assert_eq!(deployment.list_keys("photos").await, kept);
    let (outcome, reason) = outcome_and_reason(lambda.invoke(event("a.png", None, "03")).await.result);
    assert!(outcome == "skipped" && reason.contains("has no variants"), "{outcome}: {reason}");
}

/// The role has no permission for a format that was removed from the settings.
#[tokio::test]
async fn unreadable_output_of_earlier_settings_does_not_keep_the_others() {
    let settings = [("AVIF_FORMATS", "avif,webp"), ("AVIF_OUTPUT_PREFIX", "small/")];
    let mut deployment = Deployment::without_events(&settings).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.send_event(event("a.png", Some(&etag), "01")).await;
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let faults = Faults::none();
    let (endpoint, _) = deployment.server.open_endpoint(faults.clone()).await.unwrap();
    let mut environment = deployment.environment.clone();
    environment.extend(
        [("AVIF_FORMATS", "avif".into()), ("AWS_ENDPOINT_URL_S3", endpoint.url())]
            .map(|(name, value)| (name.into(), value)),
    );
    let (lines, mut log) = unbounded_channel();
    let lambda = Lambda::new(function(environment), lines);
    faults.inject(vec![InjectedResponse::access_denied("HeadObject", "small/a.png.avif.webp")]);
    assert_eq!(outcome_and_reason(lambda.invoke(event("a.png", None, "02")).await.result).0, "deleted");
    assert_eq!(deployment.list_keys("photos").await, ["small/a.png.avif.webp"]);
    let log: Vec<String> = std::iter::from_fn(|| log.try_recv().ok()).collect();
    let is_warning = |line: &&String| line.contains("s3://photos/small/a.png.avif.webp") && line.contains("WARN");
    assert!(log.iter().any(|line| is_warning(&line)), "{log:?}");

    // The role may not list the bucket.
    faults.inject(vec![InjectedResponse::access_denied("ListObjectsV2", "")]);
    assert_eq!(outcome_and_reason(lambda.invoke(event("a.png", Some("x"), "03")).await.result).0, "skipped");
}

/// The source is uploaded again while the job of its deletion lists its outputs of earlier settings.
#[tokio::test]
async fn outputs_of_earlier_settings_are_kept_if_the_source_exists_again() {
    let mut deployment = Deployment::without_events(&[("AVIF_SIZES", "50")]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.send_event(event("a.png", Some(&etag), "01")).await;
    let faults = Faults::none();
    let (endpoint, _) = deployment.server.open_endpoint(faults.clone()).await.unwrap();
    let mut environment = deployment.environment.clone();
    environment.extend(
        [("AVIF_SIZES", "full".into()), ("AWS_ENDPOINT_URL_S3", endpoint.url())]
            .map(|(name, value)| (name.into(), value)),
    );
    let lambda = Lambda::new(function(environment), unbounded_channel().0);
    // S3 answers that the source does not exist, and then that it does.
    faults.inject(vec![InjectedResponse::new("GetObject", "a.png", 404, "NoSuchKey")]);
    outcome_and_reason(lambda.invoke(event("a.png", None, "02")).await.result);
    assert!(deployment.list_keys("photos").await.contains(&"a.png.w50.avif".to_owned()));
}

#[tokio::test]
async fn redelivered_event_deletes_a_variant_that_its_killed_job_wrote_with_earlier_settings() {
    let mut deployment = Deployment::without_events(&[("AVIF_SIZES", "50")]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    // The job of the event is killed after it wrote the variant. Then the source is deleted, and the settings change.
    deployment.send_event(event("a.png", Some(&etag), "01")).await;
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let mut environment = deployment.environment.clone();
    environment.insert("AVIF_SIZES".into(), "full".into());
    let lambda = Lambda::new(function(environment), unbounded_channel().0);
    let send = async |etag: &str| outcome_and_reason(lambda.invoke(event("a.png", Some(etag), "01")).await.result);
    assert_eq!(send("unrelated").await.0, "skipped");
    assert_eq!(send(&etag).await.0, "deleted");
    assert_eq!(deployment.list_keys("photos").await, [""; 0]);
}

#[tokio::test]
async fn late_deletion_event_keeps_the_variants_of_a_newer_source() {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.send_event(event("a.png", Some(&etag), "03")).await;
    let (outcome, reason) = deployment.send_event(event("a.png", None, "02")).await;
    assert!(outcome == "skipped" && reason.contains("created from a newer version"), "{outcome}: {reason}");
    // An event without a sequencer cannot be ordered, so the job only compares the stored outputs with the current
    // source.
    let mut unordered = event("a.png", None, "02");
    unordered["Records"][0]["s3"]["object"]["sequencer"] = Value::Null;
    let (outcome, reason) = deployment.send_event(unordered).await;
    assert!(outcome == "skipped" && reason.contains("stored already"), "{outcome}: {reason}");
    assert_eq!(deployment.read_source_etag("a.png.avif").await, Some(etag));
}

#[tokio::test]
async fn outputs_of_a_deleted_source_are_kept_if_follow_removals_is_false() {
    let mut deployment = Deployment::without_events(&[("AVIF_FOLLOW_REMOVALS", "false")]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.send_event(event("a.png", Some(&etag), "01")).await;
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    assert_eq!(deployment.send_event(event("a.png", None, "02")).await.0, "skipped");
    assert_eq!(deployment.list_keys("photos").await, ["a.png.avif"]);
}

#[tokio::test]
async fn event_of_a_deleted_source_is_skipped() {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let (outcome, reason) = deployment.send_event(event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "skipped" && reason.contains("superseded: the source was deleted"), "{outcome}: {reason}");
}

#[tokio::test]
async fn object_that_the_function_did_not_write_is_neither_replaced_nor_deleted() {
    let mut deployment = Deployment::without_events(&[]).await;
    deployment.put_source("a.png.avif", b"uploaded by hand").await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let (outcome, reason) = deployment.send_event(event("a.png", Some(&etag), "01")).await;
    assert!(
        outcome == "rejected" && reason.starts_with("s3://photos/a.png.avif already exists"),
        "{outcome}: {reason}"
    );
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    assert_eq!(deployment.send_event(event("a.png", None, "02")).await.0, "skipped");
    assert_eq!(deployment.read("photos", "a.png.avif").await, b"uploaded by hand");
}

#[tokio::test]
async fn manual_request_deletes_the_variants_of_an_absent_source() {
    let mut deployment = Deployment::without_events(&[]).await;
    deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let request = json!({ "bucket": "photos", "key": "a.png" });
    assert_eq!(deployment.lambda.invoke(request.clone()).await.result.unwrap()["outcome"], "converted");
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    assert_eq!(deployment.lambda.invoke(request.clone()).await.result.unwrap()["outcome"], "deleted");
    assert_eq!(deployment.lambda.invoke(request).await.result.unwrap()["outcome"], "rejected");
    assert_eq!(deployment.list_keys("photos").await, [""; 0]);
}

#[tokio::test]
async fn redelivered_event_deletes_the_variant_that_its_killed_job_wrote() {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.send_event(event("a.png", Some(&etag), "01")).await;
    // The test changes the metadata of the variant. With this metadata, the variant is one that the job of the event
    // "earlier" wrote from another state of the source. The process of that job was killed before it checked the source
    // again.
    let stored = deployment.s3.get_object().bucket("photos").key("a.png.avif").send().await.unwrap();
    let mut metadata = stored.metadata.unwrap();
    metadata.remove("avif-source-sequencer");
    metadata.insert("avif-event-etag".into(), "earlier".into());
    let body = stored.body.collect().await.unwrap().into_bytes();
    let put = deployment.s3.put_object().bucket("photos").key("a.png.avif").set_metadata(Some(metadata));
    put.body(body.into()).send().await.unwrap();
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let (outcome, reason) = deployment.send_event(event("a.png", Some("unrelated"), "00")).await;
    assert!(outcome == "skipped" && reason.contains("superseded: the source was deleted"), "{outcome}: {reason}");
    assert_eq!(deployment.send_event(event("a.png", Some("earlier"), "00")).await.0, "deleted");
}

/// Another job stores a variant and the manifest while this job stores the other variant.
#[tokio::test]
async fn manifest_is_written_again_after_a_later_change_of_a_variant() {
    let (full, narrow, manifest) = ("a.png.avif", "a.png.w50.avif", "a.png.avif.json");
    let mut deployment = Deployment::without_events(&[("AVIF_SIZES", "full,50")]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let event = event("a.png", Some(&etag), "01");
    assert_eq!(deployment.send_event(event.clone()).await.0, "converted");
    let mut saved = vec![];
    for key in [full, narrow, manifest] {
        let head = deployment.s3.head_object().bucket("photos").key(key).send().await.unwrap();
        saved.push((key, deployment.read("photos", key).await, head.metadata));
        deployment.s3.delete_object().bucket("photos").key(key).send().await.unwrap();
    }
    deployment.server.record_calls();
    deployment.faults.inject(vec![InjectedResponse::new("PutObject", full, 412, "PreconditionFailed")]);
    let other_job = async {
        while deployment.s3.head_object().bucket("photos").key(narrow).send().await.is_err() {
            sleep(Duration::from_millis(1)).await;
        }
        deployment.faults.inject(vec![]);
        for (key, bytes, metadata) in saved.into_iter().filter(|(key, ..)| *key != narrow) {
            let put = deployment.s3.put_object().bucket("photos").key(key).set_metadata(metadata);
            put.body(bytes.into()).send().await.unwrap();
        }
    };
    let (report, ()) = tokio::join!(deployment.lambda.invoke(event), other_job);
    assert_eq!(outcome_and_reason(report.result).0, "converted");
    let calls = deployment.server.take_calls();
    let puts = calls.iter().filter(|call| call.error.is_none() && call.operation == "PutObject");
    let puts: Vec<&str> = puts.map(|call| call.key.as_str()).collect();
    // The other job wrote the first manifest.
    assert_eq!(puts.iter().filter(|key| **key == manifest).count(), 2, "{puts:?}");
    assert_eq!(puts.last(), Some(&manifest), "{puts:?}");
}

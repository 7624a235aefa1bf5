//! Sources that exist and cannot be read, and outputs that S3 does not show: no event deletes or passes over what is there.

use emulator::Refusal;
use image::ImageFormat;
use serde_json::{Value, json};

use crate::deployment::{Deployment, image};
use crate::event_order::event;
use crate::notification::record;

const STORED: [&str; 2] = ["a.png", "a.png.avif"];

/// A house with a source and its variant, of which the function knows.
async fn converted() -> (Deployment, String) {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    assert_eq!(house.tell(event("a.png", Some(&etag), "01")).await.0, "converted");
    (house, etag)
}

/// The removal of an older version, as a lifecycle rule causes it: its sequencer is later than that of what is stored.
fn removal_of_an_older_version() -> Value {
    event("a.png", None, "F0")
}

#[tokio::test]
async fn removal_of_an_older_version_keeps_the_variants_of_a_source_that_cannot_be_read() {
    let (house, _) = converted().await;
    let denied = |operations: &[&'static str]| {
        let key = |operation| if operation == "ListObjectsV2" { "" } else { "a.png" };
        operations.iter().map(|operation| Refusal::denied(operation, key(*operation))).collect::<Vec<_>>()
    };
    // An answer that ends early, or comes from something that is not S3, contains no key either.
    let cut_off = Refusal { elements: vec![], ..Refusal::empty_listing() };
    let disabled = Refusal::new("GetObject", "a.png", 400, "KMS.DisabledException");
    let invalid = Refusal::new("GetObject", "a.png", 400, "InvalidRequest");
    for (refusals, expected, words) in [
        (vec![Refusal::archived("a.png")], "skipped", "stored already"),
        (denied(&["GetObject"]), "failed", "GetObject: 403 AccessDenied"),
        (denied(&["GetObject", "HeadObject"]), "failed", "the object exists"),
        (denied(&["GetObject", "ListObjectsV2"]), "failed", "s3:ListBucket"),
        (denied(&["GetObject", "HeadObject", "ListObjectsV2"]), "failed", "s3:ListBucket"),
        ([denied(&["GetObject"]), vec![cut_off]].concat(), "failed", "KeyCount"),
        (vec![disabled], "failed", "400 KMS.DisabledException"),
        (vec![invalid], "failed", "400 InvalidRequest"),
        (vec![Refusal::new("GetObject", "a.png", 404, "NoSuchBucket")], "failed", "404 NoSuchBucket"),
        (vec![Refusal::new("GetObject", "a.png", 404, "NotFound")], "failed", "404 NotFound"),
        (vec![Refusal::new("GetObject", "a.png", 405, "MethodNotAllowed")], "failed", "405 MethodNotAllowed"),
    ] {
        let (outcome, why) = house.invoke_with_refusals(refusals.clone(), removal_of_an_older_version()).await;
        assert!(outcome == expected && why.contains(words), "{refusals:?}: {outcome}: {why}");
        assert_eq!(house.keys("photos").await, STORED, "{refusals:?}");
    }
}

#[tokio::test]
async fn source_whose_read_is_denied_and_which_is_not_listed_is_absent() {
    let (house, _) = converted().await;
    house.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let refusals = ["GetObject", "HeadObject"].map(|operation| Refusal::denied(operation, "a.png"));
    // Without a listing there is no evidence.
    let unlisted = [&refusals[..], &[Refusal::denied("ListObjectsV2", "")]].concat();
    let (outcome, why) = house.invoke_with_refusals(unlisted, removal_of_an_older_version()).await;
    assert!(outcome == "failed" && why.contains("s3:ListBucket"), "{outcome}: {why}");
    assert_eq!(house.keys("photos").await, ["a.png.avif"]);
    assert_eq!(house.invoke_with_refusals(refusals.to_vec(), removal_of_an_older_version()).await.0, "deleted");
    assert_eq!(house.keys("photos").await, [""; 0]);
}

#[tokio::test]
async fn source_that_is_denied_after_its_variants_were_stored_fails_with_the_operation() {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let denied = vec![Refusal::denied("HeadObject", "a.png")];
    let (outcome, why) = house.invoke_with_refusals(denied, event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "failed" && why.contains("cannot look up s3://photos/a.png: HeadObject: 403"), "{why}");
    assert!(why.contains("the object exists") && why.contains("s3:GetObject"), "{why}");
    assert_eq!(house.keys("photos").await, STORED);
}

#[tokio::test]
async fn archived_source_is_rejected_until_its_restore_event_converts_it() {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let created = event("a.png", Some(&etag), "01");
    let (outcome, why) = house.invoke_with_refusals(vec![Refusal::archived("a.png")], created).await;
    assert!(outcome == "rejected" && why.contains("archived in GLACIER") && why.contains("restore-object"), "{why}");
    let restored = record("ObjectRestore:Completed", &json!({"key": "a.png", "eTag": etag, "sequencer": "02"}));
    assert_eq!(house.tell(json!({ "Records": [restored] })).await.0, "converted");
}

#[tokio::test]
async fn archived_source_that_was_replaced_is_left_to_the_newer_event() {
    let mut house = Deployment::untold(&[]).await;
    house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let (outcome, why) =
        house.invoke_with_refusals(vec![Refusal::archived("a.png")], event("a.png", Some("older"), "01")).await;
    assert!(outcome == "skipped" && why.contains("newer"), "{outcome}: {why}");
}

#[tokio::test]
async fn output_that_may_be_written_but_not_read_is_named_with_the_permission() {
    let (mut house, _) = converted().await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 91, 60)).await;
    let created = event("a.png", Some(&etag), "02");
    let head = Refusal::denied("HeadObject", "a.png.avif");
    for refusals in [vec![head.clone()], vec![head.clone(), Refusal::denied("ListObjectsV2", "")]] {
        let (outcome, why) = house.invoke_with_refusals(refusals, created.clone()).await;
        assert!(outcome == "failed" && why.contains("cannot look up s3://photos/a.png.avif: HeadObject: 403"), "{why}");
        assert!(why.contains("s3:GetObject"), "{why}");
    }
}

#[tokio::test]
async fn output_that_is_missing_is_written_by_a_role_that_may_not_list() {
    let mut house = Deployment::untold(&[("AVIF_WIDTHS", "full,50")]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let hidden = [".avif", ".json"].map(|end| Refusal::denied("HeadObject", end));
    let refusals = [&hidden[..], &[Refusal::denied("ListObjectsV2", "")]].concat();
    assert_eq!(house.invoke_with_refusals(refusals.clone(), event("a.png", Some(&etag), "01")).await.0, "converted");
    assert_eq!(house.keys("photos").await, ["a.png", "a.png.avif", "a.png.avif.json", "a.png.w50.avif"]);
    // To delete what it cannot see, it would have to guess.
    house.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let (outcome, why) = house.invoke_with_refusals(refusals, event("a.png", None, "02")).await;
    assert!(outcome == "failed" && why.contains("s3:ListBucket"), "{outcome}: {why}");
    assert_eq!(house.tell(event("a.png", None, "02")).await.0, "deleted");
}

#[tokio::test]
async fn deletion_with_an_output_bucket_that_does_not_exist_fails() {
    let house = Deployment::untold(&[("AVIF_OUTPUT_BUCKET", "missing")]).await;
    let (outcome, why) = house.tell(event("a.png", None, "01")).await;
    assert!(outcome == "failed" && why.contains("NoSuchBucket") && why.contains("missing"), "{outcome}: {why}");
}

#[tokio::test]
async fn source_that_a_customer_key_encrypts_is_rejected() {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let words =
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided.";
    let refusal = Refusal { message: words, ..Refusal::new("GetObject", "a.png", 400, "InvalidRequest") };
    let (outcome, why) = house.invoke_with_refusals(vec![refusal], event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "rejected" && why.contains("SSE-C"), "{outcome}: {why}");
}

#[tokio::test]
async fn server_without_conditional_deletion_gets_a_checked_one_and_the_log_says_so_once() {
    let (mut house, _) = converted().await;
    house.lay("b.png", &image(ImageFormat::Png, 80, 60)).await;
    let order = json!({"Records": [record("ObjectCreated:Put", &json!({"key": "b.png"}))]});
    assert_eq!(house.tell(order).await.0, "converted");
    for key in ["a.png", "b.png"] {
        house.s3.delete_object().bucket("photos").key(key).send().await.unwrap();
        let unknown = Refusal { conditional: true, ..Refusal::new("DeleteObject", "", 501, "NotImplemented") };
        assert_eq!(house.invoke_with_refusals(vec![unknown], event(key, None, "F0")).await.0, "deleted");
    }
    assert_eq!(house.keys("photos").await, [""; 0]);
    house.lambda.stop().await;
    let lines: Vec<String> = std::iter::from_fn(|| house.log.try_recv().ok()).collect();
    assert_eq!(lines.iter().filter(|line| line.contains("does not support If-Match on DeleteObject")).count(), 1);
}

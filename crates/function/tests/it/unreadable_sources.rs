//! Tests sources and outputs that exist but cannot be read. No event may treat them as absent.

use emulator::InjectedResponse;
use image::ImageFormat;
use serde_json::{Value, json};

use crate::deployment::{Deployment, image};
use crate::event_order::event;
use crate::notification::record;

const SOURCE_AND_VARIANT: [&str; 2] = ["a.png", "a.png.avif"];

/// Deploys the function and converts a source. Returns the ETag of the source.
async fn deploy_with_converted_source() -> (Deployment, String) {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    assert_eq!(deployment.send_event(event("a.png", Some(&etag), "01")).await.0, "converted");
    (deployment, etag)
}

/// Returns the event of a lifecycle rule that deleted an older version. The sequencer of this event is later than the
/// sequencer of the current source.
fn deletion_of_an_older_version() -> Value {
    event("a.png", None, "F0")
}

#[tokio::test]
async fn deletion_of_an_older_version_keeps_the_variants_of_an_unreadable_source() {
    let (deployment, _) = deploy_with_converted_source().await;
    let denied = |operations: &[&'static str]| {
        let key = |operation| if operation == "ListObjectsV2" { "" } else { "a.png" };
        operations
            .iter()
            .map(|operation| InjectedResponse::access_denied(operation, key(*operation)))
            .collect::<Vec<_>>()
    };
    // This listing contains neither the key nor `KeyCount`, so it is incomplete or does not come from S3. The function
    // must not conclude that the source is absent.
    let incomplete_listing = InjectedResponse { elements: vec![], ..InjectedResponse::empty_listing() };
    let disabled = InjectedResponse::new("GetObject", "a.png", 400, "KMS.DisabledException");
    let invalid = InjectedResponse::new("GetObject", "a.png", 400, "InvalidRequest");
    for (responses, expected, words) in [
        (vec![InjectedResponse::archived("a.png")], "skipped", "stored already"),
        (denied(&["GetObject"]), "failed", "GetObject: 403 AccessDenied"),
        (denied(&["GetObject", "HeadObject"]), "failed", "the object exists"),
        (denied(&["GetObject", "ListObjectsV2"]), "failed", "s3:ListBucket"),
        (denied(&["GetObject", "HeadObject", "ListObjectsV2"]), "failed", "s3:ListBucket"),
        ([denied(&["GetObject"]), vec![incomplete_listing]].concat(), "failed", "KeyCount"),
        (vec![disabled], "failed", "400 KMS.DisabledException"),
        (vec![invalid], "failed", "400 InvalidRequest"),
        (vec![InjectedResponse::new("GetObject", "a.png", 404, "NoSuchBucket")], "failed", "404 NoSuchBucket"),
        (vec![InjectedResponse::new("GetObject", "a.png", 404, "NotFound")], "failed", "404 NotFound"),
        (vec![InjectedResponse::new("GetObject", "a.png", 405, "MethodNotAllowed")], "failed", "405 MethodNotAllowed"),
    ] {
        let (outcome, reason) =
            deployment.invoke_with_s3_responses(responses.clone(), deletion_of_an_older_version()).await;
        assert!(outcome == expected && reason.contains(words), "{responses:?}: {outcome}: {reason}");
        assert_eq!(deployment.list_keys("photos").await, SOURCE_AND_VARIANT, "{responses:?}");
    }
}

#[tokio::test]
async fn source_with_denied_reads_is_absent_if_the_listing_does_not_contain_its_key() {
    let (deployment, _) = deploy_with_converted_source().await;
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let denied_reads = ["GetObject", "HeadObject"].map(|operation| InjectedResponse::access_denied(operation, "a.png"));
    // If S3 also denies the listing, the function does not know whether the source exists.
    let all_denied = [&denied_reads[..], &[InjectedResponse::access_denied("ListObjectsV2", "")]].concat();
    let (outcome, reason) = deployment.invoke_with_s3_responses(all_denied, deletion_of_an_older_version()).await;
    assert!(outcome == "failed" && reason.contains("s3:ListBucket"), "{outcome}: {reason}");
    assert_eq!(deployment.list_keys("photos").await, ["a.png.avif"]);
    assert_eq!(
        deployment.invoke_with_s3_responses(denied_reads.to_vec(), deletion_of_an_older_version()).await.0,
        "deleted"
    );
    assert_eq!(deployment.list_keys("photos").await, [""; 0]);
}

#[tokio::test]
async fn job_fails_with_the_operation_if_s3_denies_the_source_after_the_variants_were_stored() {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let denied = vec![InjectedResponse::access_denied("HeadObject", "a.png")];
    let (outcome, reason) = deployment.invoke_with_s3_responses(denied, event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "failed" && reason.contains("cannot look up s3://photos/a.png: HeadObject: 403"), "{reason}");
    assert!(reason.contains("the object exists") && reason.contains("s3:GetObject"), "{reason}");
    assert_eq!(deployment.list_keys("photos").await, SOURCE_AND_VARIANT);
}

#[tokio::test]
async fn archived_source_is_rejected_and_its_restore_event_converts_it() {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let created = event("a.png", Some(&etag), "01");
    let (outcome, reason) =
        deployment.invoke_with_s3_responses(vec![InjectedResponse::archived("a.png")], created).await;
    assert!(
        outcome == "rejected" && reason.contains("archived in GLACIER") && reason.contains("restore-object"),
        "{reason}"
    );
    let restored = record("ObjectRestore:Completed", &json!({"key": "a.png", "eTag": etag, "sequencer": "02"}));
    assert_eq!(deployment.send_event(json!({ "Records": [restored] })).await.0, "converted");
}

#[tokio::test]
async fn event_of_a_replaced_source_is_skipped_although_the_new_source_is_archived() {
    let mut deployment = Deployment::without_events(&[]).await;
    deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let (outcome, reason) = deployment
        .invoke_with_s3_responses(vec![InjectedResponse::archived("a.png")], event("a.png", Some("older"), "01"))
        .await;
    assert!(outcome == "skipped" && reason.contains("newer"), "{outcome}: {reason}");
}

#[tokio::test]
async fn error_of_an_unreadable_output_names_the_missing_permission() {
    let (mut deployment, _) = deploy_with_converted_source().await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 91, 60)).await;
    let created = event("a.png", Some(&etag), "02");
    let denied_head = InjectedResponse::access_denied("HeadObject", "a.png.avif");
    for responses in
        [vec![denied_head.clone()], vec![denied_head.clone(), InjectedResponse::access_denied("ListObjectsV2", "")]]
    {
        let (outcome, reason) = deployment.invoke_with_s3_responses(responses, created.clone()).await;
        assert!(
            outcome == "failed" && reason.contains("cannot look up s3://photos/a.png.avif: HeadObject: 403"),
            "{reason}"
        );
        assert!(reason.contains("s3:GetObject"), "{reason}");
    }
}

#[tokio::test]
async fn absent_output_is_written_without_the_permission_to_list() {
    let mut deployment = Deployment::without_events(&[("AVIF_SIZES", "full,50")]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let denied_heads = [".avif", ".json"].map(|suffix| InjectedResponse::access_denied("HeadObject", suffix));
    let responses = [&denied_heads[..], &[InjectedResponse::access_denied("ListObjectsV2", "")]].concat();
    assert_eq!(
        deployment.invoke_with_s3_responses(responses.clone(), event("a.png", Some(&etag), "01")).await.0,
        "converted"
    );
    assert_eq!(deployment.list_keys("photos").await, ["a.png", "a.png.avif", "a.png.avif.json", "a.png.w50.avif"]);
    // The function does not delete outputs if it cannot check which outputs exist.
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let (outcome, reason) = deployment.invoke_with_s3_responses(responses, event("a.png", None, "02")).await;
    assert!(outcome == "failed" && reason.contains("s3:ListBucket"), "{outcome}: {reason}");
    assert_eq!(deployment.send_event(event("a.png", None, "02")).await.0, "deleted");
}

#[tokio::test]
async fn deletion_with_a_missing_output_bucket_fails() {
    let deployment = Deployment::without_events(&[("AVIF_OUTPUT_BUCKET", "missing")]).await;
    let (outcome, reason) = deployment.send_event(event("a.png", None, "01")).await;
    assert!(
        outcome == "failed" && reason.contains("NoSuchBucket") && reason.contains("missing"),
        "{outcome}: {reason}"
    );
}

#[tokio::test]
async fn source_encrypted_with_a_customer_provided_key_is_rejected() {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let message =
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided.";
    let response = InjectedResponse { message, ..InjectedResponse::new("GetObject", "a.png", 400, "InvalidRequest") };
    let (outcome, reason) =
        deployment.invoke_with_s3_responses(vec![response], event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "rejected" && reason.contains("SSE-C"), "{outcome}: {reason}");
}

#[tokio::test]
async fn outputs_are_deleted_and_one_line_is_logged_if_the_server_does_not_support_if_match() {
    let (mut deployment, _) = deploy_with_converted_source().await;
    deployment.put_source("b.png", &image(ImageFormat::Png, 80, 60)).await;
    let created = json!({"Records": [record("ObjectCreated:Put", &json!({"key": "b.png"}))]});
    assert_eq!(deployment.send_event(created).await.0, "converted");
    for key in ["a.png", "b.png"] {
        deployment.s3.delete_object().bucket("photos").key(key).send().await.unwrap();
        let not_implemented = InjectedResponse {
            only_if_match: true,
            ..InjectedResponse::new("DeleteObject", "", 501, "NotImplemented")
        };
        assert_eq!(
            deployment.invoke_with_s3_responses(vec![not_implemented], event(key, None, "F0")).await.0,
            "deleted"
        );
    }
    assert_eq!(deployment.list_keys("photos").await, [""; 0]);
    deployment.lambda.stop().await;
    let lines = deployment.take_log_lines();
    assert_eq!(lines.iter().filter(|line| line.contains("does not support If-Match on DeleteObject")).count(), 1);
}

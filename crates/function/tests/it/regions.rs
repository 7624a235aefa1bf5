//! Tests buckets in a region that is not the region of the function. S3 returns the region of the bucket, and the
//! function repeats the request in that region.

use emulator::InjectedResponse;
use image::ImageFormat;

use crate::deployment::{Deployment, image};
use crate::event_order::event;

/// Returns S3 responses that redirect each request for an output to `eu-west-1`, unless the request is signed for that
/// region.
fn redirect_responses(status: u16, code: &'static str) -> Vec<InjectedResponse> {
    let redirect = |operation, key| InjectedResponse {
        signing_region: Some("eu-west-1"),
        headers: vec![("x-amz-bucket-region", "eu-west-1")],
        ..InjectedResponse::new(operation, key, status, code)
    };
    let outputs = ["HeadObject", "PutObject", "DeleteObject"].map(|operation| redirect(operation, ".avif"));
    let manifest = ["HeadObject", "PutObject", "DeleteObject"].map(|operation| redirect(operation, ".avif.json"));
    [&outputs[..], &manifest, &[redirect("ListObjectsV2", "")]].concat()
}

#[tokio::test]
async fn outputs_are_stored_in_and_deleted_from_a_bucket_of_another_region() {
    for (status, code) in
        [(301, "PermanentRedirect"), (307, "TemporaryRedirect"), (400, "AuthorizationHeaderMalformed")]
    {
        let mut deployment =
            Deployment::without_events(&[("AVIF_OUTPUT_BUCKET", "cdn"), ("AVIF_SIZES", "full,50")]).await;
        let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
        let (outcome, reason) = deployment
            .invoke_with_s3_responses(redirect_responses(status, code), event("a.png", Some(&etag), "01"))
            .await;
        assert_eq!(outcome, "converted", "{code}: {reason}");
        assert_eq!(deployment.list_keys("cdn").await, ["a.png.avif", "a.png.avif.json", "a.png.w50.avif"]);
        // The function looks up the two variants and the manifest concurrently, so S3 may redirect each of these three
        // requests.
        let redirected = deployment.faults.counts()[code];
        assert!((1..=3).contains(&redirected), "{code}: {redirected}");

        deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
        assert_eq!(
            deployment.invoke_with_s3_responses(redirect_responses(status, code), event("a.png", None, "02")).await.0,
            "deleted"
        );
        assert_eq!(deployment.list_keys("cdn").await, [""; 0]);
        assert_eq!(deployment.faults.counts()[code], redirected, "the function should reuse the region");
    }
}

#[tokio::test]
async fn source_is_read_from_a_bucket_of_another_region() {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let redirect = |operation| InjectedResponse {
        signing_region: Some("eu-west-1"),
        headers: vec![("x-amz-bucket-region", "eu-west-1")],
        ..InjectedResponse::new(operation, "", 301, "PermanentRedirect")
    };
    let all = ["GetObject", "HeadObject", "PutObject"].map(redirect).to_vec();
    assert_eq!(deployment.invoke_with_s3_responses(all, event("a.png", Some(&etag), "01")).await.0, "converted");
}

#[tokio::test]
async fn error_of_a_bucket_that_redirects_in_every_region_contains_the_region() {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let headers = vec![("x-amz-bucket-region", "eu-west-1")];
    let refusal =
        InjectedResponse { headers, ..InjectedResponse::new("HeadObject", ".avif", 301, "PermanentRedirect") };
    let (outcome, reason) = deployment.invoke_with_s3_responses(vec![refusal], event("a.png", Some(&etag), "01")).await;
    assert!(
        outcome == "failed" && reason.contains("301") && reason.contains("region eu-west-1"),
        "{outcome}: {reason}"
    );
}

//! Buckets that are in another region than the function: S3 names the region, and the function asks there.

use emulator::Refusal;
use image::ImageFormat;

use crate::deployment::{Deployment, image};
use crate::event_order::event;

/// As S3 answers what is signed for another region than that of the bucket with these keys.
fn redirects(status: u16, code: &'static str) -> Vec<Refusal> {
    let redirect = |operation, key| Refusal {
        region: Some("eu-west-1"),
        headers: vec![("x-amz-bucket-region", "eu-west-1")],
        ..Refusal::new(operation, key, status, code)
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
        let mut house = Deployment::untold(&[("AVIF_OUTPUT_BUCKET", "cdn"), ("AVIF_WIDTHS", "full,50")]).await;
        let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
        let (outcome, why) =
            house.invoke_with_refusals(redirects(status, code), event("a.png", Some(&etag), "01")).await;
        assert_eq!(outcome, "converted", "{code}: {why}");
        assert_eq!(house.keys("cdn").await, ["a.png.avif", "a.png.avif.json", "a.png.w50.avif"]);
        // The outputs are looked up at once, so each may be sent to the other region.
        let redirected = house.faults.counts()[code];
        assert!((1..=3).contains(&redirected), "{code}: {redirected}");

        house.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
        assert_eq!(house.invoke_with_refusals(redirects(status, code), event("a.png", None, "02")).await.0, "deleted");
        assert_eq!(house.keys("cdn").await, [""; 0]);
        assert_eq!(house.faults.counts()[code], redirected, "the region is remembered");
    }
}

#[tokio::test]
async fn source_is_read_from_a_bucket_of_another_region() {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let redirect = |operation| Refusal {
        region: Some("eu-west-1"),
        headers: vec![("x-amz-bucket-region", "eu-west-1")],
        ..Refusal::new(operation, "", 301, "PermanentRedirect")
    };
    let all = ["GetObject", "HeadObject", "PutObject"].map(redirect).to_vec();
    assert_eq!(house.invoke_with_refusals(all, event("a.png", Some(&etag), "01")).await.0, "converted");
}

#[tokio::test]
async fn redirect_that_leads_nowhere_fails_with_the_region() {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let headers = vec![("x-amz-bucket-region", "eu-west-1")];
    let refusal = Refusal { headers, ..Refusal::new("HeadObject", ".avif", 301, "PermanentRedirect") };
    let (outcome, why) = house.invoke_with_refusals(vec![refusal], event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "failed" && why.contains("301") && why.contains("region eu-west-1"), "{outcome}: {why}");
}

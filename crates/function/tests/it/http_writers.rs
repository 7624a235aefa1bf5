//! HTTP requests beside other writers of the same outputs: other requests and the jobs of events.

use emulator::{Function, Lambda};
use futures_util::future::join_all;
use image::{ImageFormat, Rgba, RgbaImage};
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinHandle;

use crate::bootstrap::function;
use crate::deployment::{Deployment, image};
use crate::event_order::event;
use crate::http::deploy;
use crate::http_client::{BROWSER, Response, request, send};
use crate::isolation::find_worker_process;

/// The number of execution environments.
const ENVIRONMENTS: usize = 4;

#[tokio::test]
async fn concurrent_requests_for_a_missing_variant_get_the_stored_bytes() {
    let deployment = deploy(&[]).await;
    let several = Function { concurrency: ENVIRONMENTS, ..function(deployment.environment.clone()) };
    let lambda = Lambda::new(several, unbounded_channel().0);
    let requests = (0..3 * ENVIRONMENTS).map(|_| send(&lambda, request("GET", "/photos/a.png.w60.avif", &[])));
    let responses: Vec<Response> = join_all(requests).await;
    let stored = deployment.read("cdn", "photos/a.png.w60.avif").await;
    for response in &responses {
        assert_eq!((response.status, &response.body), (200, &stored));
        assert_eq!(response.header("etag"), responses[0].header("etag"));
    }
    let calls = deployment.server.take_calls();
    let conversions = calls.iter().filter(|call| call.operation == "GetObject" && call.bucket == "photos").count();
    assert!((1..=ENVIRONMENTS).contains(&conversions), "{conversions}");
    let successful_writes = calls.iter().filter(|call| call.operation == "PutObject" && call.error.is_none());
    assert_eq!(successful_writes.count(), 1, "only one request stores the variant");
}

#[tokio::test]
async fn event_job_finds_the_only_variant_up_to_date() {
    let mut deployment = deploy(&[("AVIF_SIZES", "60"), ("AVIF_FORMATS", "avif")]).await;
    let etag = deployment.put_source("photos/b.png", &image(ImageFormat::Png, 90, 60)).await;
    let response = deployment.get("/photos/b.png", &[BROWSER]).await;
    assert_eq!(response.status, 200);
    let (outcome, reason) = deployment.send_event(event("photos/b.png", Some(&etag), "01")).await;
    assert_eq!((outcome.as_str(), reason.as_str()), ("skipped", "its variants are stored already"));
    assert_eq!(deployment.list_keys("cdn").await, ["photos/b.png.w60.avif"]);
}

/// Returns the metadata of a variant without the sequencer, which a request does not have.
async fn provenance(deployment: &Deployment, key: &str) -> Vec<(String, String)> {
    let head = deployment.s3.head_object().bucket("cdn").key(key).send().await.unwrap();
    let metadata = head.metadata.unwrap().into_iter();
    let mut metadata: Vec<_> =
        metadata.filter(|(name, _)| !["avif-source-sequencer", "avif-sha256"].contains(&name.as_str())).collect();
    metadata.sort();
    metadata
}

#[tokio::test]
async fn event_job_keeps_the_requested_variant_and_lists_it_with_the_others() {
    let mut deployment = deploy(&[]).await;
    let etag = deployment.put_source("photos/b.png", &image(ImageFormat::Png, 90, 60)).await;
    let response = deployment.get("/photos/b.png.w60.avif", &[]).await;
    let before = provenance(&deployment, "photos/b.png.w60.avif").await;
    assert_eq!(deployment.send_event(event("photos/b.png", Some(&etag), "01")).await.0, "converted");
    let written: Vec<_> = deployment.server.take_calls();
    let written = written.iter().filter(|call| call.operation == "PutObject" && call.key.ends_with("b.png.w60.avif"));
    assert_eq!(written.count(), 1, "the variant is written once");
    assert_eq!(deployment.read("cdn", "photos/b.png.w60.avif").await, response.body);
    // The metadata does not depend on who stored the variant.
    assert_eq!(provenance(&deployment, "photos/b.png.avif").await, before);
    let manifest: Value = serde_json::from_slice(&deployment.read("cdn", "photos/b.png.avif.json").await).unwrap();
    let listed = manifest["variants"].as_array().unwrap();
    assert_eq!(listed.len(), 6);
    let listed = listed.iter().find(|variant| variant["key"] == "photos/b.png.w60.avif").unwrap();
    assert_eq!(format!("\"{}\"", listed["etag"].as_str().unwrap()), response.header("etag"));
    assert_eq!(listed["bytes"], response.body.len());
    let (outcome, reason) = deployment.send_event(event("photos/b.png", Some(&etag), "01")).await;
    assert_eq!((outcome.as_str(), reason.as_str()), ("skipped", "its variants are stored already"));
}

#[tokio::test]
async fn variant_of_the_previous_source_is_left_to_the_event_job() {
    let mut deployment = deploy(&[]).await;
    let first = deployment.put_source("photos/b.png", &image(ImageFormat::Png, 90, 60)).await;
    deployment.send_event(event("photos/b.png", Some(&first), "01")).await;
    let (variant, manifest) = ("photos/b.png.avif", "photos/b.png.avif.json");
    let before = (deployment.read("cdn", variant).await, deployment.read("cdn", manifest).await);
    let second = deployment.put_source("photos/b.png", &image(ImageFormat::Png, 80, 60)).await;
    let response = deployment.get("/photos/b.png.avif", &[]).await;
    assert_eq!(
        (response.status, response.header("cache-control"), response.header("etag")),
        (200, "public, max-age=10", "")
    );
    assert_eq!(avif::decode(&response.body, 1 << 20).unwrap().image.shape().width, 80);
    assert_eq!((deployment.read("cdn", variant).await, deployment.read("cdn", manifest).await), before);
    assert_eq!(deployment.send_event(event("photos/b.png", Some(&second), "02")).await.0, "converted");
    let response = deployment.get("/photos/b.png.avif", &[]).await;
    assert_eq!(response.body, deployment.read("cdn", variant).await);
}

#[tokio::test]
async fn variant_of_an_earlier_recipe_is_served_until_a_backfill_replaces_it() {
    let deployment = deploy(&[]).await;
    let first = deployment.get("/photos/a.png.avif", &[]).await;
    let mut environment = deployment.environment.clone();
    environment.insert("AVIF_QUALITY".into(), "40".into());
    let changed = Lambda::new(function(environment), unbounded_channel().0);
    assert_eq!(send(&changed, request("GET", "/photos/a.png.avif", &[])).await, first);
}

/// Starts a function at the slowest speed, and a request for a variant that takes a while. Returns when the conversion has begun.
async fn start_slow_request(deployment: &mut Deployment) -> JoinHandle<Response> {
    let mut random = fastrand::Rng::with_seed(1);
    let noise = RgbaImage::from_fn(100, 100, |_, _| Rgba([(); 4].map(|()| random.u8(..))));
    let mut file = std::io::Cursor::new(vec![]);
    noise.write_to(&mut file, ImageFormat::Png).unwrap();
    deployment.put_source("photos/slow.png", file.get_ref()).await;
    let mut environment = deployment.environment.clone();
    environment.extend([("AVIF_SPEED", "0"), ("AVIF_QUALITY", "60")].map(|(name, text)| (name.into(), text.into())));
    let lambda = Lambda::new(function(environment), unbounded_channel().0);
    let response = tokio::spawn(async move { send(&lambda, request("GET", "/photos/slow.png", &[BROWSER])).await });
    find_worker_process().await;
    response
}

#[tokio::test]
async fn source_that_is_deleted_during_the_request_leaves_no_variant() {
    let mut deployment = deploy(&[]).await;
    let response = start_slow_request(&mut deployment).await;
    deployment.s3.delete_object().bucket("photos").key("photos/slow.png").send().await.unwrap();
    // The event is handled before the request stores the variant.
    assert_eq!(deployment.send_event(event("photos/slow.png", None, "02")).await.0, "skipped");
    assert_eq!(response.await.unwrap().status, 404);
    assert!(deployment.server.take_calls().iter().any(|call| call.operation == "PutObject" && call.bucket == "cdn"));
    assert_eq!(deployment.list_keys("cdn").await, [""; 0]);
}

#[tokio::test]
async fn source_that_is_replaced_during_the_request_is_answered_in_its_new_state() {
    let mut deployment = deploy(&[]).await;
    let response = start_slow_request(&mut deployment).await;
    let etag = deployment.put_source("photos/slow.png", &image(ImageFormat::Png, 90, 60)).await;
    assert_eq!(deployment.send_event(event("photos/slow.png", Some(&etag), "02")).await.0, "converted");
    let response = response.await.unwrap();
    assert_eq!((response.status, response.body), (200, deployment.read("cdn", "photos/slow.png.avif").await));
}

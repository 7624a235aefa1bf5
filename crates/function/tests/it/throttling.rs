//! S3 throttles, or does not answer at all.

use std::time::Duration;

use emulator::{Function, Lambda, Refusal};
use image::ImageFormat;
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;
use crate::deployment::{Deployment, image};
use crate::event_order::event;

#[tokio::test]
async fn throttled_request_is_tried_five_times_and_its_event_succeeds_later() {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let created = event("a.png", Some(&etag), "01");
    for times in 1..=3 {
        let slow = vec![Refusal::new("GetObject", "a.png", 503, "SlowDown")];
        let (outcome, why) = house.invoke_with_refusals(slow, created.clone()).await;
        assert!(outcome == "failed" && why.contains("GetObject: 503 SlowDown"), "{outcome}: {why}");
        assert!(!why.contains("memory"), "{why}");
        assert_eq!(house.faults.counts()["SlowDown"], 5 * times);
    }
    // Lambda, or the queue, delivers the event again.
    assert_eq!(house.tell(created).await.0, "converted");
}

/// A function whose deadline comes after this time, of which half a second is kept for the answer.
fn with_timeout(house: &Deployment, endpoint: &str, timeout: Duration) -> Lambda {
    let mut environment = house.environment.clone();
    environment.insert("AWS_ENDPOINT_URL_S3".into(), endpoint.into());
    Lambda::new(Function { timeout, ..function(environment) }, unbounded_channel().0)
}

#[tokio::test]
async fn reason_at_the_deadline_names_the_throttling_and_not_the_memory() {
    let house = Deployment::untold(&[]).await;
    house.faults.refuse(vec![Refusal::new("HeadObject", ".avif", 503, "SlowDown")]);
    let endpoint = house.environment["AWS_ENDPOINT_URL_S3"].clone();
    // Five tries may take longer than the half second that is left, or not: the reason names the throttling either way.
    let lambda = with_timeout(&house, &endpoint, Duration::from_secs(1));
    let error = lambda.invoke(event("a.png", Some("etag"), "01")).await.result.unwrap_err();
    assert!(error.error_message.contains("503") && error.error_message.contains("throttled"), "{error}");
    assert!(!error.error_message.contains("memory"), "{error}");
}

#[tokio::test]
async fn reason_at_the_deadline_says_that_s3_did_not_answer() {
    let house = Deployment::untold(&[]).await;
    // Connections are taken by the system, and nobody reads them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lambda = with_timeout(&house, &format!("http://{}", listener.local_addr().unwrap()), Duration::from_secs(1));
    let error = lambda.invoke(event("a.png", Some("etag"), "01")).await.result.unwrap_err();
    assert!(
        error.error_message.contains("looking up the stored variants in S3") && !error.error_message.contains("memory"),
        "{error}"
    );
}

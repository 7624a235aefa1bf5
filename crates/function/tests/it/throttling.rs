//! Tests an S3 that throttles requests, and an S3 that does not respond.

use std::time::Duration;

use emulator::{Function, InjectedResponse, Lambda};
use image::ImageFormat;
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;
use crate::deployment::{Deployment, image};
use crate::event_order::event;

#[tokio::test]
async fn throttled_request_is_tried_five_times_and_its_event_succeeds_later() {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let created = event("a.png", Some(&etag), "01");
    for invocations in 1..=3 {
        let slow_down = vec![InjectedResponse::new("GetObject", "a.png", 503, "SlowDown")];
        let (outcome, reason) = deployment.invoke_with_s3_responses(slow_down, created.clone()).await;
        assert!(outcome == "failed" && reason.contains("GetObject: 503 SlowDown"), "{outcome}: {reason}");
        assert!(!reason.contains("memory"), "{reason}");
        assert_eq!(deployment.faults.counts()["SlowDown"], 5 * invocations);
    }
    // The test sends the event again, as Lambda and SQS do after a failed invocation.
    assert_eq!(deployment.send_event(created).await.0, "converted");
}

/// Returns a function with this timeout and S3 endpoint. The function reserves half a second of the timeout for the
/// response.
fn function_with_timeout(deployment: &Deployment, endpoint: &str, timeout: Duration) -> Lambda {
    let mut environment = deployment.environment.clone();
    environment.insert("AWS_ENDPOINT_URL_S3".into(), endpoint.into());
    Lambda::new(Function { timeout, ..function(environment) }, unbounded_channel().0)
}

#[tokio::test]
async fn reason_at_the_deadline_names_the_throttling_and_not_the_memory() {
    let deployment = Deployment::without_events(&[]).await;
    deployment.faults.inject(vec![InjectedResponse::new("HeadObject", ".avif", 503, "SlowDown")]);
    let endpoint = deployment.environment["AWS_ENDPOINT_URL_S3"].clone();
    // The half second before the deadline may be too short for all five attempts. The reason names the throttling in
    // both cases.
    let lambda = function_with_timeout(&deployment, &endpoint, Duration::from_secs(1));
    let error = lambda.invoke(event("a.png", Some("etag"), "01")).await.result.unwrap_err();
    assert!(error.error_message.contains("503") && error.error_message.contains("throttled"), "{error}");
    assert!(!error.error_message.contains("memory"), "{error}");
}

#[tokio::test]
async fn reason_at_the_deadline_names_the_missing_response_of_s3() {
    let deployment = Deployment::without_events(&[]).await;
    // The kernel accepts the connections of the function, but no program reads the requests.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lambda = function_with_timeout(
        &deployment,
        &format!("http://{}", listener.local_addr().unwrap()),
        Duration::from_secs(1),
    );
    let error = lambda.invoke(event("a.png", Some("etag"), "01")).await.result.unwrap_err();
    assert!(
        error.error_message.contains("looking up the stored variants in S3") && !error.error_message.contains("memory"),
        "{error}"
    );
}

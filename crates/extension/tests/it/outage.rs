//! Tests backends that fail.

use axum::http::StatusCode;
use serde_json::json;

use crate::backend::{Backend, Behavior};
use crate::deployment::{function, lines, metrics, scripted, start, sum};

/// The capacity of the queue of log lines.
const QUEUE_CAPACITY: f64 = 4096.0;
const INVOCATIONS: u32 = 2200;

#[tokio::test]
async fn data_is_delivered_after_a_failing_backend_recovers() {
    let backend = Backend::start(Behavior::Fails(StatusCode::INTERNAL_SERVER_ERROR)).await;
    let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    for _ in 0..20 {
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    }
    backend.set_behavior(Behavior::Accepts);
    lambda.stop().await;
    let received = backend.take_received();
    assert_eq!(
        (received.sum("faas.invocations", ""), received.logs.len()),
        (20, 41),
        "two lines per invocation, and one about the backend"
    );
    let lines = lines(&mut log);
    let logged = lines.iter().filter(|line| line.contains("responded 500")).count();
    assert_eq!((logged, sum(&metrics(&lines), "TelemetryDropped")), (1, 0.0), "logged once: {lines:?}");
}

#[tokio::test]
async fn full_queue_drops_and_counts_the_oldest_lines() {
    let backend = Backend::start(Behavior::Fails(StatusCode::INTERNAL_SERVER_ERROR)).await;
    let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    for _ in 0..INVOCATIONS {
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    }
    backend.set_behavior(Behavior::Accepts);
    lambda.stop().await;
    let (received, metrics) = (backend.take_received(), metrics(&lines(&mut log)));
    let dropped = sum(&metrics, "TelemetryDropped");
    // The function writes two lines per invocation, and the extension writes one line about the backend.
    assert_eq!(f64::from(2 * INVOCATIONS + 1) - dropped, QUEUE_CAPACITY);
    assert_eq!(received.logs.len() + received.spans.len(), 4096 + 2200 + 1);
    assert_eq!(received.sum("faas.invocations", ""), i64::from(INVOCATIONS), "no metric is dropped");
    assert_eq!(sum(&metrics, "Invocations"), f64::from(INVOCATIONS));
}

#[tokio::test]
async fn unreachable_backend_fails_no_invocation() {
    let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]));
    for _ in 0..3 {
        lambda.invoke(json!({})).await.result.unwrap();
    }
    lambda.stop().await;
    let lines = lines(&mut log);
    assert!(lines.iter().any(|line| line.contains("cannot be reached")), "{lines:?}");
    assert_eq!(sum(&metrics(&lines), "Invocations"), 3.0);
    // The dropped items are the spans of three invocations and one init phase, one line of the extension, and seven
    // data points.
    assert_eq!(sum(&metrics(&lines), "TelemetryDropped"), 12.0);
}

#[tokio::test]
async fn permanently_rejected_data_is_counted_as_dropped() {
    let backend = Backend::start(Behavior::Fails(StatusCode::BAD_REQUEST)).await;
    let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.stop().await;
    let lines = lines(&mut log);
    // The dropped items are the spans of the invocation and the init phase, one line of the extension, and seven data
    // points.
    assert_eq!(sum(&metrics(&lines), "TelemetryDropped"), 10.0, "{lines:?}");
}

#[tokio::test]
async fn permanently_rejected_data_is_not_sent_again() {
    let backend = Backend::start(Behavior::Fails(StatusCode::BAD_REQUEST)).await;
    let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    // The data of the first invocation is sent before the second begins.
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.invoke(json!({})).await.result.unwrap();
    backend.set_behavior(Behavior::Accepts);
    lambda.stop().await;
    let received = backend.take_received();
    assert_eq!((received.sum("faas.invocations", ""), received.sum("faas.coldstarts", "")), (1, 0));
    let spans: Vec<_> = received.spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(spans, ["f"]);
    let metrics = metrics(&lines(&mut log));
    assert_eq!((sum(&metrics, "Invocations"), sum(&metrics, "TelemetryDropped") > 0.0), (2.0, true));
}

#[tokio::test]
async fn export_at_shutdown_is_retried() {
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
        let backend = Backend::start(Behavior::FailsTwice(status)).await;
        let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
        lambda.stop().await;
        assert_eq!(sum(&metrics(&lines(&mut log)), "TelemetryDropped"), 0.0, "{status}");
        let received = backend.take_received();
        // The function writes two lines, and the extension writes one line about the backend.
        assert_eq!(
            (received.sum("faas.invocations", ""), received.spans.len(), received.logs.len()),
            (1, 2, 3),
            "{status}"
        );
    }
}

#[tokio::test]
async fn rejected_items_of_an_accepted_request_are_counted() {
    let backend = Backend::start(Behavior::RejectsOneItem).await;
    let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    lambda.stop().await;
    let rejected = sum(&metrics(&lines(&mut log)), "TelemetryDropped");
    let received = backend.take_received();
    // The last request contains the number of dropped items. The backend rejects one item of this request too, and the
    // extension counts it.
    assert!(received.requests >= 4, "metrics twice, spans, log lines: {received:?}");
    assert_eq!(rejected, f64::from(u32::try_from(received.requests).unwrap()), "one item of each request");
}

#[tokio::test]
async fn request_that_times_out_is_sent_again() {
    let backend = Backend::start(Behavior::NeverResponds).await;
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*backend.endpoint), ("OTEL_EXPORTER_OTLP_TIMEOUT", "100")];
    let (lambda, mut log) = start(function(scripted(), &settings));
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    // This invocation begins after the extension has finished the first invocation and its request has timed out.
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    backend.set_behavior(Behavior::Accepts);
    lambda.stop().await;
    let lines = lines(&mut log);
    assert!(lines.iter().any(|line| line.contains("did not respond within 100ms")), "{lines:?}");
    assert_eq!(backend.take_received().sum("faas.invocations", ""), 2);
}

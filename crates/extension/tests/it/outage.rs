//! A backend in trouble.

use axum::http::StatusCode;
use serde_json::json;

use crate::backend::{Backend, Mood};
use crate::deployment::{function, lines, metrics, obedient, start, sum};

/// Lines of the log wait for the backend; so many are kept.
const KEPT: f64 = 4096.0;
const INVOCATIONS: u32 = 2200;

#[tokio::test]
async fn what_a_failing_backend_did_not_take_is_delivered_once_it_does() {
    let backend = Backend::start(Mood::Failing(StatusCode::INTERNAL_SERVER_ERROR)).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    for _ in 0..20 {
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    }
    backend.turn(Mood::Well);
    lambda.stop().await;
    let got = backend.got();
    assert_eq!((got.sum("faas.invocations", ""), got.logs.len()), (20, 41), "and what was said of the backend");
    let lines = lines(&mut log);
    let said = lines.iter().filter(|line| line.contains("answered 500")).count();
    assert_eq!((said, sum(&metrics(&lines), "TelemetryDropped")), (1, 0.0), "once is enough: {lines:?}");
}

#[tokio::test]
async fn what_does_not_fit_is_dropped_and_counted_while_invocations_go_on() {
    let backend = Backend::start(Mood::Failing(StatusCode::INTERNAL_SERVER_ERROR)).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    for _ in 0..INVOCATIONS {
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    }
    backend.turn(Mood::Well);
    lambda.stop().await;
    let (got, metrics) = (backend.got(), metrics(&lines(&mut log)));
    let dropped = sum(&metrics, "TelemetryDropped");
    // Two lines each, and one about the backend.
    assert_eq!(f64::from(2 * INVOCATIONS + 1) - dropped, KEPT);
    assert_eq!(got.logs.len() + got.spans.len(), 4096 + 2200 + 1);
    assert_eq!(got.sum("faas.invocations", ""), i64::from(INVOCATIONS), "of metrics nothing is lost");
    assert_eq!(sum(&metrics, "Invocations"), f64::from(INVOCATIONS));
}

#[tokio::test]
async fn a_backend_that_is_not_there_fails_nothing() {
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]));
    for _ in 0..3 {
        lambda.invoke(json!({})).await.result.unwrap();
    }
    lambda.stop().await;
    let lines = lines(&mut log);
    assert!(lines.iter().any(|line| line.contains("cannot be reached")), "{lines:?}");
    assert_eq!(sum(&metrics(&lines), "Invocations"), 3.0);
    // Three invocations, one start, one line of the extension's own, and what seven metrics say of it.
    assert_eq!(sum(&metrics(&lines), "TelemetryDropped"), 12.0);
}

#[tokio::test]
async fn what_is_refused_for_good_is_counted_metrics_too() {
    let backend = Backend::start(Mood::Failing(StatusCode::BAD_REQUEST)).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.stop().await;
    let lines = lines(&mut log);
    // An invocation, the environment's start, one line of the extension's own, and what seven metrics say of it.
    assert_eq!(sum(&metrics(&lines), "TelemetryDropped"), 10.0, "{lines:?}");
}

#[tokio::test]
async fn what_was_refused_for_good_is_not_tried_again() {
    let backend = Backend::start(Mood::Failing(StatusCode::BAD_REQUEST)).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    // The first is told before the second comes.
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.invoke(json!({})).await.result.unwrap();
    backend.turn(Mood::Well);
    lambda.stop().await;
    let got = backend.got();
    assert_eq!((got.sum("faas.invocations", ""), got.sum("faas.coldstarts", "")), (1, 0));
    let spans: Vec<_> = got.spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(spans, ["f"]);
    let metrics = metrics(&lines(&mut log));
    assert_eq!((sum(&metrics, "Invocations"), sum(&metrics, "TelemetryDropped") > 0.0), (2.0, true));
}

#[tokio::test]
async fn a_backend_that_stumbles_at_the_end_has_it_all() {
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
        let backend = Backend::start(Mood::Stumbling(status)).await;
        let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
        lambda.stop().await;
        assert_eq!(sum(&metrics(&lines(&mut log)), "TelemetryDropped"), 0.0, "{status}");
        let got = backend.got();
        // Two of the function's lines, and one about the backend.
        assert_eq!((got.sum("faas.invocations", ""), got.spans.len(), got.logs.len()), (1, 2, 3), "{status}");
    }
}

#[tokio::test]
async fn what_a_backend_rejects_of_what_it_takes_is_counted() {
    let backend = Backend::start(Mood::Picky).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    lambda.stop().await;
    let rejected = sum(&metrics(&lines(&mut log)), "TelemetryDropped");
    let got = backend.got();
    // What tells of them in the end is rejected as well, and nobody is left to be told.
    assert!(got.requests >= 4, "metrics twice, spans, lines: {got:?}");
    assert_eq!(rejected, f64::from(u32::try_from(got.requests).unwrap()), "one of each request");
}

#[tokio::test]
async fn a_request_that_is_not_answered_in_time_is_made_again() {
    let backend = Backend::start(Mood::Slow).await;
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*backend.endpoint), ("OTEL_EXPORTER_OTLP_TIMEOUT", "100")];
    let (lambda, mut log) = start(function(obedient(), &settings));
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    // It begins once the extension is ready with the first, which gives up on the backend meanwhile.
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    backend.turn(Mood::Well);
    lambda.stop().await;
    let lines = lines(&mut log);
    assert!(lines.iter().any(|line| line.contains("did not answer within 100ms")), "{lines:?}");
    assert_eq!(backend.got().sum("faas.invocations", ""), 2);
}

//! A backend in trouble.

use serde_json::json;

use crate::backend::{Backend, Mood};
use crate::house::{function, lines, metrics, obedient, start, sum};

/// Lines of the log wait for the backend; so many are kept.
const KEPT: f64 = 4096.0;
const INVOCATIONS: u32 = 2200;

#[tokio::test]
async fn what_a_failing_backend_did_not_take_is_delivered_once_it_does() {
    let backend = Backend::start(Mood::Failing).await;
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
    let backend = Backend::start(Mood::Failing).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    for _ in 0..INVOCATIONS {
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    }
    backend.turn(Mood::Well);
    lambda.stop().await;
    let (got, lines) = (backend.got(), lines(&mut log));
    let dropped = sum(&metrics(&lines), "TelemetryDropped");
    // Two lines each, and one about the backend.
    assert_eq!(f64::from(2 * INVOCATIONS + 1) - dropped, KEPT);
    assert_eq!(got.logs.len() + got.spans.len(), 4096 + 2200 + 1);
    assert_eq!(got.sum("faas.invocations", ""), i64::from(INVOCATIONS), "of metrics nothing is lost");
    assert_eq!(sum(&metrics(&lines), "Invocations"), f64::from(INVOCATIONS));
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
    let backend = Backend::start(Mood::Refusing).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.stop().await;
    let lines = lines(&mut log);
    // An invocation, the environment's start, one line of the extension's own, and what seven metrics say of it.
    assert_eq!(sum(&metrics(&lines), "TelemetryDropped"), 10.0, "{lines:?}");
}

#[tokio::test]
async fn a_backend_that_stumbles_at_the_end_has_it_all() {
    let backend = Backend::start(Mood::Stumbling).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.stop().await;
    assert_eq!(sum(&metrics(&lines(&mut log)), "TelemetryDropped"), 0.0);
    assert_eq!(backend.got().sum("faas.invocations", ""), 1);
}

//! Frozen, and then at an end.

use std::time::{Duration, Instant};

use emulator::Function;
use serde_json::json;

use crate::backend::{Backend, Mood};
use crate::house::{function, lines, metrics, obedient, start, sum};

#[tokio::test]
async fn what_a_frozen_environment_had_left_is_delivered_within_its_two_seconds() {
    let backend = Backend::start(Mood::Well).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    for _ in 0..5 {
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    }
    let begun = Instant::now();
    lambda.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let lines = lines(&mut log);
    assert!(!lines.iter().any(|line| line.contains("Killed")), "{lines:?}");
    let metrics = metrics(&lines);
    assert_eq!((sum(&metrics, "Invocations"), metrics["BilledDuration"].len()), (5.0, 5));
    let got = backend.got();
    assert_eq!((got.sum("faas.invocations", ""), got.logs.len()), (5, 10));
}

#[tokio::test]
async fn an_invocation_that_is_cut_off_is_told_with_what_led_to_it() {
    let (lambda, mut log) = start(Function { timeout: Duration::from_secs(1), ..function(obedient(), &[]) });
    lambda.invoke(json!({"do": "hang"})).await.result.unwrap_err();
    lambda.invoke(json!({"do": "exit"})).await.result.unwrap_err();
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.stop().await;
    let lines = lines(&mut log);
    let metrics = metrics(&lines);
    let counts = ["Invocations", "Errors", "Timeouts", "ColdStarts"].map(|name| sum(&metrics, name));
    assert_eq!(counts, [3.0, 2.0, 1.0, 3.0], "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("Killed")), "{lines:?}");
}

#[tokio::test]
async fn a_backend_that_never_answers_delays_no_end() {
    let backend = Backend::start(Mood::Slow).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    lambda.stop().await;
    let lines = lines(&mut log);
    assert!(!lines.iter().any(|line| line.contains("Killed")), "{lines:?}");
    // An invocation, the environment's start, two lines.
    assert_eq!(sum(&metrics(&lines), "TelemetryDropped"), 4.0, "{lines:?}");
}

//! When it is told.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::backend::{Backend, Mood};
use crate::deployment::{function, lines, metrics, obedient, start, sum};

#[tokio::test]
async fn a_rare_event_is_told_before_the_environment_freezes_and_frequent_ones_wait() {
    let backend = Backend::start(Mood::Well).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({})).await.result.unwrap();
    // An event begins when everybody is ready with the one before it.
    for _ in 0..3 {
        lambda.invoke(json!({})).await.result.unwrap();
        assert_eq!((backend.told("faas.invocations"), backend.told("faas.coldstarts")), (1, 1));
    }
    assert_eq!(sum(&metrics(&lines(&mut log)), "Invocations"), 1.0);
    lambda.stop().await;
    assert_eq!(backend.got().sum("faas.invocations", ""), 4);
}

#[tokio::test]
async fn frequent_events_are_told_every_five_seconds_while_others_are_in_hand() {
    let backend = Backend::start(Mood::Well).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    let begun = Instant::now();
    let mut invocations = 0_u32;
    while backend.told("faas.invocations") < 2 {
        lambda.invoke(json!({"do": "wait"})).await.result.unwrap();
        invocations += 1;
        assert!(begun.elapsed() < Duration::from_secs(9), "nothing is told");
    }
    let told = sum(&metrics(&lines(&mut log)), "Invocations");
    assert!((10.0..=f64::from(invocations)).contains(&told), "{told} of {invocations}");
    lambda.stop().await;
    assert_eq!(backend.got().sum("faas.invocations", ""), i64::from(invocations));
}

#[tokio::test]
async fn a_backend_that_does_not_answer_keeps_an_environment_from_its_next_event_for_a_moment() {
    let backend = Backend::start(Mood::Slow).await;
    let (lambda, _log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({})).await.result.unwrap();
    let begun = Instant::now();
    lambda.invoke(json!({})).await.result.unwrap();
    // 250 ms, and what a busy machine adds.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

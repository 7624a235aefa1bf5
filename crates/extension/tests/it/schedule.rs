//! Tests when data is written and exported.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::backend::{Backend, Behavior};
use crate::deployment::{function, lines, metrics, scripted, start, sum};

#[tokio::test]
async fn data_of_a_rare_event_is_sent_before_the_environment_freezes() {
    let backend = Backend::start(Behavior::Accepts).await;
    let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({})).await.result.unwrap();
    // An invocation begins when the function and the extension have finished the previous one.
    for _ in 0..3 {
        lambda.invoke(json!({})).await.result.unwrap();
        assert_eq!((backend.received_sum("faas.invocations"), backend.received_sum("faas.coldstarts")), (1, 1));
    }
    assert_eq!(sum(&metrics(&lines(&mut log)), "Invocations"), 1.0);
    lambda.stop().await;
    assert_eq!(backend.take_received().sum("faas.invocations", ""), 4);
}

#[tokio::test]
async fn data_of_frequent_events_is_sent_every_five_seconds() {
    let backend = Backend::start(Behavior::Accepts).await;
    let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    let started = Instant::now();
    let mut invocations = 0_u32;
    while backend.received_sum("faas.invocations") < 2 {
        lambda.invoke(json!({"do": "wait"})).await.result.unwrap();
        invocations += 1;
        assert!(started.elapsed() < Duration::from_secs(9), "nothing is sent");
    }
    let sent = sum(&metrics(&lines(&mut log)), "Invocations");
    assert!((10.0..=f64::from(invocations)).contains(&sent), "{sent} of {invocations}");
    lambda.stop().await;
    assert_eq!(backend.take_received().sum("faas.invocations", ""), i64::from(invocations));
}

#[tokio::test]
async fn backend_that_never_responds_delays_the_next_event_briefly() {
    let backend = Backend::start(Behavior::NeverResponds).await;
    let (lambda, _log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({})).await.result.unwrap();
    let started = Instant::now();
    lambda.invoke(json!({})).await.result.unwrap();
    // The delay is 250 ms. The limit is longer, because the machine may be busy.
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

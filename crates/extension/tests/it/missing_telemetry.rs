//! Tests environments in which telemetry does not arrive or stops.

use std::time::{Duration, Instant};

use emulator::{Extensions, Function, TelemetryApi};
use serde_json::json;

use crate::backend::{Backend, Behavior};
use crate::deployment::{extension, function, lines, scripted, start};

/// Runs two invocations and shuts the environment down. Returns the duration, and the extension's warnings about
/// telemetry.
async fn run(telemetry_api: TelemetryApi, timeout: Duration) -> (Duration, Vec<String>) {
    let extensions = Extensions { programs: vec![extension()], telemetry_api, ..Extensions::default() };
    let (lambda, mut log) = start(Function { extensions, timeout, ..function(scripted(), &[]) });
    let started = Instant::now();
    for _ in 0..2 {
        lambda.invoke(json!({})).await.result.unwrap();
    }
    lambda.stop().await;
    let duration = started.elapsed();
    let mut lines = lines(&mut log);
    lines.retain(|line| line.starts_with("avif-extension: no telemetry: "));
    (duration, lines)
}

#[tokio::test]
async fn without_telemetry_the_extension_does_not_wait_until_the_deadline() {
    for (telemetry_api, text) in [
        (TelemetryApi::NotSupported, "\"errorType\":\"Telemetry.NotSupported\"}. The function is not affected"),
        (TelemetryApi::NeverDelivers, "arrived within 250 ms. The function is not affected"),
        (TelemetryApi::StopsAfter("platform.initStart"), "arrived within 250 ms. The function is not affected"),
        (TelemetryApi::StopsAfter("platform.initReport"), "arrived within 250 ms. The function is not affected"),
    ] {
        let (duration, warnings) = run(telemetry_api, Duration::from_secs(20)).await;
        assert!(duration < Duration::from_secs(10), "{telemetry_api:?}: {duration:?}");
        assert!(warnings.len() == 1 && warnings[0].contains(text), "{telemetry_api:?}: {warnings:?}");
        assert!(warnings[0].contains("etrics, logs "), "the warning states the consequence: {warnings:?}");
    }
}

#[tokio::test]
async fn telemetry_that_stops_between_invocations_is_logged_when_the_environment_ends() {
    let (_, warnings) = run(TelemetryApi::StopsAfter("platform.runtimeDone"), Duration::from_secs(20)).await;
    assert!(warnings.len() == 1 && warnings[0].contains("for the last invocations (1)"), "{warnings:?}");
}

/// Telemetry reports the start of the first invocation but not its end, so the extension waits until the deadline.
#[tokio::test]
async fn telemetry_that_stops_during_an_invocation_is_logged_at_the_next_one() {
    let (_, warnings) = run(TelemetryApi::StopsAfter("platform.start"), Duration::from_secs(1)).await;
    let text = "(platform.runtimeDone) was not reported before its deadline";
    assert!(warnings.len() == 1 && warnings[0].contains(text), "{warnings:?}");
}

/// The function runs for 300 ms, longer than the extension waits for the first record of an invocation.
#[tokio::test]
async fn with_telemetry_the_extension_waits_for_a_slow_function() {
    let backend = Backend::start(Behavior::Accepts).await;
    let (lambda, _log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({"do": "wait"})).await.result.unwrap();
    // This invocation begins when the function and the extension have finished the previous one.
    lambda.invoke(json!({})).await.result.unwrap();
    assert_eq!(backend.received_sum("faas.invocations"), 1);
    lambda.stop().await;
}

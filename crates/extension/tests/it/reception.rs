//! Where telemetry does not arrive, or stops.

use std::time::{Duration, Instant};

use emulator::{Beside, Function, TelemetryApi};
use serde_json::json;

use crate::backend::{Backend, Mood};
use crate::deployment::{extension, function, lines, obedient, start};

/// Two invocations and the end of their environment. Gives how long that took, and what the extension says of telemetry.
async fn run(telemetry: TelemetryApi, timeout: Duration) -> (Duration, Vec<String>) {
    let beside = Beside { extensions: vec![extension()], telemetry, ..Beside::default() };
    let (lambda, mut log) = start(Function { beside, timeout, ..function(obedient(), &[]) });
    let begun = Instant::now();
    for _ in 0..2 {
        lambda.invoke(json!({})).await.result.unwrap();
    }
    lambda.stop().await;
    let took = begun.elapsed();
    let mut lines = lines(&mut log);
    lines.retain(|line| line.starts_with("avif-extension: no telemetry: "));
    (took, lines)
}

#[tokio::test]
async fn without_telemetry_no_invocation_is_held_until_its_deadline() {
    for (telemetry, words) in [
        (TelemetryApi::NotSupported, "\"errorType\":\"Telemetry.NotSupported\"}. The function is not affected"),
        (TelemetryApi::NeverServed, "arrived within 250 ms. The function is not affected"),
        (TelemetryApi::StopsAfter("platform.initStart"), "arrived within 250 ms. The function is not affected"),
        (TelemetryApi::StopsAfter("platform.initReport"), "arrived within 250 ms. The function is not affected"),
    ] {
        let (took, warnings) = run(telemetry, Duration::from_secs(20)).await;
        assert!(took < Duration::from_secs(10), "{telemetry:?}: {took:?}");
        assert!(warnings.len() == 1 && warnings[0].contains(words), "{telemetry:?}: {warnings:?}");
        assert!(warnings[0].contains("etrics, logs "), "and what that means: {warnings:?}");
    }
}

#[tokio::test]
async fn telemetry_that_stops_between_invocations_is_logged_when_the_environment_ends() {
    let (_, warnings) = run(TelemetryApi::StopsAfter("platform.runtimeDone"), Duration::from_secs(20)).await;
    assert!(warnings.len() == 1 && warnings[0].contains("for the last invocations (1)"), "{warnings:?}");
}

/// Nothing shows that an invocation whose beginning was reported will have no reported end.
#[tokio::test]
async fn telemetry_that_stops_during_an_invocation_is_logged_by_the_next() {
    let (_, warnings) = run(TelemetryApi::StopsAfter("platform.start"), Duration::from_secs(1)).await;
    let words = "(platform.runtimeDone) was not reported before its deadline";
    assert!(warnings.len() == 1 && warnings[0].contains(words), "{warnings:?}");
}

/// It runs for 300 ms, longer than an invocation is held back without a sign of telemetry.
#[tokio::test]
async fn with_telemetry_a_busy_function_is_waited_for() {
    let backend = Backend::start(Mood::Well).await;
    let (lambda, _log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({"do": "wait"})).await.result.unwrap();
    // It begins when everybody is ready with the one before it.
    lambda.invoke(json!({})).await.result.unwrap();
    assert_eq!(backend.told("faas.invocations"), 1);
    lambda.stop().await;
}

//! Frozen, and then at an end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use emulator::Function;
use extension::agent::Agent;
use extension::config::Config;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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

/// A process that stands still sees neither its clock go on nor its connections die.
#[tokio::test]
async fn after_ten_minutes_of_frozen_time_nothing_waits_for_a_connection_that_is_dead() {
    let backend = Backend::start(Mood::Well).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    // The first is told while it is in hand, the second is not.
    for _ in 0..2 {
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    }
    backend.forget();
    lambda.stop().await;
    let lines = lines(&mut log);
    assert!(!lines.iter().any(|line| line.contains("Killed")), "{lines:?}");
    assert_eq!(sum(&metrics(&lines), "TelemetryDropped"), 0.0);
    let got = backend.got();
    let spans = got.spans.iter().filter(|span| span.name == "f").count();
    assert_eq!((got.sum("faas.invocations", ""), spans, got.logs.len()), (2, 2, 4));
}

/// What came before the environment was frozen is ten minutes old, and its last record comes when it wakes.
#[tokio::test]
async fn records_that_are_ten_minutes_old_are_told_with_their_own_times() {
    let backend = Backend::start(Mood::Well).await;
    let (config, _) = Config::parse(&BTreeMap::from([
        ("AWS_LAMBDA_FUNCTION_NAME".into(), "f".into()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT".into(), backend.endpoint.clone()),
        ("TELEMETRY_EMF".into(), "false".into()),
    ]));
    let agent = Agent::new(&config, None, "instance");
    let now = OffsetDateTime::now_utc();
    let record = |at: OffsetDateTime, kind: &str, record: Value| {
        let at = at.format(&Rfc3339).unwrap();
        agent.take(json!([{ "time": at, "type": kind, "record": record }]).to_string().as_bytes());
    };
    let before = now - Duration::from_mins(10);
    record(before, "platform.start", json!({ "requestId": "r" }));
    record(before, "function", json!("a line"));
    record(
        before,
        "platform.runtimeDone",
        json!({ "requestId": "r", "status": "success", "metrics": { "durationMs": 5.0 } }),
    );
    record(
        now,
        "platform.report",
        json!({ "requestId": "r", "status": "success", "metrics": { "billedDurationMs": 6.0 } }),
    );

    let end = now + Duration::from_secs(2);
    agent.shut_down(u64::try_from(end.unix_timestamp_nanos() / 1_000_000).unwrap()).await;
    assert!(OffsetDateTime::now_utc() < end);
    let got = backend.got();
    assert_eq!((got.sum("faas.invocations", ""), got.histogram("aws.lambda.billed_duration", "").0), (1, 1));
    let span = &got.spans[0];
    let began = u64::try_from(before.unix_timestamp_nanos()).unwrap();
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (began, began + 5_000_000));
    assert_eq!((got.spans.len(), got.logs.len(), got.logs[0].time_unix_nano), (1, 1, began));
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
    // An invocation, the environment's start, two lines, and what seven metrics say of it.
    assert_eq!(sum(&metrics(&lines), "TelemetryDropped"), 11.0, "{lines:?}");
}

//! Frozen, and then at an end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use emulator::{Function, Lambda};
use extension::agent::Agent;
use extension::config::Config;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use crate::backend::{Backend, Mood, body};
use crate::deployment::{function, lines, metrics, obedient, start, sum};

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

/// The first is told while it is in hand, the second is not.
async fn two(backend: &Backend, timeout_ms: &str) -> (Lambda, UnboundedReceiver<String>) {
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*backend.endpoint), ("OTEL_EXPORTER_OTLP_TIMEOUT", timeout_ms)];
    let (lambda, log) = start(function(obedient(), &settings));
    for _ in 0..2 {
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    }
    (lambda, log)
}

/// The environment wakes for its end, and all is there within the 2 s of it.
async fn all_is_delivered(backend: &Backend, lambda: Lambda, mut log: UnboundedReceiver<String>) {
    let begun = Instant::now();
    lambda.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let lines = lines(&mut log);
    assert!(!lines.iter().any(|line| line.contains("Killed")), "{lines:?}");
    let metrics = metrics(&lines);
    let counts = ["Invocations", "ColdStarts", "TelemetryDropped"].map(|name| sum(&metrics, name));
    assert_eq!((counts, metrics["BilledDuration"].len()), ([2.0, 1.0, 0.0], 2), "{lines:?}");
    let got = backend.got();
    let spans = |name: &str| got.spans.iter().filter(|span| span.name == name).count();
    assert_eq!((got.sum("faas.invocations", ""), got.sum("faas.coldstarts", "")), (2, 1));
    assert_eq!((spans("f"), spans("init")), (2, 1));
    let printed = |text: &str| got.logs.iter().filter(|log| body(log) == text).count();
    assert_eq!((printed("out"), printed("err")), (2, 2));
}

/// A virtual machine that stands still sees neither its clock go on nor its connections die: none of its timers is due
/// when it wakes, and nobody tells it that who was there is long gone.
#[tokio::test]
async fn after_ten_minutes_in_which_its_clock_stood_still_nothing_waits_for_what_is_dead() {
    let backend = Backend::start(Mood::Well).await;
    let (lambda, log) = two(&backend, "").await;
    backend.forget();
    all_is_delivered(&backend, lambda, log).await;

    // The same with a delivery that was under way when all stood still.
    let backend = Backend::start(Mood::Slow).await;
    let (lambda, log) = two(&backend, "").await;
    backend.turn(Mood::Well);
    all_is_delivered(&backend, lambda, log).await;
}

/// A process that stands still does see its clock go on: every timer that it has is due when it wakes. It has two then:
/// until the next time that all is told, 5 s, and a request's limit, which is less here. Of those that are longer, or
/// shorter, none runs between two events. So 6 s are as good as ten minutes; the time of day, which goes on besides,
/// is in the next test.
#[tokio::test]
async fn after_ten_minutes_in_which_its_clock_went_on_all_that_is_due_at_once_is_delivered() {
    let backend = Backend::start(Mood::Slow).await;
    let (lambda, log) = two(&backend, "4000").await;
    sleep(Duration::from_secs(6)).await;
    backend.forget();
    backend.turn(Mood::Well);
    all_is_delivered(&backend, lambda, log).await;
}

/// An agent without an environment, for records of whatever time.
fn agent(backend: &Backend) -> Agent {
    let (config, _) = Config::parse(&BTreeMap::from([
        ("AWS_LAMBDA_FUNCTION_NAME".into(), "f".into()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT".into(), backend.endpoint.clone()),
        ("TELEMETRY_EMF".into(), "false".into()),
    ]));
    Agent::new(&config, None, "instance")
}

/// Its end, for which it has the environment's 2 s from then.
async fn shut_down(agent: &Agent, from: OffsetDateTime) {
    let end = from + Duration::from_secs(2);
    agent.shut_down(u64::try_from(end.unix_timestamp_nanos() / 1_000_000).unwrap()).await;
    assert!(OffsetDateTime::now_utc() < end);
}

/// What came before the environment was frozen is ten minutes old, and its last record comes when it wakes.
#[tokio::test]
async fn records_that_are_ten_minutes_old_are_told_with_their_own_times() {
    let backend = Backend::start(Mood::Well).await;
    let agent = agent(&backend);
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

    shut_down(&agent, now).await;
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

/// What nobody could read, what Lambda itself lost, and the end of an invocation.
#[tokio::test]
async fn records_that_never_came_are_counted() {
    let backend = Backend::start(Mood::Well).await;
    let agent = agent(&backend);
    agent.take(b"no JSON");
    let now = OffsetDateTime::now_utc();
    let lost = json!({ "reason": "slow", "droppedRecords": 3, "droppedBytes": 12 });
    let at = now.format(&Rfc3339).unwrap();
    let batch = json!([
        { "time": at, "type": "platform.logsDropped", "record": lost },
        { "time": at, "type": "platform.start", "record": { "requestId": "r" } },
    ]);
    agent.take(batch.to_string().as_bytes());
    shut_down(&agent, now).await;
    let got = backend.got();
    assert_eq!((got.sum("telemetry.dropped", ""), got.sum("faas.errors", ""), got.spans.len()), (4, 1, 1));
}

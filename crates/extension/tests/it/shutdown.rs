//! Tests the shutdown phase, also after an environment was frozen for minutes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use emulator::{Function, Lambda};
use extension::config::Config;
use extension::pipeline::Pipeline;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use crate::backend::{Backend, Behavior, body};
use crate::deployment::{function, lines, metrics, scripted, start, sum};

#[tokio::test]
async fn pending_data_is_delivered_within_two_seconds_of_shutdown() {
    let backend = Backend::start(Behavior::Accepts).await;
    let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    for _ in 0..5 {
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    }
    let started = Instant::now();
    lambda.stop().await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let lines = lines(&mut log);
    assert!(!lines.iter().any(|line| line.contains("Killed")), "{lines:?}");
    let metrics = metrics(&lines);
    assert_eq!((sum(&metrics, "Invocations"), metrics["BilledDuration"].len()), (5.0, 5));
    let received = backend.take_received();
    assert_eq!((received.sum("faas.invocations", ""), received.logs.len()), (5, 10));
}

/// Invokes the function twice. The data of the first invocation is sent before the second invocation begins. The data
/// of the second invocation is pending.
async fn invoke_twice(backend: &Backend, timeout_ms: &str) -> (Lambda, UnboundedReceiver<String>) {
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*backend.endpoint), ("OTEL_EXPORTER_OTLP_TIMEOUT", timeout_ms)];
    let (lambda, log) = start(function(scripted(), &settings));
    for _ in 0..2 {
        lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    }
    (lambda, log)
}

/// Shuts the environment down, and asserts that all data is delivered within 2 s.
async fn check_shutdown(backend: &Backend, lambda: Lambda, mut log: UnboundedReceiver<String>) {
    let started = Instant::now();
    lambda.stop().await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let lines = lines(&mut log);
    assert!(!lines.iter().any(|line| line.contains("Killed")), "{lines:?}");
    let metrics = metrics(&lines);
    let counts = ["Invocations", "ColdStarts", "TelemetryDropped"].map(|name| sum(&metrics, name));
    assert_eq!((counts, metrics["BilledDuration"].len()), ([2.0, 1.0, 0.0], 2), "{lines:?}");
    let received = backend.take_received();
    let spans = |name: &str| received.spans.iter().filter(|span| span.name == name).count();
    assert_eq!((received.sum("faas.invocations", ""), received.sum("faas.coldstarts", "")), (2, 1));
    assert_eq!((spans("f"), spans("init")), (2, 1));
    let printed = |text: &str| received.logs.iter().filter(|log| body(log) == text).count();
    assert_eq!((printed("out"), printed("err")), (2, 2));
}

/// While a virtual machine is frozen, its clock stops. Therefore no timer is due when the machine resumes, and the
/// extension does not detect that connections broke during the freeze.
#[tokio::test]
async fn shutdown_after_a_freeze_with_a_stopped_clock_ignores_broken_connections() {
    let backend = Backend::start(Behavior::Accepts).await;
    let (lambda, log) = invoke_twice(&backend, "").await;
    backend.kill_connections();
    check_shutdown(&backend, lambda, log).await;

    // The backend never responds, so the environment freezes during an export.
    let backend = Backend::start(Behavior::NeverResponds).await;
    let (lambda, log) = invoke_twice(&backend, "").await;
    backend.set_behavior(Behavior::Accepts);
    check_shutdown(&backend, lambda, log).await;
}

/// The clock of a stopped process continues, so all its timers are due when the process resumes. Between two events the
/// extension has two timers: the interval of exports, 5 s, and the timeout of a request, 4 s here. A freeze of 6 s
/// therefore has the same effect as a freeze of ten minutes. The next test covers the system time.
#[tokio::test]
async fn shutdown_after_a_freeze_with_a_running_clock_delivers_all_data() {
    let backend = Backend::start(Behavior::NeverResponds).await;
    let (lambda, log) = invoke_twice(&backend, "4000").await;
    sleep(Duration::from_secs(6)).await;
    backend.kill_connections();
    backend.set_behavior(Behavior::Accepts);
    check_shutdown(&backend, lambda, log).await;
}

/// Creates a pipeline without an environment, for records with any time.
fn pipeline(backend: &Backend) -> Pipeline {
    let (config, _) = Config::parse(&BTreeMap::from([
        ("AWS_LAMBDA_FUNCTION_NAME".into(), "f".into()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT".into(), backend.endpoint.clone()),
        ("TELEMETRY_EMF".into(), "false".into()),
    ]));
    Pipeline::new(&config, None, "instance")
}

/// Shuts the pipeline down. The deadline is 2 s after `from`.
async fn shut_down(pipeline: &Pipeline, from: OffsetDateTime) {
    let end = from + Duration::from_secs(2);
    pipeline.handle_shutdown(u64::try_from(end.unix_timestamp_nanos() / 1_000_000).unwrap()).await;
    assert!(OffsetDateTime::now_utc() < end);
}

/// The first records arrive before a freeze of ten minutes, and the last record arrives after the freeze.
#[tokio::test]
async fn records_from_before_a_freeze_keep_their_times() {
    let backend = Backend::start(Behavior::Accepts).await;
    let pipeline = pipeline(&backend);
    let now = OffsetDateTime::now_utc();
    let record = |at: OffsetDateTime, kind: &str, record: Value| {
        let at = at.format(&Rfc3339).unwrap();
        pipeline.receive(json!([{ "time": at, "type": kind, "record": record }]).to_string().as_bytes());
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

    shut_down(&pipeline, now).await;
    let received = backend.take_received();
    assert_eq!((received.sum("faas.invocations", ""), received.histogram("aws.lambda.billed_duration", "").0), (1, 1));
    let span = &received.spans[0];
    let began = u64::try_from(before.unix_timestamp_nanos()).unwrap();
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (began, began + 5_000_000));
    assert_eq!((received.spans.len(), received.logs.len(), received.logs[0].time_unix_nano), (1, 1, began));
}

#[tokio::test]
async fn timeouts_and_crashes_are_counted_as_errors() {
    let (lambda, mut log) = start(Function { timeout: Duration::from_secs(1), ..function(scripted(), &[]) });
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
async fn backend_that_never_responds_does_not_delay_shutdown() {
    let backend = Backend::start(Behavior::NeverResponds).await;
    let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    lambda.stop().await;
    let lines = lines(&mut log);
    assert!(!lines.iter().any(|line| line.contains("Killed")), "{lines:?}");
    // The dropped items are the spans of the invocation and the init phase, two lines, and seven data points.
    assert_eq!(sum(&metrics(&lines), "TelemetryDropped"), 11.0, "{lines:?}");
}

/// The test sends an invalid batch, reports records that Lambda dropped, and does not report the end of an invocation.
#[tokio::test]
async fn missing_records_are_counted() {
    let backend = Backend::start(Behavior::Accepts).await;
    let pipeline = pipeline(&backend);
    pipeline.receive(b"no JSON");
    let now = OffsetDateTime::now_utc();
    let dropped = json!({ "reason": "slow", "droppedRecords": 3, "droppedBytes": 12 });
    let at = now.format(&Rfc3339).unwrap();
    let batch = json!([
        { "time": at, "type": "platform.logsDropped", "record": dropped },
        { "time": at, "type": "platform.start", "record": { "requestId": "r" } },
    ]);
    pipeline.receive(batch.to_string().as_bytes());
    shut_down(&pipeline, now).await;
    let received = backend.take_received();
    assert_eq!(
        (received.sum("telemetry.dropped", ""), received.sum("faas.errors", ""), received.spans.len()),
        (4, 1, 1)
    );
}

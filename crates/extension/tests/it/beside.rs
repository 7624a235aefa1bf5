//! Beside a function that is not ours.

use std::time::{Duration, Instant};

use emulator::Beside;
use serde_json::json;

use crate::backend::{Backend, Mood, attribute_of};
use crate::deployment::{extension, function, lines, metrics, obedient, start, sum};

#[tokio::test]
async fn any_function_has_metrics_logs_and_a_trace_for_each_invocation() {
    let backend = Backend::start(Mood::Well).await;
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", backend.endpoint.as_str()), ("OTEL_SERVICE_NAME", "shop")];
    let (lambda, mut log) = start(function(obedient(), &settings));
    let told = lambda.invoke(json!({})).await;
    let header = told.result.as_ref().unwrap()["trace_id"].as_str().unwrap().to_owned();
    lambda.invoke(json!({"do": "print"})).await;
    let failed = lambda.invoke(json!({"do": "fail"})).await;
    lambda.stop().await;

    let lines = lines(&mut log);
    let metrics = metrics(&lines);
    let counts = ["Invocations", "Errors", "ColdStarts", "Timeouts", "Converted"].map(|name| sum(&metrics, name));
    assert_eq!(counts, [3.0, 1.0, 1.0, 0.0, 0.0], "{lines:?}");
    for name in ["Duration", "BilledDuration", "MemoryUsed", "MemorySize"] {
        assert_eq!(metrics[name].len(), 3, "{name} in {metrics:?}");
    }
    assert_eq!((metrics["InitDuration"].len(), metrics["MemorySize"][0]), (1, 2048.0));

    let got = backend.got();
    assert_eq!((got.sum("faas.invocations", ""), got.sum("faas.errors", "")), (2, 1), "successes and failures");
    assert_eq!((got.sum("faas.coldstarts", ""), got.histogram("faas.invoke_duration", "").0), (1, 3));
    assert_eq!((got.resource["service.name"].as_str(), got.resource["faas.name"].as_str()), ("shop", "f"));
    assert_eq!(got.resource["cloud.resource_id"], "arn:aws:lambda:us-east-1:123456789012:function:f");

    let first = got
        .spans
        .iter()
        .find(|span| span.name == "f" && attribute_of(span, "faas.invocation_id").as_ref() == Some(&told.request_id));
    let root = header.split(';').next().unwrap().trim_start_matches("Root=1-").replace('-', "");
    let trace = u128::from_be_bytes(first.unwrap().trace_id.clone().try_into().unwrap());
    assert_eq!(format!("{trace:032x}"), root, "the trace is X-Ray's");
    let parent = u64::from_be_bytes(first.unwrap().parent_span_id.clone().try_into().unwrap());
    assert!(header.contains(&format!(";Parent={parent:016x};")), "and so is who called: {header}, {parent:016x}");
    let names: Vec<_> = got.spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names.iter().filter(|name| **name == "f").count(), 3, "{names:?}");
    assert_eq!(names.iter().filter(|name| **name == "init").count(), 1, "{names:?}");
    let failed =
        got.spans.iter().find(|span| attribute_of(span, "faas.invocation_id").as_ref() == Some(&failed.request_id));
    assert_eq!(attribute_of(failed.unwrap(), "error.type").as_deref(), Some("Told"));
    assert_eq!(got.logs.len(), 2, "out and err: {:?}", got.logs);
}

#[tokio::test]
async fn an_environment_is_subscribed_to_by_the_schema_that_it_knows() {
    for schema in ["2025-01-29", "2022-12-13"] {
        let beside = Beside { extensions: vec![extension()], schemas: vec![schema], ..Beside::default() };
        let (lambda, mut log) = start(emulator::Function { beside, ..function(obedient(), &[]) });
        lambda.invoke(json!({})).await.result.unwrap();
        lambda.stop().await;
        assert_eq!(sum(&metrics(&lines(&mut log)), "Invocations"), 1.0, "{schema}");
    }
}

#[tokio::test]
async fn without_telemetry_the_function_works_on() {
    let beside = Beside { extensions: vec![extension()], schemas: vec![], ..Beside::default() };
    let (lambda, mut log) =
        start(emulator::Function { beside, ..function(obedient(), &[("TELEMETRY_EMF", "perhaps")]) });
    let begun = Instant::now();
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "nothing is waited for that will never be told");
    let lines = lines(&mut log).join("\n");
    assert!(
        lines.contains(
            "avif-extension: no telemetry: the Telemetry API answered the subscription with 400 Bad Request: "
        ) && lines.contains("TELEMETRY_EMF"),
        "{lines}"
    );
}

#[tokio::test]
async fn tries_of_one_event_are_told_apart() {
    let backend = Backend::start(Mood::Well).await;
    let (lambda, mut log) = start(function(obedient(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    let delivery = lambda.deliver(json!({"do": "fail"})).await;
    lambda.stop().await;
    assert!(delivery.retried.iter().all(|earlier| earlier.request_id == delivery.last.request_id));
    let metrics = metrics(&lines(&mut log));
    assert_eq!((sum(&metrics, "Invocations"), sum(&metrics, "Errors")), (3.0, 3.0));
    let got = backend.got();
    let ids: std::collections::BTreeSet<_> = got.spans.iter().map(|span| &span.span_id).collect();
    assert_eq!((got.spans.len(), ids.len()), (4, 4), "three tries and one start: {:?}", got.spans);
}

/// Lambda refuses who asks for more there, and the environment does not start.
#[tokio::test]
async fn on_a_managed_instance_only_its_end_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.ndjson");
    let managed =
        [("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances"), ("TELEMETRY_FILE", file.to_str().unwrap())];
    let (lambda, mut log) = start(function(obedient(), &managed));
    for _ in 0..3 {
        lambda.invoke(json!({})).await.result.unwrap();
    }
    lambda.stop().await;
    assert_eq!(sum(&metrics(&lines(&mut log)), "Invocations"), 3.0);
    let records = std::fs::read_to_string(file).unwrap();
    assert!(records.contains(r#""events":["SHUTDOWN"]"#), "{records}");
}

#[tokio::test]
async fn records_are_kept_in_a_file_where_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.ndjson");
    let (lambda, _log) = start(function(obedient(), &[("TELEMETRY_FILE", file.to_str().unwrap())]));
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    lambda.stop().await;
    let records = std::fs::read_to_string(file).unwrap();
    let records: Vec<serde_json::Value> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let place = |kind: &str| records.iter().position(|record| record["type"] == kind).unwrap_or(usize::MAX);
    let order =
        ["platform.initStart", "platform.initReport", "platform.start", "platform.runtimeDone", "platform.report"];
    assert!(order.map(place).is_sorted() && place("platform.report") < usize::MAX, "{records:?}");
    assert!(records.iter().any(|record| record["type"] == "function" && record["record"] == "out"), "{records:?}");
}

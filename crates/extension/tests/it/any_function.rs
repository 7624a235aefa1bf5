//! Tests the extension with a function other than avif-lambda's.

use std::time::{Duration, Instant};

use emulator::Extensions;
use serde_json::json;

use crate::backend::{Backend, Behavior, attribute_of};
use crate::deployment::{extension, function, lines, metrics, scripted, start, sum};

#[tokio::test]
async fn any_function_gets_metrics_logs_and_a_trace_per_invocation() {
    let backend = Backend::start(Behavior::Accepts).await;
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", backend.endpoint.as_str()), ("OTEL_SERVICE_NAME", "shop")];
    let (lambda, mut log) = start(function(scripted(), &settings));
    let first_invocation = lambda.invoke(json!({})).await;
    let header = first_invocation.result.as_ref().unwrap()["trace_id"].as_str().unwrap().to_owned();
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

    let received = backend.take_received();
    assert_eq!(
        (received.sum("faas.invocations", ""), received.sum("faas.errors", "")),
        (2, 1),
        "successes and failures"
    );
    assert_eq!((received.sum("faas.coldstarts", ""), received.histogram("faas.invoke_duration", "").0), (1, 3));
    assert_eq!((received.resource["service.name"].as_str(), received.resource["faas.name"].as_str()), ("shop", "f"));
    assert_eq!(received.resource["cloud.resource_id"], "arn:aws:lambda:us-east-1:123456789012:function:f");

    let first = received.spans.iter().find(|span| {
        span.name == "f" && attribute_of(span, "faas.invocation_id").as_ref() == Some(&first_invocation.request_id)
    });
    let root = header.split(';').next().unwrap().trim_start_matches("Root=1-").replace('-', "");
    let trace = u128::from_be_bytes(first.unwrap().trace_id.clone().try_into().unwrap());
    assert_eq!(format!("{trace:032x}"), root, "the trace identifier is X-Ray's");
    let parent = u64::from_be_bytes(first.unwrap().parent_span_id.clone().try_into().unwrap());
    assert!(header.contains(&format!(";Parent={parent:016x};")), "the parent is X-Ray's: {header}, {parent:016x}");
    let names: Vec<_> = received.spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names.iter().filter(|name| **name == "f").count(), 3, "{names:?}");
    assert_eq!(names.iter().filter(|name| **name == "init").count(), 1, "{names:?}");
    let failed = received
        .spans
        .iter()
        .find(|span| attribute_of(span, "faas.invocation_id").as_ref() == Some(&failed.request_id));
    assert_eq!(attribute_of(failed.unwrap(), "error.type").as_deref(), Some("RequestedError"));
    assert_eq!(received.logs.len(), 2, "out and err: {:?}", received.logs);
}

#[tokio::test]
async fn subscription_uses_a_schema_version_that_lambda_accepts() {
    for schema in ["2025-01-29", "2022-12-13"] {
        let extensions =
            Extensions { programs: vec![extension()], telemetry_schemas: vec![schema], ..Extensions::default() };
        let (lambda, mut log) = start(emulator::Function { extensions, ..function(scripted(), &[]) });
        lambda.invoke(json!({})).await.result.unwrap();
        lambda.stop().await;
        assert_eq!(sum(&metrics(&lines(&mut log)), "Invocations"), 1.0, "{schema}");
    }
}

#[tokio::test]
async fn function_is_not_affected_if_the_subscription_is_rejected() {
    let extensions = Extensions { programs: vec![extension()], telemetry_schemas: vec![], ..Extensions::default() };
    let (lambda, mut log) =
        start(emulator::Function { extensions, ..function(scripted(), &[("TELEMETRY_EMF", "perhaps")]) });
    let started = Instant::now();
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5), "the extension waited for telemetry");
    let lines = lines(&mut log).join("\n");
    assert!(
        lines.contains(
            "avif-extension: no telemetry: the Telemetry API responded to the subscription with 400 Bad Request: "
        ) && lines.contains("TELEMETRY_EMF"),
        "{lines}"
    );
}

#[tokio::test]
async fn attempts_of_one_event_have_distinct_spans() {
    let backend = Backend::start(Behavior::Accepts).await;
    let (lambda, mut log) = start(function(scripted(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.endpoint)]));
    let invocation = lambda.invoke_async(json!({"do": "fail"})).await;
    lambda.stop().await;
    assert!(invocation.failed_attempts.iter().all(|earlier| earlier.request_id == invocation.last_attempt.request_id));
    let metrics = metrics(&lines(&mut log));
    assert_eq!((sum(&metrics, "Invocations"), sum(&metrics, "Errors")), (3.0, 3.0));
    let received = backend.take_received();
    let ids: std::collections::BTreeSet<_> = received.spans.iter().map(|span| &span.span_id).collect();
    assert_eq!((received.spans.len(), ids.len()), (4, 4), "three attempts and one init phase: {:?}", received.spans);
}

/// On a managed instance, Lambda rejects a registration for INVOKE events, and the environment fails to start.
#[tokio::test]
async fn extension_on_a_managed_instance_receives_no_invoke_event() {
    let managed = [("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")];
    let (lambda, mut log) = start(function(scripted(), &managed));
    lambda.invoke(json!({})).await.result.unwrap();
    // If the extension had registered for INVOKE, it would write the metrics of the first event, which is rare, before
    // the next event.
    lambda.invoke(json!({})).await.result.unwrap();
    assert_eq!(sum(&metrics(&lines(&mut log)), "Invocations"), 0.0);
    lambda.stop().await;
    assert_eq!(sum(&metrics(&lines(&mut log)), "Invocations"), 2.0);
}

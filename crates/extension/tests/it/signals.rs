//! Tests the separate backends of metrics, traces and logs.

use axum::http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::backend::{Backend, Behavior};
use crate::deployment::{self, function, lines, scripted, start, sum};

#[tokio::test]
async fn each_signal_is_sent_to_its_own_backend_with_its_own_settings() {
    let (metrics, traces) = (Backend::start(Behavior::Accepts).await, Backend::start(Behavior::Accepts).await);
    let own = format!("{}/own/path", traces.endpoint);
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", metrics.endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &own),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-key=c"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,cloud.region=here"),
    ];
    let (lambda, mut log) = start(function(scripted(), &settings));
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    lambda.stop().await;
    assert_eq!(
        sum(&deployment::metrics(&lines(&mut log)), "TelemetryDropped"),
        0.0,
        "log lines without a backend are not counted as dropped"
    );

    let (metrics, traces, gzip) = (metrics.take_received(), traces.take_received(), HeaderValue::from_static("gzip"));
    assert_eq!((metrics.sum("faas.invocations", ""), metrics.spans.len(), metrics.logs.len()), (1, 0, 0));
    assert_eq!((traces.sums.len(), traces.spans.len(), traces.logs.len()), (0, 2, 0));
    assert_eq!([&metrics.headers["x-key"], &traces.headers["x-key"]], ["a b", "c"]);
    assert_eq!((metrics.headers.get("content-encoding"), &traces.headers["content-encoding"]), (None, &gzip));
    for resource in [&metrics.resource, &traces.resource] {
        let attributes =
            ["service.name", "cloud.region", "deployment.environment.name"].map(|name| resource[name].as_str());
        assert_eq!(attributes, ["f", "here", "test"]);
    }
}

#[tokio::test]
async fn failing_backend_does_not_affect_other_signals() {
    let (accepting, failing) = (
        Backend::start(Behavior::Accepts).await,
        Backend::start(Behavior::Fails(StatusCode::INTERNAL_SERVER_ERROR)).await,
    );
    let metrics = format!("{}/v1/metrics", failing.endpoint);
    let settings =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", &*accepting.endpoint), ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &*metrics)];
    let (lambda, mut log) = start(function(scripted(), &settings));
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.invoke(json!({})).await.result.unwrap();
    let (spans, lines) = (accepting.take_received().spans.len(), lines(&mut log).join("\n"));
    assert_eq!(spans, 2, "the spans of the first invocation and the init phase");
    assert!(lines.contains("the backend for metrics responded 500"), "{lines}");
    lambda.stop().await;
}

#[tokio::test]
async fn unsupported_protocol_is_reported_with_a_fix() {
    let backend = Backend::start(Behavior::Accepts).await;
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*backend.endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let (lambda, mut log) = start(function(scripted(), &settings));
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.stop().await;
    let lines = lines(&mut log);
    let errors = lines.iter().filter(|line| line.contains("OTEL_EXPORTER_OTLP_PROTOCOL: grpc: expected http/protobuf"));
    assert_eq!(errors.count(), 1, "{lines:?}");
    assert_eq!(backend.take_received().sum("faas.invocations", ""), 1, "the default protocol is used");
}

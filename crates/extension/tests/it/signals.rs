//! Metrics, traces and logs, each where it is wanted.

use axum::http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::backend::{Backend, Mood};
use crate::deployment::{self, function, lines, obedient, start, sum};

#[tokio::test]
async fn each_signal_goes_to_a_backend_of_its_own_as_that_wants_it() {
    let (metrics, traces) = (Backend::start(Mood::Well).await, Backend::start(Mood::Well).await);
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
    let (lambda, mut log) = start(function(obedient(), &settings));
    lambda.invoke(json!({"do": "print"})).await.result.unwrap();
    lambda.stop().await;
    assert_eq!(sum(&deployment::metrics(&lines(&mut log)), "TelemetryDropped"), 0.0, "what is not wanted is not lost");

    let (metrics, traces, gzip) = (metrics.got(), traces.got(), HeaderValue::from_static("gzip"));
    assert_eq!((metrics.sum("faas.invocations", ""), metrics.spans.len(), metrics.logs.len()), (1, 0, 0));
    assert_eq!((traces.sums.len(), traces.spans.len(), traces.logs.len()), (0, 2, 0));
    assert_eq!([&metrics.headers["x-key"], &traces.headers["x-key"]], ["a b", "c"]);
    assert_eq!((metrics.headers.get("content-encoding"), &traces.headers["content-encoding"]), (None, &gzip));
    for resource in [&metrics.resource, &traces.resource] {
        let told = ["service.name", "cloud.region", "deployment.environment.name"].map(|name| resource[name].as_str());
        assert_eq!(told, ["f", "here", "test"]);
    }
}

#[tokio::test]
async fn a_backend_in_trouble_does_not_keep_the_others_signals() {
    let (well, failing) =
        (Backend::start(Mood::Well).await, Backend::start(Mood::Failing(StatusCode::INTERNAL_SERVER_ERROR)).await);
    let metrics = format!("{}/v1/metrics", failing.endpoint);
    let settings =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", &*well.endpoint), ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &*metrics)];
    let (lambda, mut log) = start(function(obedient(), &settings));
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.invoke(json!({})).await.result.unwrap();
    let (spans, lines) = (well.got().spans.len(), lines(&mut log).join("\n"));
    assert_eq!(spans, 2, "the first invocation's, and the start's");
    assert!(lines.contains("the backend for metrics answered 500"), "{lines}");
    lambda.stop().await;
}

#[tokio::test]
async fn what_is_not_spoken_is_named_with_the_remedy() {
    let backend = Backend::start(Mood::Well).await;
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*backend.endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let (lambda, mut log) = start(function(obedient(), &settings));
    lambda.invoke(json!({})).await.result.unwrap();
    lambda.stop().await;
    let lines = lines(&mut log);
    let named = lines.iter().filter(|line| line.contains("OTEL_EXPORTER_OTLP_PROTOCOL: grpc: http/protobuf alone"));
    assert_eq!(named.count(), 1, "{lines:?}");
    assert_eq!(backend.got().sum("faas.invocations", ""), 1, "by the default");
}

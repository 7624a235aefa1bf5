//! An OpenTelemetry backend that validates the received data. It decodes each message with the protocol's definitions,
//! and checks the rules in the comments of these definitions.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, HistogramDataPoint};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

/// How the backend behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behavior {
    /// Accepts every request.
    Accepts,
    /// Responds to every request with this status.
    Fails(StatusCode),
    /// Responds to the first two requests with this status.
    FailsTwice(StatusCode),
    /// Rejects one item of each request.
    RejectsOneItem,
    /// Receives requests but never responds.
    NeverResponds,
}

/// The received data, and the rules that it violates.
#[derive(Debug, Default)]
pub(crate) struct ReceivedSignals {
    pub(crate) spans: Vec<Span>,
    pub(crate) logs: Vec<LogRecord>,
    /// The sums by name and attribute.
    pub(crate) sums: BTreeMap<(String, String), i64>,
    /// The count and sum of each histogram, by name and attribute.
    pub(crate) histograms: BTreeMap<(String, String), (u64, f64)>,
    pub(crate) resource: BTreeMap<String, String>,
    pub(crate) requests: u64,
    /// The headers of the last request.
    pub(crate) headers: HeaderMap,
    violations: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) endpoint: String,
    received: Arc<Mutex<ReceivedSignals>>,
    behavior: Arc<Mutex<Behavior>>,
    connections: Arc<Mutex<Connections>>,
}

/// The connections, identified by the address of the client.
#[derive(Debug, Default)]
struct Connections {
    all: BTreeSet<SocketAddr>,
    broken: BTreeSet<SocketAddr>,
}

impl Backend {
    pub(crate) async fn start(behavior: Behavior) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let backend = Self {
            endpoint,
            received: Arc::default(),
            behavior: Arc::new(Mutex::new(behavior)),
            connections: Arc::default(),
        };
        let routes = Router::new()
            .route("/v1/metrics", post(metrics))
            .route("/v1/traces", post(traces))
            .route("/v1/logs", post(logs))
            .route("/own/path", post(traces))
            .with_state(backend.clone())
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        backend
    }

    pub(crate) fn set_behavior(&self, behavior: Behavior) {
        *self.behavior.lock().unwrap() = behavior;
    }

    /// Makes the backend ignore all further data on the existing connections. This simulates connections that broke
    /// during a freeze of the environment.
    pub(crate) fn kill_connections(&self) {
        let mut connections = self.connections.lock().unwrap();
        connections.broken = std::mem::take(&mut connections.all);
    }

    /// Returns the data that was received since the previous call. Asserts that the data violates no rule.
    pub(crate) fn take_received(&self) -> ReceivedSignals {
        let received = std::mem::take(&mut *self.received.lock().unwrap());
        assert_eq!(received.violations, Vec::<String>::new());
        received
    }

    /// Returns the sum of a metric in the data that was received since the last call of `take_received`.
    pub(crate) fn received_sum(&self, name: &str) -> i64 {
        self.received.lock().unwrap().sum(name, "")
    }

    /// Decodes a request. Returns its message and the body of the response, or the status of an error.
    async fn receive(
        &self,
        from: SocketAddr,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<(Bytes, Vec<u8>), StatusCode> {
        let is_broken = {
            let mut connections = self.connections.lock().unwrap();
            connections.all.insert(from);
            connections.broken.contains(&from)
        };
        if is_broken {
            return std::future::pending().await;
        }
        let requests = {
            let mut received = self.received.lock().unwrap();
            received.requests += 1;
            received
                .check(headers["content-type"] == "application/x-protobuf", "content-type is application/x-protobuf");
            received.headers = headers.clone();
            received.requests
        };
        let behavior = *self.behavior.lock().unwrap();
        let response = match behavior {
            Behavior::FailsTwice(_) if requests > 2 => vec![],
            Behavior::Accepts => vec![],
            Behavior::Fails(status) | Behavior::FailsTwice(status) => return Err(status),
            Behavior::RejectsOneItem => {
                let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "too many".into() };
                ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()
            }
            Behavior::NeverResponds => std::future::pending().await,
        };
        let is_compressed = headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip");
        Ok((if is_compressed { decompress(&body) } else { body }, response))
    }
}

fn decompress(body: &[u8]) -> Bytes {
    let mut plain = vec![];
    GzDecoder::new(body).read_to_end(&mut plain).unwrap();
    plain.into()
}

impl ReceivedSignals {
    pub(crate) fn sum(&self, name: &str, attribute: &str) -> i64 {
        self.sums.get(&(name.into(), attribute.into())).copied().unwrap_or_default()
    }

    pub(crate) fn histogram(&self, name: &str, attribute: &str) -> (u64, f64) {
        self.histograms.get(&(name.into(), attribute.into())).copied().unwrap_or_default()
    }

    fn check(&mut self, is_met: bool, rule: &str) {
        if !is_met {
            self.violations.push(rule.into());
        }
    }

    fn set_resource(&mut self, resource: Option<Resource>) {
        let attributes = resource.unwrap_or_default().attributes;
        self.check(!attributes.is_empty(), "the resource has attributes");
        self.resource = attributes.iter().map(|attribute| (attribute.key.clone(), value_text(attribute))).collect();
    }

    fn add_histogram_point(&mut self, name: &str, point: &HistogramDataPoint) {
        self.check(
            point.bucket_counts.len() == point.explicit_bounds.len() + 1,
            "there is one bucket more than bounds",
        );
        self.check(point.bucket_counts.iter().sum::<u64>() == point.count, "the sum of the buckets is the count");
        self.check(point.explicit_bounds.is_sorted(), "bounds are sorted");
        self.check(
            point.start_time_unix_nano <= point.time_unix_nano && point.time_unix_nano > 0,
            "the time range is valid",
        );
        self.check(point.min <= point.max && point.sum.is_some(), "there are a range and a sum");
        let entry = self.histograms.entry((name.into(), attribute_values(&point.attributes))).or_default();
        entry.0 += point.count;
        entry.1 += point.sum.unwrap_or_default();
    }
}

fn value_text(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        other => format!("{other:?}"),
    }
}

fn attribute_values(attributes: &[KeyValue]) -> String {
    attributes.iter().map(value_text).collect::<Vec<_>>().join(",")
}

/// Returns the value of the attribute with this name.
pub(crate) fn attribute_of(span: &Span, name: &str) -> Option<String> {
    span.attributes.iter().find(|attribute| attribute.key == name).map(value_text)
}

/// Returns the text of a log line; empty if the line is not text.
pub(crate) fn body(log: &LogRecord) -> &str {
    match log.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

async fn metrics(
    State(backend): State<Backend>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Vec<u8>, StatusCode> {
    let (body, response) = backend.receive(from, &headers, body).await?;
    let mut received = backend.received.lock().unwrap();
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    let delta = AggregationTemporality::Delta as i32;
    for resource in request.resource_metrics {
        received.set_resource(resource.resource);
        for metric in resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
            received.check(!metric.name.is_empty() && !metric.unit.is_empty(), "the metric has a name and a unit");
            match metric.data.unwrap() {
                Data::Sum(sum) => {
                    received.check(
                        sum.is_monotonic && sum.aggregation_temporality == delta,
                        "the sum is monotonic, with delta temporality",
                    );
                    for point in sum.data_points {
                        let Some(Number::AsInt(value)) = point.value else {
                            received.check(false, "the sum is an integer");
                            continue;
                        };
                        received.check(
                            value > 0 && point.start_time_unix_nano <= point.time_unix_nano,
                            "the sum is positive, with a valid time range",
                        );
                        *received
                            .sums
                            .entry((metric.name.clone(), attribute_values(&point.attributes)))
                            .or_default() += value;
                    }
                }
                Data::Histogram(histogram) => {
                    received.check(histogram.aggregation_temporality == delta, "the histogram has delta temporality");
                    for point in histogram.data_points {
                        received.add_histogram_point(&metric.name, &point);
                    }
                }
                other => received.check(false, &format!("the metric is a sum or a histogram: {other:?}")),
            }
        }
    }
    Ok(response)
}

async fn traces(
    State(backend): State<Backend>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Vec<u8>, StatusCode> {
    let (body, response) = backend.receive(from, &headers, body).await?;
    let mut received = backend.received.lock().unwrap();
    for resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
        received.set_resource(resource.resource);
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            received.check(span.trace_id.len() == 16 && span.span_id.len() == 8, "identifiers have 16 and 8 bytes");
            received.check(matches!(span.parent_span_id.len(), 0 | 8), "a parent identifier has 8 bytes");
            received
                .check(span.trace_id.iter().chain(&span.span_id).any(|byte| *byte != 0), "identifiers are not zero");
            received.check(span.start_time_unix_nano <= span.end_time_unix_nano, "the span ends after its start");
            received.check(
                span.start_time_unix_nano > 0 && !span.name.is_empty() && span.kind != 0,
                "the span has a start, a name and a kind",
            );
            received.spans.push(span);
        }
    }
    Ok(response)
}

async fn logs(
    State(backend): State<Backend>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Vec<u8>, StatusCode> {
    let (body, response) = backend.receive(from, &headers, body).await?;
    let mut received = backend.received.lock().unwrap();
    for resource in ExportLogsServiceRequest::decode(body).unwrap().resource_logs {
        received.set_resource(resource.resource);
        for log in resource.scope_logs.into_iter().flat_map(|scope| scope.log_records) {
            received.check(log.time_unix_nano > 0 && log.body.is_some(), "the log line has a time and a body");
            received.check(
                matches!(log.trace_id.len(), 0 | 16) && matches!(log.span_id.len(), 0 | 8),
                "identifiers of a log line have 16 and 8 bytes",
            );
            received.logs.push(log);
        }
    }
    Ok(response)
}

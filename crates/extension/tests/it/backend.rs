//! An OpenTelemetry backend that takes nothing for granted: everything that comes is decoded by the protocol's own
//! definitions, and held to what these say in words.

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
pub(crate) enum Mood {
    Well,
    /// Takes nothing, and answers so.
    Failing(StatusCode),
    /// The same, twice.
    Stumbling(StatusCode),
    /// Takes all but one item of each request.
    Picky,
    /// Never answers.
    Slow,
}

/// Everything that came, and what was wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Got {
    pub(crate) spans: Vec<Span>,
    pub(crate) logs: Vec<LogRecord>,
    /// By name and attribute.
    pub(crate) sums: BTreeMap<(String, String), i64>,
    /// Count and sum, by name and attribute.
    pub(crate) histograms: BTreeMap<(String, String), (u64, f64)>,
    pub(crate) resource: BTreeMap<String, String>,
    pub(crate) requests: u64,
    /// The last request's.
    pub(crate) headers: HeaderMap,
    wrong: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) endpoint: String,
    got: Arc<Mutex<Got>>,
    mood: Arc<Mutex<Mood>>,
    connections: Arc<Mutex<Connections>>,
}

/// Who is connected, by address.
#[derive(Debug, Default)]
struct Connections {
    all: BTreeSet<SocketAddr>,
    dead: BTreeSet<SocketAddr>,
}

impl Backend {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let backend =
            Self { endpoint, got: Arc::default(), mood: Arc::new(Mutex::new(mood)), connections: Arc::default() };
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

    pub(crate) fn turn(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Every connection that there is leads nowhere from now on, as it does some minutes later.
    pub(crate) fn forget(&self) {
        let mut connections = self.connections.lock().unwrap();
        connections.dead = std::mem::take(&mut connections.all);
    }

    /// All that came, and there was nothing wrong with it.
    pub(crate) fn got(&self) -> Got {
        let got = std::mem::take(&mut *self.got.lock().unwrap());
        assert_eq!(got.wrong, Vec::<String>::new());
        got
    }

    /// How much of that metric came so far.
    pub(crate) fn told(&self, name: &str) -> i64 {
        self.got.lock().unwrap().sum(name, "")
    }

    /// The message, and what is answered to it; where it is not taken, a status.
    async fn takes(&self, from: SocketAddr, headers: &HeaderMap, body: Bytes) -> Result<(Bytes, Vec<u8>), StatusCode> {
        let is_dead = {
            let mut connections = self.connections.lock().unwrap();
            connections.all.insert(from);
            connections.dead.contains(&from)
        };
        if is_dead {
            return std::future::pending().await;
        }
        let requests = {
            let mut got = self.got.lock().unwrap();
            got.requests += 1;
            got.check(headers["content-type"] == "application/x-protobuf", "a type of content");
            got.headers = headers.clone();
            got.requests
        };
        let mood = *self.mood.lock().unwrap();
        let answer = match mood {
            Mood::Stumbling(_) if requests > 2 => vec![],
            Mood::Well => vec![],
            Mood::Failing(status) | Mood::Stumbling(status) => return Err(status),
            Mood::Picky => {
                let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "too many".into() };
                ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()
            }
            Mood::Slow => std::future::pending().await,
        };
        let is_compressed = headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip");
        Ok((if is_compressed { decompressed(&body) } else { body }, answer))
    }
}

fn decompressed(body: &[u8]) -> Bytes {
    let mut plain = vec![];
    GzDecoder::new(body).read_to_end(&mut plain).unwrap();
    plain.into()
}

impl Got {
    pub(crate) fn sum(&self, name: &str, attribute: &str) -> i64 {
        self.sums.get(&(name.into(), attribute.into())).copied().unwrap_or_default()
    }

    pub(crate) fn histogram(&self, name: &str, attribute: &str) -> (u64, f64) {
        self.histograms.get(&(name.into(), attribute.into())).copied().unwrap_or_default()
    }

    fn check(&mut self, holds: bool, what: &str) {
        if !holds {
            self.wrong.push(what.into());
        }
    }

    fn from(&mut self, resource: Option<Resource>) {
        let attributes = resource.unwrap_or_default().attributes;
        self.check(!attributes.is_empty(), "a resource");
        self.resource = attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect();
    }

    fn histogram_point(&mut self, name: &str, point: &HistogramDataPoint) {
        self.check(point.bucket_counts.len() == point.explicit_bounds.len() + 1, "a bucket more than bounds");
        self.check(point.bucket_counts.iter().sum::<u64>() == point.count, "buckets add up to the count");
        self.check(point.explicit_bounds.is_sorted(), "bounds in order");
        self.check(point.start_time_unix_nano <= point.time_unix_nano && point.time_unix_nano > 0, "a time");
        self.check(point.min <= point.max && point.sum.is_some(), "a range and a sum");
        let entry = self.histograms.entry((name.into(), attribute(&point.attributes))).or_default();
        entry.0 += point.count;
        entry.1 += point.sum.unwrap_or_default();
    }
}

fn text(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        other => format!("{other:?}"),
    }
}

fn attribute(attributes: &[KeyValue]) -> String {
    attributes.iter().map(text).collect::<Vec<_>>().join(",")
}

/// The value of that attribute.
pub(crate) fn attribute_of(span: &Span, name: &str) -> Option<String> {
    span.attributes.iter().find(|attribute| attribute.key == name).map(text)
}

/// What a line says, where it is text.
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
    let (body, answer) = backend.takes(from, &headers, body).await?;
    let mut got = backend.got.lock().unwrap();
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    let delta = AggregationTemporality::Delta as i32;
    for resource in request.resource_metrics {
        got.from(resource.resource);
        for metric in resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
            got.check(!metric.name.is_empty() && !metric.unit.is_empty(), "a name and a unit");
            match metric.data.unwrap() {
                Data::Sum(sum) => {
                    got.check(sum.is_monotonic && sum.aggregation_temporality == delta, "a monotonic difference");
                    for point in sum.data_points {
                        let Some(Number::AsInt(value)) = point.value else {
                            got.check(false, "a whole number");
                            continue;
                        };
                        got.check(value > 0 && point.start_time_unix_nano <= point.time_unix_nano, "a count");
                        *got.sums.entry((metric.name.clone(), attribute(&point.attributes))).or_default() += value;
                    }
                }
                Data::Histogram(histogram) => {
                    got.check(histogram.aggregation_temporality == delta, "a difference");
                    for point in histogram.data_points {
                        got.histogram_point(&metric.name, &point);
                    }
                }
                other => got.check(false, &format!("a kind of metric that is used: {other:?}")),
            }
        }
    }
    Ok(answer)
}

async fn traces(
    State(backend): State<Backend>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Vec<u8>, StatusCode> {
    let (body, answer) = backend.takes(from, &headers, body).await?;
    let mut got = backend.got.lock().unwrap();
    for resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
        got.from(resource.resource);
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            got.check(span.trace_id.len() == 16 && span.span_id.len() == 8, "identifiers of their lengths");
            got.check(matches!(span.parent_span_id.len(), 0 | 8), "a parent or none");
            got.check(span.trace_id.iter().chain(&span.span_id).any(|byte| *byte != 0), "identifiers");
            got.check(span.start_time_unix_nano <= span.end_time_unix_nano, "an end after its beginning");
            got.check(span.start_time_unix_nano > 0 && !span.name.is_empty() && span.kind != 0, "a whole span");
            got.spans.push(span);
        }
    }
    Ok(answer)
}

async fn logs(
    State(backend): State<Backend>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Vec<u8>, StatusCode> {
    let (body, answer) = backend.takes(from, &headers, body).await?;
    let mut got = backend.got.lock().unwrap();
    for resource in ExportLogsServiceRequest::decode(body).unwrap().resource_logs {
        got.from(resource.resource);
        for log in resource.scope_logs.into_iter().flat_map(|scope| scope.log_records) {
            got.check(log.time_unix_nano > 0 && log.body.is_some(), "a time and a body");
            got.check(matches!(log.trace_id.len(), 0 | 16) && matches!(log.span_id.len(), 0 | 8), "a trace or none");
            got.logs.push(log);
        }
    }
    Ok(answer)
}

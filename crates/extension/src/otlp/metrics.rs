//! Samples added up, and as OTLP has them.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric as Otel, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::value::{SCHEMA, scope, text};
use crate::metric::{Kind, Metric, Sample};

/// What was measured since the last delivery. Only the difference is told: environments come and go, and each would
/// otherwise begin a series of its own.
#[derive(Debug, Default)]
pub(super) struct Delta {
    points: BTreeMap<Metric, Point>,
    /// The first sample and the last, in nanoseconds since 1970.
    span: Option<(u64, u64)>,
}

#[derive(Debug, Clone)]
struct Point {
    count: u64,
    sum: f64,
    least: f64,
    most: f64,
    bounds: &'static [f64],
    buckets: Vec<u64>,
}

impl Delta {
    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// How many data points it has, but for those that tell of others that were lost.
    pub(super) fn points(&self) -> u64 {
        self.points.keys().filter(|metric| **metric != Metric::TelemetryDropped).count() as u64
    }

    /// The points as OpenTelemetry counts: of invocations, those that succeeded. Each error is in the same difference as
    /// its invocation.
    fn told(&self) -> BTreeMap<Metric, Point> {
        let failed = self.points.get(&Metric::Errors).map_or(0.0, |errors| errors.sum);
        let mut points = self.points.clone();
        if let Some(invocations) = points.get_mut(&Metric::Invocations) {
            invocations.sum -= failed;
        }
        points.retain(|metric, point| *metric != Metric::Invocations || point.sum > 0.0);
        points
    }

    pub(super) fn add(&mut self, sample: &Sample) {
        let value = sample.value * sample.metric.otel().scale;
        let bounds = bounds(sample.metric);
        let mut buckets = vec![0; bounds.len() + 1];
        // A bucket's upper bound belongs to it.
        buckets[bounds.partition_point(|bound| *bound < value)] = 1;
        let point = Point { count: 1, sum: value, least: value, most: value, bounds, buckets };
        let points = BTreeMap::from([(sample.metric, point)]);
        self.merge(Self { points, span: Some((sample.at, sample.at)) });
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (metric, point) in other.points {
            match self.points.entry(metric) {
                std::collections::btree_map::Entry::Vacant(vacant) => {
                    vacant.insert(point);
                }
                std::collections::btree_map::Entry::Occupied(mut occupied) => occupied.get_mut().merge(&point),
            }
        }
        self.span = match (self.span, other.span) {
            (Some((first, last)), Some((earlier, later))) => Some((first.min(earlier), last.max(later))),
            (span, other) => span.or(other),
        };
    }
}

impl Point {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        for (mine, others) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += others;
        }
    }
}

/// Upper bounds of a histogram's buckets, in OpenTelemetry's unit; the last bucket has none.
fn bounds(metric: Metric) -> &'static [f64] {
    match metric.otel().unit {
        "s" => &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0],
        "By" => &[1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10],
        "1" => &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        "{score}" => &[30.0, 40.0, 50.0, 60.0, 65.0, 70.0, 75.0, 80.0, 85.0, 90.0, 95.0],
        _ => &[],
    }
}

pub(super) fn request(delta: &Delta, resource: &Resource) -> ExportMetricsServiceRequest {
    let span = delta.span.unwrap_or_default();
    let mut metrics: Vec<Otel> = vec![];
    for (metric, point) in &delta.told() {
        let named = metric.otel();
        let attributes = named.attribute.map(|(key, value)| text(key, value)).into_iter().collect();
        // Those that share a name are neighbors.
        if metrics.last().is_none_or(|last| last.name != named.name) {
            let data = Some(empty(*metric));
            metrics.push(Otel { name: named.name.into(), unit: named.unit.into(), data, ..Otel::default() });
        }
        if let Some(data) = metrics.last_mut().and_then(|last| last.data.as_mut()) {
            add(data, point, attributes, span);
        }
    }
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, schema_url: SCHEMA.into() }];
    let resource = Some(resource.clone());
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, schema_url: SCHEMA.into() }];
    ExportMetricsServiceRequest { resource_metrics }
}

fn empty(metric: Metric) -> Data {
    let aggregation_temporality = AggregationTemporality::Delta.into();
    match metric.kind() {
        Kind::Sum => Data::Sum(Sum { data_points: vec![], aggregation_temporality, is_monotonic: true }),
        Kind::Distribution => Data::Histogram(Histogram { data_points: vec![], aggregation_temporality }),
    }
}

fn add(data: &mut Data, point: &Point, attributes: Vec<KeyValue>, (first, last): (u64, u64)) {
    match data {
        Data::Sum(sum) => sum.data_points.push(NumberDataPoint {
            attributes,
            start_time_unix_nano: first,
            time_unix_nano: last,
            #[expect(clippy::cast_possible_truncation, reason = "sums of counts are whole, and a cast saturates")]
            value: Some(Value::AsInt(point.sum as i64)),
            ..NumberDataPoint::default()
        }),
        Data::Histogram(histogram) => histogram.data_points.push(HistogramDataPoint {
            attributes,
            start_time_unix_nano: first,
            time_unix_nano: last,
            count: point.count,
            sum: Some(point.sum),
            min: Some(point.least),
            max: Some(point.most),
            bucket_counts: point.buckets.clone(),
            explicit_bounds: point.bounds.to_vec(),
            ..HistogramDataPoint::default()
        }),
        Data::Gauge(_) | Data::ExponentialHistogram(_) | Data::Summary(_) => {}
    }
}

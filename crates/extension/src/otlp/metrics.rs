//! Aggregates samples, and converts them to OTLP.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric as OtelMetric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::attributes::{SCHEMA_URL, scope, string_attribute};
use crate::metric::{Aggregation, Metric, Sample};

/// The aggregated samples since the last export. They are exported with delta temporality. With cumulative temporality,
/// each of many short-lived environments would start a new time series.
#[derive(Debug, Default)]
pub(super) struct DeltaMetrics {
    points: BTreeMap<Metric, DataPoint>,
    /// The times of the first and the last sample, in nanoseconds since 1970.
    time_range: Option<(u64, u64)>,
}

#[derive(Debug, Clone)]
struct DataPoint {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    bounds: &'static [f64],
    buckets: Vec<u64>,
}

impl DeltaMetrics {
    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The number of data points, without those of the metric `TelemetryDropped`.
    pub(super) fn points(&self) -> u64 {
        self.points.keys().filter(|metric| **metric != Metric::TelemetryDropped).count() as u64
    }

    /// Returns the data points for OpenTelemetry. OpenTelemetry's `faas.invocations` counts only successful
    /// invocations, so errors are subtracted. The samples of an error and of its invocation are always in the same
    /// delta.
    fn exported_points(&self) -> BTreeMap<Metric, DataPoint> {
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
        let bounds = bucket_bounds(sample.metric);
        let mut buckets = vec![0; bounds.len() + 1];
        // A bucket includes its upper bound.
        buckets[bounds.partition_point(|bound| *bound < value)] = 1;
        let point = DataPoint { count: 1, sum: value, min: value, max: value, bounds, buckets };
        let points = BTreeMap::from([(sample.metric, point)]);
        self.merge(Self { points, time_range: Some((sample.at, sample.at)) });
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
        self.time_range = match (self.time_range, other.time_range) {
            (Some((first, last)), Some((earlier, later))) => Some((first.min(earlier), last.max(later))),
            (range, other) => range.or(other),
        };
    }
}

impl DataPoint {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        for (count, other) in self.buckets.iter_mut().zip(&other.buckets) {
            *count += other;
        }
    }
}

/// The upper bounds of a histogram's buckets, in OpenTelemetry's unit. The last bucket is unbounded.
fn bucket_bounds(metric: Metric) -> &'static [f64] {
    match metric.otel().unit {
        "s" => &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0],
        "By" => &[1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10],
        "1" => &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        "{score}" => &[30.0, 40.0, 50.0, 60.0, 65.0, 70.0, 75.0, 80.0, 85.0, 90.0, 95.0],
        _ => &[],
    }
}

pub(super) fn request(metrics: &DeltaMetrics, resource: &Resource) -> ExportMetricsServiceRequest {
    let time_range = metrics.time_range.unwrap_or_default();
    let mut otel_metrics: Vec<OtelMetric> = vec![];
    for (metric, point) in &metrics.exported_points() {
        let otel = metric.otel();
        let attributes = otel.attribute.map(|(key, value)| string_attribute(key, value)).into_iter().collect();
        // Metrics with the same name are adjacent.
        if otel_metrics.last().is_none_or(|last| last.name != otel.name) {
            let data = Some(empty_data(*metric));
            let (name, unit) = (otel.name.into(), otel.unit.into());
            otel_metrics.push(OtelMetric { name, unit, data, ..OtelMetric::default() });
        }
        if let Some(data) = otel_metrics.last_mut().and_then(|last| last.data.as_mut()) {
            add_point(data, point, attributes, time_range);
        }
    }
    let scope_metrics =
        vec![ScopeMetrics { scope: Some(scope()), metrics: otel_metrics, schema_url: SCHEMA_URL.into() }];
    let resource = Some(resource.clone());
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, schema_url: SCHEMA_URL.into() }];
    ExportMetricsServiceRequest { resource_metrics }
}

fn empty_data(metric: Metric) -> Data {
    let aggregation_temporality = AggregationTemporality::Delta.into();
    match metric.aggregation() {
        Aggregation::Sum => Data::Sum(Sum { data_points: vec![], aggregation_temporality, is_monotonic: true }),
        Aggregation::Distribution => Data::Histogram(Histogram { data_points: vec![], aggregation_temporality }),
    }
}

fn add_point(data: &mut Data, point: &DataPoint, attributes: Vec<KeyValue>, (first, last): (u64, u64)) {
    match data {
        Data::Sum(sum) => sum.data_points.push(NumberDataPoint {
            attributes,
            start_time_unix_nano: first,
            time_unix_nano: last,
            #[expect(clippy::cast_possible_truncation, reason = "a sum of counts is whole, and the cast saturates")]
            value: Some(Value::AsInt(point.sum as i64)),
            ..NumberDataPoint::default()
        }),
        Data::Histogram(histogram) => histogram.data_points.push(HistogramDataPoint {
            attributes,
            start_time_unix_nano: first,
            time_unix_nano: last,
            count: point.count,
            sum: Some(point.sum),
            min: Some(point.min),
            max: Some(point.max),
            bucket_counts: point.buckets.clone(),
            explicit_bounds: point.bounds.to_vec(),
            ..HistogramDataPoint::default()
        }),
        Data::Gauge(_) | Data::ExponentialHistogram(_) | Data::Summary(_) => {}
    }
}

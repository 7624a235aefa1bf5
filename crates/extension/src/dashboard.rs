//! Generates the CloudWatch dashboard of the metrics (Amazon CloudWatch API reference, "Dashboard Body Structure and
//! Syntax").

use serde_json::{Value, json};

use crate::metric::{Aggregation, Metric};

/// The width of a dashboard, and the size of a widget, in CloudWatch's grid units.
const DASHBOARD_WIDTH: usize = 24;
const WIDGET_WIDTH: usize = 8;
const WIDGET_HEIGHT: usize = 6;

/// The title and the metrics of each widget.
const WIDGETS: [(&str, &[Metric]); 9] = [
    (
        "Invocations",
        &[Metric::Invocations, Metric::Errors, Metric::Timeouts, Metric::ColdStarts, Metric::RejectedRecords],
    ),
    ("Images", &[Metric::Converted, Metric::Rejected, Metric::Failed, Metric::Skipped, Metric::Deleted]),
    ("Telemetry lost", &[Metric::TelemetryDropped]),
    ("Time", &[Metric::Duration, Metric::BilledDuration, Metric::InitDuration]),
    (
        "Time per stage",
        &[Metric::FetchTime, Metric::DecodeTime, Metric::TransformTime, Metric::EncodeTime, Metric::StoreTime],
    ),
    ("Memory", &[Metric::MemoryUsed, Metric::MemorySize]),
    ("Bytes", &[Metric::BytesIn, Metric::BytesOut]),
    ("Saving", &[Metric::Saving]),
    ("SSIMULACRA2", &[Metric::Score]),
];

/// Returns the body of a dashboard for the function's metrics in this namespace and region.
#[must_use]
pub fn body(namespace: &str, function: &str, region: &str) -> Value {
    let widget = |(at, (title, metrics)): (usize, &(&str, &[Metric]))| {
        let rows: Vec<Value> = metrics.iter().flat_map(|metric| rows(*metric, namespace, function)).collect();
        json!({
            "type": "metric", "width": WIDGET_WIDTH, "height": WIDGET_HEIGHT,
            "x": at * WIDGET_WIDTH % DASHBOARD_WIDTH, "y": at * WIDGET_WIDTH / DASHBOARD_WIDTH * WIDGET_HEIGHT,
            "properties": { "title": title, "region": region, "period": 60, "view": "timeSeries", "metrics": rows },
        })
    };
    json!({ "widgets": WIDGETS.iter().enumerate().map(widget).collect::<Vec<_>>() })
}

/// Shows the sum of a metric that counts, and the 50th and 99th percentiles of any other metric.
fn rows(metric: Metric, namespace: &str, function: &str) -> Vec<Value> {
    let row = |statistic: &str, label: String| json!([namespace, metric.name(), "FunctionName", function, { "stat": statistic, "label": label }]);
    match metric.aggregation() {
        Aggregation::Sum => vec![row("Sum", metric.name())],
        Aggregation::Distribution => ["p50", "p99"].map(|stat| row(stat, format!("{} {stat}", metric.name()))).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn dashboard_shows_every_metric_once() {
        let shown: Vec<Metric> = WIDGETS.iter().flat_map(|(_, metrics)| metrics.iter().copied()).collect();
        assert_eq!(shown.len(), Metric::ALL.len());
        assert_eq!(BTreeSet::from_iter(shown), BTreeSet::from(Metric::ALL));
    }

    #[test]
    fn dashboard_equals_the_file_in_docs() {
        let docs = std::fs::read_to_string("../../docs/dashboard.json").unwrap();
        let docs: Value = serde_json::from_str(&docs).unwrap();
        assert_eq!(
            docs,
            body("avif-lambda", "FUNCTION", "REGION"),
            "update it: avif-extension dashboard > docs/dashboard.json"
        );
    }
}

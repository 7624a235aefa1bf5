//! Formats samples as lines in CloudWatch's embedded metric format (Amazon CloudWatch user guide, "Specification:
//! Embedded metric format"). CloudWatch extracts metrics from these lines.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::metric::{Aggregation, Metric, Sample};

/// The beginning of every line.
pub const LINE_START: &str = "{\"_aws\":";
/// The maximum number of values of one metric in a line.
const MAX_VALUES_PER_METRIC: usize = 100;
/// A minute in nanoseconds. CloudWatch aggregates these metrics per minute, so samples of one minute share a line.
const MINUTE: u64 = 60_000_000_000;

#[derive(Serialize)]
struct Document {
    #[serde(rename = "_aws")]
    aws: Value,
    #[serde(flatten)]
    values: Map<String, Value>,
}

/// Formats samples as lines. A line contains the sum of each count, and every value of the other metrics. The only
/// dimension is the function's name, so CloudWatch stores one metric for each metric of the extension.
#[must_use]
pub fn lines(namespace: &str, function: &str, samples: &[Sample]) -> Vec<String> {
    let mut minutes: BTreeMap<u64, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        minutes.entry(sample.at / MINUTE).or_default().push(sample);
    }
    minutes.into_values().flat_map(|samples| lines_of_minute(namespace, function, &samples)).collect()
}

fn lines_of_minute(namespace: &str, function: &str, samples: &[&Sample]) -> Vec<String> {
    let last = samples.iter().map(|sample| sample.at).max().unwrap_or_default();
    let mut metrics: BTreeMap<Metric, Vec<f64>> = BTreeMap::new();
    for sample in samples {
        metrics.entry(sample.metric).or_default().push(sample.value);
    }
    for (metric, values) in &mut metrics {
        if metric.aggregation() == Aggregation::Sum {
            *values = vec![values.iter().sum()];
        }
    }
    let mut lines = vec![];
    while !metrics.is_empty() {
        let mut values = Map::from_iter([("FunctionName".to_owned(), json!(function))]);
        let mut names = vec![];
        for (metric, remaining) in &mut metrics {
            let now: Vec<f64> = remaining.drain(..MAX_VALUES_PER_METRIC.min(remaining.len())).collect();
            names.push(json!({ "Name": metric.name(), "Unit": metric.cloudwatch_unit() }));
            values.insert(
                metric.name(),
                if let [one] = now[..] { number(one) } else { now.into_iter().map(number).collect() },
            );
        }
        metrics.retain(|_, remaining| !remaining.is_empty());
        let directive = json!({ "Namespace": namespace, "Dimensions": [["FunctionName"]], "Metrics": names });
        let aws = json!({ "Timestamp": last / 1_000_000, "CloudWatchMetrics": [directive] });
        lines.push(
            serde_json::to_string(&Document { aws, values }).expect("the keys are strings and the numbers are finite"),
        );
    }
    lines
}

/// Writes whole numbers without a fraction, to keep lines short.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the value is whole and below 1e15")]
    let whole = || json!(value as i64);
    if value.fract().abs() < f64::EPSILON && value.abs() < 1e15 { whole() } else { json!(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_summed_and_each_duration_is_written() {
        let at = 90 * MINUTE;
        let mut samples = vec![Sample { metric: Metric::Invocations, value: 1.0, at }; 250];
        samples.extend((0..250).map(|n| Sample { metric: Metric::Duration, value: f64::from(n) + 0.5, at }));
        samples.push(Sample { metric: Metric::Errors, value: 1.0, at: at + MINUTE });
        let lines = lines("n", "f", &samples);
        let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 4, "three lines for 250 values, one for another minute");
        assert_eq!((&lines[0]["Invocations"], &lines[1]["Invocations"]), (&json!(250), &Value::Null));
        let durations: Vec<f64> =
            lines.iter().filter_map(|line| line["Duration"].as_array()).flatten().filter_map(Value::as_f64).collect();
        assert_eq!((durations.len(), durations.iter().sum::<f64>()), (250, 31_250.0));
        assert_eq!(lines[0]["_aws"]["Timestamp"], 5_400_000);
        assert_eq!(lines[3]["Errors"], 1);
    }

    #[test]
    fn line_begins_with_the_marker_and_lists_its_metrics() {
        let line = lines("n", "f", &[Sample { metric: Metric::Score, value: 75.5, at: 0 }]).remove(0);
        assert!(line.starts_with(LINE_START), "{line}");
        let line: Value = serde_json::from_str(&line).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Metrics"], json!([{ "Name": "Score", "Unit": "None" }]));
        assert_eq!((&line["Score"], &line["FunctionName"]), (&json!(75.5), &json!("f")));
    }
}

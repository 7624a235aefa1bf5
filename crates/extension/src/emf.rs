//! Samples as lines in CloudWatch's embedded metric format (Amazon CloudWatch user guide, "Specification: Embedded metric
//! format"), from which CloudWatch makes metrics by itself.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::ledger::count;
use crate::metric::{Kind, Metric, Sample};

/// What every line begins with.
pub const START: &str = "{\"_aws\":";
/// The most values that one metric may have in a line.
const MOST_VALUES: usize = 100;
/// Metrics are kept by the minute, so that samples of one may share a line.
const MINUTE: u64 = 60_000_000_000;

#[derive(Serialize)]
struct Document {
    #[serde(rename = "_aws")]
    aws: Value,
    #[serde(flatten)]
    values: Map<String, Value>,
}

/// Lines that hold these samples. Counts are added up; of anything else there is every value. The function's name is the
/// one dimension, so that there are as many metrics in CloudWatch as there are here.
#[must_use]
pub fn lines(namespace: &str, function: &str, samples: &[Sample]) -> Vec<String> {
    let mut minutes: BTreeMap<u64, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        minutes.entry(sample.at / MINUTE).or_default().push(sample);
    }
    minutes.into_values().flat_map(|samples| of_a_minute(namespace, function, &samples)).collect()
}

fn of_a_minute(namespace: &str, function: &str, samples: &[&Sample]) -> Vec<String> {
    let last = samples.iter().map(|sample| sample.at).max().unwrap_or_default();
    let mut metrics: BTreeMap<Metric, Vec<f64>> = BTreeMap::new();
    for sample in samples {
        metrics.entry(sample.metric).or_default().push(sample.value);
    }
    for (metric, values) in &mut metrics {
        if metric.kind() == Kind::Sum {
            *values = vec![values.iter().sum()];
        }
    }
    let mut lines = vec![];
    while !metrics.is_empty() {
        let mut values = Map::from_iter([("FunctionName".to_owned(), json!(function))]);
        let mut names = vec![];
        for (metric, waiting) in &mut metrics {
            let now: Vec<f64> = waiting.drain(..MOST_VALUES.min(waiting.len())).collect();
            names.push(json!({ "Name": metric.name(), "Unit": metric.cloudwatch_unit() }));
            values.insert(
                metric.name(),
                if let [one] = now[..] { number(one) } else { now.into_iter().map(number).collect() },
            );
        }
        metrics.retain(|_, waiting| !waiting.is_empty());
        let directive = json!({ "Namespace": namespace, "Dimensions": [["FunctionName"]], "Metrics": names });
        let aws = json!({ "Timestamp": last / 1_000_000, "CloudWatchMetrics": [directive] });
        lines.push(serde_json::to_string(&Document { aws, values }).expect("its keys are text, its numbers finite"));
    }
    lines
}

/// A whole number where it is one, which is shorter.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
    let whole = || json!(value as i64);
    if value.fract().abs() < f64::EPSILON && value.abs() < 1e15 { whole() } else { json!(value) }
}

/// The sample that tells of lost telemetry.
#[must_use]
pub fn dropped(records: u64, at: u64) -> Sample {
    Sample { metric: Metric::TelemetryDropped, value: count(records), at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_up_and_durations_are_all_there() {
        let at = 90 * MINUTE;
        let mut samples = vec![Sample { metric: Metric::Invocations, value: 1.0, at }; 250];
        samples.extend((0..250).map(|n| Sample { metric: Metric::Duration, value: f64::from(n) + 0.5, at }));
        samples.push(Sample { metric: Metric::Errors, value: 1.0, at: at + MINUTE });
        let lines = lines("n", "f", &samples);
        let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 4, "three for 250 values, one for another minute");
        assert_eq!((&lines[0]["Invocations"], &lines[1]["Invocations"]), (&json!(250), &Value::Null));
        let durations: Vec<f64> =
            lines.iter().filter_map(|line| line["Duration"].as_array()).flatten().filter_map(Value::as_f64).collect();
        assert_eq!((durations.len(), durations.iter().sum::<f64>()), (250, 31_250.0));
        assert_eq!(lines[0]["_aws"]["Timestamp"], 5_400_000);
        assert_eq!(lines[3]["Errors"], 1);
    }

    #[test]
    fn every_line_is_known_for_what_it_is() {
        let line = lines("n", "f", &[Sample { metric: Metric::Score, value: 75.5, at: 0 }]).remove(0);
        assert!(line.starts_with(START), "{line}");
        let line: Value = serde_json::from_str(&line).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Metrics"], json!([{ "Name": "Score", "Unit": "None" }]));
        assert_eq!((&line["Score"], &line["FunctionName"]), (&json!(75.5), &json!("f")));
    }
}

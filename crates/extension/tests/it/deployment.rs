//! A function with the extension beside it, and what the extension writes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use emulator::{Beside, Function, Lambda};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub(crate) fn extension() -> PathBuf {
    env!("CARGO_BIN_EXE_avif-extension").into()
}

/// A program of another crate's, which cargo builds with the whole workspace.
pub(crate) fn built(name: &str) -> PathBuf {
    let path = extension().with_file_name(name);
    assert!(path.is_file(), "{} is not there; build the whole workspace", path.display());
    path
}

/// The obedient function of the emulator's examples, which is not ours.
pub(crate) fn obedient() -> PathBuf {
    built("examples/obedient")
}

pub(crate) fn function(program: PathBuf, environment: &[(&str, &str)]) -> Function {
    Function {
        name: "f".into(),
        program,
        environment: environment.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
        memory: 2048,
        timeout: Duration::from_secs(20),
        concurrency: 1,
        // Times are told by the millisecond. Lambda itself waits a minute.
        retry_after: [Duration::from_millis(2); 2],
        beside: Beside { extensions: vec![extension()], ..Beside::default() },
    }
}

pub(crate) fn start(function: Function) -> (Lambda, UnboundedReceiver<String>) {
    let (sender, log) = unbounded_channel();
    (Lambda::new(function, sender), log)
}

/// Every line so far.
pub(crate) fn lines(log: &mut UnboundedReceiver<String>) -> Vec<String> {
    std::iter::from_fn(|| log.try_recv().ok()).collect()
}

/// Every value of every metric in the lines that CloudWatch would take for metrics.
pub(crate) fn metrics(lines: &[String]) -> BTreeMap<String, Vec<f64>> {
    let mut metrics: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.starts_with(extension::emf::START)) {
        let line: Value = serde_json::from_str(line).unwrap();
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert_eq!(directive["Dimensions"], serde_json::json!([["FunctionName"]]), "one bounded dimension");
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                let values = match &line[name] {
                    Value::Array(values) => values.iter().map(|value| value.as_f64().unwrap()).collect(),
                    value => vec![value.as_f64().unwrap()],
                };
                assert!(values.len() <= 100, "CloudWatch takes no more");
                metrics.entry(name.into()).or_default().extend(values);
            }
        }
    }
    metrics
}

pub(crate) fn sum(metrics: &BTreeMap<String, Vec<f64>>, name: &str) -> f64 {
    metrics.get(name).into_iter().flatten().sum()
}

//! Starts functions with the extension, and reads the metrics that the extension writes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use emulator::{Extensions, Function, Lambda};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub(crate) fn extension() -> PathBuf {
    env!("CARGO_BIN_EXE_avif-extension").into()
}

/// Returns the path of a program of another crate. Cargo builds it together with the whole workspace.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = extension().with_file_name(name);
    assert!(path.is_file(), "{} does not exist; build the whole workspace", path.display());
    path
}

/// Returns the path of the emulator's example `scripted`.
pub(crate) fn scripted() -> PathBuf {
    program("examples/scripted")
}

pub(crate) fn function(program: PathBuf, environment: &[(&str, &str)]) -> Function {
    Function {
        name: "f".into(),
        program,
        environment: environment.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
        memory: 2048,
        timeout: Duration::from_secs(20),
        concurrency: 1,
        // The times in records are rounded to milliseconds, so attempts must not start in the same millisecond. On
        // Lambda, the delay is a minute.
        retry_delays: [Duration::from_millis(2); 2],
        extensions: Extensions { programs: vec![extension()], ..Extensions::default() },
    }
}

pub(crate) fn start(function: Function) -> (Lambda, UnboundedReceiver<String>) {
    let (sender, log) = unbounded_channel();
    (Lambda::new(function, sender), log)
}

/// Returns the lines of the log since the last call.
pub(crate) fn lines(log: &mut UnboundedReceiver<String>) -> Vec<String> {
    std::iter::from_fn(|| log.try_recv().ok()).collect()
}

/// Returns the values of each metric, from the lines from which CloudWatch would extract metrics.
pub(crate) fn metrics(lines: &[String]) -> BTreeMap<String, Vec<f64>> {
    let mut metrics: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.starts_with(extension::emf::LINE_START)) {
        let line: Value = serde_json::from_str(line).unwrap();
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert_eq!(
                directive["Dimensions"],
                serde_json::json!([["FunctionName"]]),
                "the function's name is the only dimension"
            );
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                let values = match &line[name] {
                    Value::Array(values) => values.iter().map(|value| value.as_f64().unwrap()).collect(),
                    value => vec![value.as_f64().unwrap()],
                };
                assert!(values.len() <= 100, "CloudWatch accepts at most 100 values");
                metrics.entry(name.into()).or_default().extend(values);
            }
        }
    }
    metrics
}

pub(crate) fn sum(metrics: &BTreeMap<String, Vec<f64>>, name: &str) -> f64 {
    metrics.get(name).into_iter().flatten().sum()
}

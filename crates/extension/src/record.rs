//! Telemetry records, read (AWS Lambda developer guide, "Lambda Telemetry API `Event` schema reference").
//!
//! Of each only what is used, and every field may be missing: what a later schema adds, or leaves out, must not cost the
//! rest of a batch. A kind that is unknown is [`Told::Other`].

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When, in nanoseconds since 1970; 0 where that is not told.
    pub at: u64,
    /// What.
    pub told: Told,
}

/// What a record tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// The environment begins.
    InitStart,
    /// The environment has begun.
    InitReport(Platform),
    /// An invocation begins.
    Start(Platform),
    /// The function has answered, or never will.
    RuntimeDone(Platform),
    /// The invocation is over for everybody.
    Report(Platform),
    /// Lambda itself lost records.
    LogsDropped(Platform),
    /// A line of the function's: text, or an object where its log is set to JSON.
    Function(Value),
    /// A line of an extension's.
    Extension(Value),
    /// Anything else.
    Other,
}

/// What records of the platform have, each some of it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Platform {
    /// Which invocation.
    pub request_id: String,
    /// `success`, `error`, `failure` or `timeout`.
    pub status: String,
    /// What kind of error.
    pub error_type: Option<String>,
    /// What it took.
    pub metrics: Metrics,
    /// Under which trace.
    pub tracing: Option<Tracing>,
    /// Why an environment was started: `on-demand`, `provisioned-concurrency` and so on.
    pub initialization_type: String,
    /// How many records Lambda lost.
    pub dropped_records: u64,
}

/// What an invocation, or an environment's start, took.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metrics {
    /// In milliseconds.
    pub duration_ms: Option<f64>,
    /// In milliseconds.
    pub billed_duration_ms: Option<f64>,
    /// The environment's start, in milliseconds, where this invocation waited for it.
    pub init_duration_ms: Option<f64>,
    /// In MiB.
    #[serde(rename = "memorySizeMB")]
    pub memory_size_mb: Option<f64>,
    /// In MiB.
    #[serde(rename = "maxMemoryUsedMB")]
    pub max_memory_used_mb: Option<f64>,
}

/// Under which trace.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tracing {
    /// 64 bits in hexadecimal.
    pub span_id: Option<String>,
    /// X-Ray's header: `Root=…;Parent=…;Sampled=…`.
    pub value: String,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    time: String,
    r#type: String,
    #[serde(default)]
    record: Value,
}

impl Record {
    /// Reads one event of a batch. What is none is [`Told::Other`].
    #[must_use]
    pub fn read(event: Value) -> Self {
        let Ok(Event { time, r#type, record }) = serde_json::from_value(event) else {
            return Self { at: 0, told: Told::Other };
        };
        Self { at: nanoseconds(&time).unwrap_or_default(), told: told(&r#type, record) }
    }
}

fn told(kind: &str, record: Value) -> Told {
    let platform = |record| serde_json::from_value(record).unwrap_or_default();
    match kind {
        "platform.initStart" => Told::InitStart,
        "platform.initReport" => Told::InitReport(platform(record)),
        "platform.start" => Told::Start(platform(record)),
        "platform.runtimeDone" => Told::RuntimeDone(platform(record)),
        "platform.report" => Told::Report(platform(record)),
        "platform.logsDropped" => Told::LogsDropped(platform(record)),
        "function" => Told::Function(record),
        "extension" => Told::Extension(record),
        _ => Told::Other,
    }
}

/// RFC 3339 in nanoseconds since 1970.
pub(crate) fn nanoseconds(time: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(time, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_costs_nothing_of_the_rest() {
        let batch = br#"[
            {"time": "2022-10-12T00:00:15.064Z", "type": "platform.start",
             "record": {"requestId": "r", "version": "1", "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-a-b"}}},
            {"time": "2022-10-12T00:00:15.065Z", "type": "platform.newThing", "record": {"x": 1}},
            {"time": "2022-10-12T00:00:15.066Z", "type": "platform.report", "record": {"metrics": "none"}},
            17,
            {"time": "2022-10-12T00:00:15.067Z", "type": "function", "record": "a line"}
        ]"#;
        let events: Vec<Value> = serde_json::from_slice(batch).unwrap();
        let records: Vec<Record> = events.into_iter().map(Record::read).collect();
        assert_eq!(records.len(), 5);
        assert_eq!(records[0].at, 1_665_532_815_064_000_000);
        assert!(matches!(&records[0].told, Told::Start(start) if start.request_id == "r"));
        assert_eq!((&records[1].told, &records[3].told), (&Told::Other, &Told::Other));
        assert_eq!(records[4].told, Told::Function("a line".into()));
    }
}

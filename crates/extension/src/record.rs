//! Parses records of the Telemetry API (AWS Lambda developer guide, "Lambda Telemetry API `Event` schema reference").
//!
//! Only the fields that the extension uses are parsed, and each of them may be missing. So a change in a later schema
//! version affects only one record of a batch. An unknown type of record is [`RecordContent::Unknown`].

use serde::Deserialize;
use serde_json::Value;

use crate::unix_time;

/// One record of the Telemetry API.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The time in nanoseconds since 1970; 0 if the record has no valid time.
    pub at: u64,
    /// The content, which depends on the type of the record.
    pub content: RecordContent,
}

/// The content of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordContent {
    /// `platform.initStart`: the init phase begins.
    InitStart,
    /// `platform.initReport`: the init phase has ended.
    InitReport(PlatformRecord),
    /// `platform.start`: an invocation begins.
    Start(PlatformRecord),
    /// `platform.runtimeDone`: the function has finished an invocation.
    RuntimeDone(PlatformRecord),
    /// `platform.report`: the function and all extensions have finished an invocation.
    Report(PlatformRecord),
    /// `platform.logsDropped`: Lambda dropped records.
    LogsDropped(PlatformRecord),
    /// A line that the function wrote: text, or an object if its log format is JSON.
    FunctionLine(Value),
    /// A line that an extension wrote.
    ExtensionLine(Value),
    /// Any other type of record.
    Unknown,
}

/// The fields of the platform's records. No type of record has all of them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlatformRecord {
    /// The request identifier of the invocation.
    pub request_id: String,
    /// `success`, `error`, `failure` or `timeout`.
    pub status: String,
    /// The type of the error.
    pub error_type: Option<String>,
    /// The durations and memory of the invocation or init phase.
    pub metrics: PlatformMetrics,
    /// The trace of the invocation.
    pub tracing: Option<Tracing>,
    /// The type of initialization: `on-demand`, `provisioned-concurrency`…
    pub initialization_type: String,
    /// The number of records that Lambda dropped.
    pub dropped_records: u64,
}

/// Durations and memory of an invocation or an init phase.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlatformMetrics {
    /// The duration in milliseconds.
    pub duration_ms: Option<f64>,
    /// The billed duration in milliseconds.
    pub billed_duration_ms: Option<f64>,
    /// The duration of the init phase in milliseconds, if the invocation was a cold start.
    pub init_duration_ms: Option<f64>,
    /// The function's configured memory in MiB.
    #[serde(rename = "memorySizeMB")]
    pub memory_size_mb: Option<f64>,
    /// The peak memory in MiB.
    #[serde(rename = "maxMemoryUsedMB")]
    pub max_memory_used_mb: Option<f64>,
}

/// The trace of an invocation.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tracing {
    /// The span identifier: 64 bits in hexadecimal.
    pub span_id: Option<String>,
    /// The X-Ray header: `Root=…;Parent=…;Sampled=…`.
    pub value: String,
}

/// An event of the Telemetry API, which contains a record.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    time: String,
    r#type: String,
    #[serde(default)]
    record: Value,
}

impl Record {
    /// Parses one event of a batch. An event that cannot be parsed is [`RecordContent::Unknown`].
    #[must_use]
    pub fn parse(event: Value) -> Self {
        let Ok(Event { time, r#type, record }) = serde_json::from_value(event) else {
            return Self { at: 0, content: RecordContent::Unknown };
        };
        Self { at: unix_time::parse(&time).unwrap_or_default(), content: parse_content(&r#type, record) }
    }
}

fn parse_content(record_type: &str, record: Value) -> RecordContent {
    let platform = |record| serde_json::from_value(record).unwrap_or_default();
    match record_type {
        "platform.initStart" => RecordContent::InitStart,
        "platform.initReport" => RecordContent::InitReport(platform(record)),
        "platform.start" => RecordContent::Start(platform(record)),
        "platform.runtimeDone" => RecordContent::RuntimeDone(platform(record)),
        "platform.report" => RecordContent::Report(platform(record)),
        "platform.logsDropped" => RecordContent::LogsDropped(platform(record)),
        "function" => RecordContent::FunctionLine(record),
        "extension" => RecordContent::ExtensionLine(record),
        _ => RecordContent::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_events_do_not_affect_the_rest_of_a_batch() {
        let batch = br#"[
            {"time": "2022-10-12T00:00:15.064Z", "type": "platform.start",
             "record": {"requestId": "r", "version": "1", "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-a-b"}}},
            {"time": "2022-10-12T00:00:15.065Z", "type": "platform.newThing", "record": {"x": 1}},
            {"time": "2022-10-12T00:00:15.066Z", "type": "platform.report", "record": {"metrics": "none"}},
            17,
            {"time": "2022-10-12T00:00:15.067Z", "type": "function", "record": "a line"}
        ]"#;
        let events: Vec<Value> = serde_json::from_slice(batch).unwrap();
        let records: Vec<Record> = events.into_iter().map(Record::parse).collect();
        assert_eq!(records.len(), 5);
        assert_eq!(records[0].at, 1_665_532_815_064_000_000);
        assert!(matches!(&records[0].content, RecordContent::Start(start) if start.request_id == "r"));
        assert_eq!((&records[1].content, &records[3].content), (&RecordContent::Unknown, &RecordContent::Unknown));
        assert_eq!(records[4].content, RecordContent::FunctionLine("a line".into()));
    }
}

//! Telemetry records (AWS Lambda developer guide, "Lambda Telemetry API `Event` schema reference"). For on-demand
//! functions the schemas `2022-12-13` and `2025-01-29` do not differ.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::invocation::FunctionError;
use super::runtime_api::InvocationRequest;

/// RFC 3339 with milliseconds, the format of every `time` field.
const TIME_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The types of records that an extension can subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    Platform,
    Function,
    Extension,
}

impl Category {
    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Platform, Self::Function, Self::Extension].into_iter().find(|category| category.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Function => "function",
            Self::Extension => "extension",
        }
    }
}

/// A record that is sent to the subscribers of its category.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) category: Category,
    pub(super) event: Value,
}

/// The outcome of an invocation, for records.
#[derive(Debug, Clone)]
pub(super) struct InvocationResult {
    pub(super) duration: Duration,
    /// The size of the response in bytes.
    pub(super) produced_bytes: usize,
    pub(super) error: Option<FunctionError>,
}

impl Record {
    fn platform(kind: &str, record: Value) -> Self {
        Self::new(Category::Platform, &format!("platform.{kind}"), record)
    }

    fn new(category: Category, kind: &str, record: Value) -> Self {
        let mut event = json!({ "time": timestamp(SystemTime::now()), "type": kind });
        event["record"] = record;
        Self { category, event }
    }

    /// A line that the function or an extension wrote: an object if the log format is JSON, otherwise text.
    pub(super) fn line(category: Category, line: &str, is_json: bool) -> Self {
        let object = || serde_json::from_str(line).ok().filter(Value::is_object);
        let record = if is_json { object() } else { None };
        Self::new(category, category.name(), record.unwrap_or_else(|| line.into()))
    }

    pub(super) fn init_start(function_name: &str, memory_mib: u32, instance: &str) -> Self {
        let record = json!({
            "initializationType": "on-demand", "phase": "init",
            "functionName": function_name, "functionVersion": "$LATEST",
            "instanceId": instance, "instanceMaxMemory": memory_mib,
        });
        Self::platform("initStart", record)
    }

    pub(super) fn init_runtime_done(error: Option<&FunctionError>) -> Self {
        let mut record = json!({ "initializationType": "on-demand", "phase": "init", "status": status(error) });
        add_error_type(&mut record, error);
        Self::platform("initRuntimeDone", record)
    }

    pub(super) fn init_report(duration: Duration, error: Option<&FunctionError>) -> Self {
        let metrics = json!({ "durationMs": milliseconds(duration) });
        let mut record = json!({
            "initializationType": "on-demand", "phase": "init", "status": status(error), "metrics": metrics,
        });
        add_error_type(&mut record, error);
        Self::platform("initReport", record)
    }

    pub(super) fn subscribed(extension: &str, types: &[&str]) -> Self {
        Self::platform("telemetrySubscription", json!({ "name": extension, "state": "Subscribed", "types": types }))
    }

    pub(super) fn extension(name: &str, events: &[String]) -> Self {
        Self::platform("extension", json!({ "name": name, "state": "Ready", "events": events }))
    }

    pub(super) fn start(request: &InvocationRequest) -> Self {
        let record = json!({ "requestId": request.id, "version": "$LATEST", "tracing": tracing(request) });
        Self::platform("start", record)
    }

    pub(super) fn runtime_done(request: &InvocationRequest, result: &InvocationResult) -> Self {
        let mut record = json!({
            "requestId": request.id, "status": status(result.error.as_ref()), "tracing": tracing(request),
            "metrics": { "durationMs": milliseconds(result.duration), "producedBytes": result.produced_bytes },
        });
        add_error_type(&mut record, result.error.as_ref());
        Self::platform("runtimeDone", record)
    }

    /// `billed` includes the init phase of a cold start, which AWS has billed since August 2025.
    pub(super) fn report(
        request: &InvocationRequest,
        result: &InvocationResult,
        billed: Duration,
        memory: (u32, Option<u64>),
        init: Option<Duration>,
    ) -> Self {
        let (size, used) = memory;
        let mut metrics = json!({
            "durationMs": milliseconds(result.duration), "billedDurationMs": billed_milliseconds(billed),
            "memorySizeMB": size, "maxMemoryUsedMB": used.unwrap_or_default(),
        });
        if let Some(init) = init {
            metrics["initDurationMs"] = json!(milliseconds(init));
        }
        let mut record = json!({
            "requestId": request.id, "status": status(result.error.as_ref()), "tracing": tracing(request),
            "metrics": metrics,
        });
        add_error_type(&mut record, result.error.as_ref());
        Self::platform("report", record)
    }

    pub(super) fn logs_dropped(reason: &str, records: u64, bytes: usize) -> Self {
        let record = json!({ "reason": reason, "droppedRecords": records, "droppedBytes": bytes });
        Self::platform("logsDropped", record)
    }
}

/// Converts a billed duration to milliseconds, rounded up as AWS does.
pub(super) fn billed_milliseconds(billed: Duration) -> u128 {
    billed.as_micros().div_ceil(1000)
}

/// Converts a duration to milliseconds and rounds it to the microsecond, as Lambda does.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn status(error: Option<&FunctionError>) -> &'static str {
    match error.map(|error| error.error_type.as_str()) {
        None => "success",
        Some("Sandbox.Timedout") => "timeout",
        // This is an error of the runtime, not of the function's code.
        Some(error_type) if error_type.starts_with("Runtime.") => "failure",
        Some(_) => "error",
    }
}

fn add_error_type(record: &mut Value, error: Option<&FunctionError>) {
    if let Some(error) = error {
        record["errorType"] = json!(error.error_type);
    }
}

fn tracing(request: &InvocationRequest) -> Value {
    json!({ "spanId": request.span_id, "type": "X-Amzn-Trace-Id", "value": request.trace_id })
}

fn timestamp(now: SystemTime) -> String {
    OffsetDateTime::from(now).format(TIME_FORMAT).expect("the year has four digits until the end of 9999")
}

//! Telemetry records (AWS Lambda developer guide, "Lambda Telemetry API `Event` schema reference"). What an on-demand
//! function causes is the same in the schemas `2022-12-13` and `2025-01-29`.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::Function;
use super::api::Request;
use super::invocation::FunctionError;

/// Milliseconds, as every `time` has them.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// What can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    Platform,
    Function,
    Extension,
}

impl Category {
    pub(super) fn named(name: &str) -> Option<Self> {
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

/// One record, on its way to whoever subscribed to its category.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) category: Category,
    pub(super) event: Value,
}

/// How an invocation went, and what it took.
#[derive(Debug, Clone)]
pub(super) struct Ran {
    pub(super) took: Duration,
    pub(super) produced: usize,
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

    /// A line of the function's or of an extension's: an object where the log's format is JSON, else the text.
    pub(super) fn line(category: Category, line: &str, json: bool) -> Self {
        let object = || serde_json::from_str(line).ok().filter(Value::is_object);
        let record = if json { object() } else { None };
        Self::new(category, category.name(), record.unwrap_or_else(|| line.into()))
    }

    pub(super) fn init_start(function: &Function, instance: &str) -> Self {
        let record = json!({
            "initializationType": "on-demand", "phase": "init",
            "functionName": function.name, "functionVersion": "$LATEST",
            "instanceId": instance, "instanceMaxMemory": function.memory,
        });
        Self::platform("initStart", record)
    }

    pub(super) fn init_runtime_done(error: Option<&FunctionError>) -> Self {
        let mut record = json!({ "initializationType": "on-demand", "phase": "init", "status": status(error) });
        name_error(&mut record, error);
        Self::platform("initRuntimeDone", record)
    }

    pub(super) fn init_report(took: Duration, error: Option<&FunctionError>) -> Self {
        let metrics = json!({ "durationMs": milliseconds(took) });
        let mut record = json!({
            "initializationType": "on-demand", "phase": "init", "status": status(error), "metrics": metrics,
        });
        name_error(&mut record, error);
        Self::platform("initReport", record)
    }

    pub(super) fn subscribed(extension: &str, types: &[&str]) -> Self {
        Self::platform("telemetrySubscription", json!({ "name": extension, "state": "Subscribed", "types": types }))
    }

    pub(super) fn extension(name: &str, events: &[String]) -> Self {
        Self::platform("extension", json!({ "name": name, "state": "Ready", "events": events }))
    }

    pub(super) fn start(request: &Request) -> Self {
        let record = json!({ "requestId": request.id, "version": "$LATEST", "tracing": tracing(request) });
        Self::platform("start", record)
    }

    pub(super) fn runtime_done(request: &Request, ran: &Ran) -> Self {
        let mut record = json!({
            "requestId": request.id, "status": status(ran.error.as_ref()), "tracing": tracing(request),
            "metrics": { "durationMs": milliseconds(ran.took), "producedBytes": ran.produced },
        });
        name_error(&mut record, ran.error.as_ref());
        Self::platform("runtimeDone", record)
    }

    /// `billed` begins with the first invocation's init phase, which is billed since August 2025.
    pub(super) fn report(
        request: &Request,
        ran: &Ran,
        billed: Duration,
        memory: (u32, Option<u64>),
        init: Option<Duration>,
    ) -> Self {
        let (size, used) = memory;
        let mut metrics = json!({
            "durationMs": milliseconds(ran.took), "billedDurationMs": billed_milliseconds(billed),
            "memorySizeMB": size, "maxMemoryUsedMB": used.unwrap_or_default(),
        });
        if let Some(init) = init {
            metrics["initDurationMs"] = json!(milliseconds(init));
        }
        let mut record = json!({
            "requestId": request.id, "status": status(ran.error.as_ref()), "tracing": tracing(request),
            "metrics": metrics,
        });
        name_error(&mut record, ran.error.as_ref());
        Self::platform("report", record)
    }

    pub(super) fn logs_dropped(reason: &str, records: u64, bytes: usize) -> Self {
        let record = json!({ "reason": reason, "droppedRecords": records, "droppedBytes": bytes });
        Self::platform("logsDropped", record)
    }
}

/// What is billed: whole milliseconds, begun ones too.
pub(super) fn billed_milliseconds(billed: Duration) -> u128 {
    billed.as_micros().div_ceil(1000)
}

/// To the microsecond, as Lambda's are.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn status(error: Option<&FunctionError>) -> &'static str {
    match error.map(|error| error.error_type.as_str()) {
        None => "success",
        Some("Sandbox.Timedout") => "timeout",
        // The runtime, not the function's code, is what failed.
        Some(named) if named.starts_with("Runtime.") => "failure",
        Some(_) => "error",
    }
}

fn name_error(record: &mut Value, error: Option<&FunctionError>) {
    if let Some(error) = error {
        record["errorType"] = json!(error.error_type);
    }
}

fn tracing(request: &Request) -> Value {
    json!({ "spanId": request.span_id, "type": "X-Amzn-Trace-Id", "value": request.trace_id })
}

fn timestamp(now: SystemTime) -> String {
    OffsetDateTime::from(now).format(TIME).expect("the year has four digits until the end of 9999")
}

//! Converts log lines to OTLP.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_semantic_conventions::attribute as standard;
use serde_json::Value;

use super::attributes::{SCHEMA_URL, any_value, scope, string_attribute};
use crate::queue::QueuedItem;
use crate::signal::LogLine;

pub(super) fn request(logs: &[QueuedItem<LogLine>], resource: &Resource) -> ExportLogsServiceRequest {
    let log_records = logs.iter().map(|queued| log_record(&queued.item)).collect();
    let scope_logs = vec![ScopeLogs { scope: Some(scope()), log_records, schema_url: SCHEMA_URL.into() }];
    let resource = Some(resource.clone());
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource, scope_logs, schema_url: SCHEMA_URL.into() }],
    }
}

fn log_record(log: &LogLine) -> LogRecord {
    let object = log.is_json.then(|| serde_json::from_str(&log.line).ok()).flatten();
    let body = object.unwrap_or_else(|| Value::String(log.line.clone()));
    let level = body.get("level").and_then(Value::as_str).unwrap_or_default();
    let severity = match level.to_ascii_uppercase().as_str() {
        "TRACE" => SeverityNumber::Trace,
        "DEBUG" => SeverityNumber::Debug,
        "INFO" => SeverityNumber::Info,
        "WARN" | "WARNING" => SeverityNumber::Warn,
        "ERROR" => SeverityNumber::Error,
        "FATAL" | "CRITICAL" => SeverityNumber::Fatal,
        _ => SeverityNumber::Unspecified,
    };
    let context = log.context.as_ref();
    LogRecord {
        time_unix_nano: log.at,
        observed_time_unix_nano: log.at,
        severity_number: severity.into(),
        severity_text: level.into(),
        body: Some(any_value(&body)),
        attributes: context
            .map(|context| string_attribute(standard::FAAS_INVOCATION_ID, &context.request_id))
            .into_iter()
            .collect(),
        flags: context.map_or(0, |_| 1),
        trace_id: context.map(|context| context.trace_id.into()).unwrap_or_default(),
        span_id: context.map(|context| context.span_id.into()).unwrap_or_default(),
        ..LogRecord::default()
    }
}

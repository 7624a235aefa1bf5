//! The log on standard output. Lambda sets its format, JSON or text, and its level.

use std::fmt;
use std::time::Duration;

use model::{Location, Outcome, Report, VariantStatus};
use serde_json::{Map, Value, json};
use settings::LogSettings;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::event::MalformedEvent;
use crate::http::{HttpRequest, Responded};
use crate::memory;

/// The fields whose value is JSON text. A log line in JSON format contains this value as JSON, not as a string.
const JSON_FIELDS: [&str; 3] = ["report", "record", "request"];

/// Starts logging to standard output, which Lambda sends to CloudWatch Logs.
pub fn init(log: LogSettings) {
    // Libraries log only warnings and errors, unless the level is DEBUG or TRACE.
    let libraries = if log.level > Level::INFO { log.level } else { log.level.min(Level::WARN) };
    let ours = ["bootstrap", "function", "transfer", "convert", "avif"].map(|target| (target, log.level));
    let filter = Targets::new().with_default(libraries).with_targets(ours);
    let registry = tracing_subscriber::registry().with(filter);
    if log.is_json {
        registry.with(tracing_subscriber::fmt::layer().event_format(JsonFormat)).init();
    } else {
        registry.with(tracing_subscriber::fmt::layer().with_ansi(false).with_target(false)).init();
    }
}

/// Writes the log line of a job.
pub(crate) fn write_report(report: &Report, request_id: &str) {
    let json = serde_json::to_string(report).unwrap_or_default();
    let (at, peak_memory_mib) = (&report.job.source.at, memory::peak_memory_mib());
    let message = match &report.outcome {
        Outcome::Converted { image, variants, .. } => {
            let stored: u64 = variants.iter().filter(|v| v.status == VariantStatus::Stored).map(|v| v.bytes).sum();
            format!("converted {at}: {} bytes into {stored} in {} variants", image.bytes, variants.len())
        }
        Outcome::Deleted { outputs } => format!("deleted {} outputs of {at}", outputs.len()),
        Outcome::Skipped { reason } => format!("skipped {at}: {reason}"),
        Outcome::Rejected { reason } => format!("rejected {at}: {reason}"),
        Outcome::Failed { reason } => format!("failed {at}: {reason}"),
    };
    let message = escape_control_characters(&message);
    match &report.outcome {
        Outcome::Converted { .. } | Outcome::Deleted { .. } | Outcome::Skipped { .. } => {
            tracing::info!(report = json, request_id, peak_memory_mib, "{message}");
        }
        Outcome::Rejected { .. } => tracing::warn!(report = json, request_id, peak_memory_mib, "{message}"),
        Outcome::Failed { .. } => tracing::error!(report = json, request_id, peak_memory_mib, "{message}"),
    }
}

/// Writes the log line of an HTTP request. If the function converted the variant or could not convert it, the line contains the
/// report of the job. The line does not contain the path of a request that the function does not serve, because any client can
/// send such requests.
pub(crate) fn write_request(request: &HttpRequest, responded: &Responded, took: Duration, request_id: &str) {
    let Responded { response, at, report } = responded;
    let (status, method) = (response.status, request.method.as_str());
    let milliseconds = (took.as_secs_f64() * 10_000.0).round() / 10.0;
    let line = json!({
        "method": method, "status": status, "ms": milliseconds, "at": at, "cdn": request.is_from_cdn,
    });
    let report = report.as_ref().filter(|report| is_conversion(report));
    let reason = report.and_then(|report| match &report.outcome {
        Outcome::Rejected { reason } | Outcome::Failed { reason } => Some(format!(": {reason}")),
        Outcome::Converted { .. } | Outcome::Deleted { .. } | Outcome::Skipped { .. } => None,
    });
    let object = at.as_ref().map_or("a path that is not served".into(), Location::to_string);
    let message = format!("{status} for {method} of {object} in {milliseconds} ms{}", reason.unwrap_or_default());
    let message = escape_control_characters(&message);
    let request = line.to_string();
    let report = report.map(|report| serde_json::to_string(report).unwrap_or_default());
    let (report, peak_memory_mib) = (report.as_deref(), memory::peak_memory_mib());
    match status {
        500.. => tracing::error!(request, report, request_id, peak_memory_mib, "{message}"),
        415 => tracing::warn!(request, report, request_id, peak_memory_mib, "{message}"),
        _ => tracing::info!(request, report, request_id, peak_memory_mib, "{message}"),
    }
}

/// Whether a conversion was necessary. A request for a source that does not exist is no rejected image.
fn is_conversion(report: &Report) -> bool {
    match report.outcome {
        Outcome::Skipped { .. } => false,
        Outcome::Converted { .. } | Outcome::Deleted { .. } | Outcome::Failed { .. } | Outcome::Rejected { .. } => true,
    }
}

/// Writes the reason that a record, a task or a message of an event was rejected. The extension, metric filters and
/// queries count the lines with the field `record`.
pub(crate) fn write_rejected_record(reason: &str, request_id: &str) {
    let record = json!({ "outcome": "rejected", "reason": reason }).to_string();
    tracing::warn!(record, request_id, "rejected a record: {}", escape_control_characters(reason));
}

/// Writes the error of a malformed event.
pub(crate) fn write_malformed_event(error: &MalformedEvent) {
    tracing::error!("malformed event: {}", escape_control_characters(&error.to_string()));
}

/// Escapes control characters. Without the escapes, text from a key or a file could forge a log line or control a
/// terminal.
pub(crate) fn escape_control_characters(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // These are the line and paragraph separators of Unicode, and the characters that change the text
            // direction.
            '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                line.extend(character.escape_unicode());
            }
            _ if character.is_control() => line.extend(character.escape_default()),
            _ => line.push(character),
        }
    }
    line
}

/// Writes each log line as a JSON object. The fields have the same names as in the lines that Lambda writes.
struct JsonFormat;

impl<S, N> FormatEvent<S, N> for JsonFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = LogFields(Map::new());
        line.0.insert("timestamp".into(), time.into());
        line.0.insert("level".into(), event.metadata().level().as_str().into());
        event.record(&mut line);
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

/// The fields of one log line.
struct LogFields(Map<String, Value>);

impl Visit for LogFields {
    fn record_str(&mut self, field: &Field, text: &str) {
        let value = match field.name() {
            name if JSON_FIELDS.contains(&name) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
            _ => text.into(),
        };
        self.0.insert(field.name().into(), value);
    }

    fn record_u64(&mut self, field: &Field, number: u64) {
        self.0.insert(field.name().into(), number.into());
    }

    fn record_i64(&mut self, field: &Field, number: i64) {
        self.0.insert(field.name().into(), number.into());
    }

    fn record_f64(&mut self, field: &Field, number: f64) {
        self.0.insert(field.name().into(), number.into());
    }

    fn record_bool(&mut self, field: &Field, boolean: bool) {
        self.0.insert(field.name().into(), boolean.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::escape_control_characters;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            escape_control_characters("a\r\nERROR b\u{1b}[2J\u{202e}c\u{85}"),
            r"a\r\nERROR b\u{1b}[2J\u{202e}c\u{85}"
        );
        assert_eq!(escape_control_characters("写真 \"1\" が\u{3099}.jpg"), "写真 \"1\" が\u{3099}.jpg");
    }
}

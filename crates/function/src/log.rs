//! The log: one line an event, JSON or text as Lambda asks for it.

use std::fmt;

use model::{Outcome, Report, VariantStatus};
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

use crate::event::Malformed;
use crate::memory;

/// The fields whose text is JSON already, and is written as it is.
const REPORT: &str = "report";
const RECORD: &str = "record";

/// Begins to log to standard output, which Lambda collects.
pub fn start(log: LogSettings) {
    // Libraries speak up only when somebody is looking for a fault.
    let libraries = if log.level > Level::INFO { log.level } else { log.level.min(Level::WARN) };
    let ours = ["bootstrap", "function", "transfer", "convert", "avif"].map(|target| (target, log.level));
    let filter = Targets::new().with_default(libraries).with_targets(ours);
    let registry = tracing_subscriber::registry().with(filter);
    if log.is_json {
        registry.with(tracing_subscriber::fmt::layer().event_format(Json)).init();
    } else {
        registry.with(tracing_subscriber::fmt::layer().with_ansi(false).with_target(false)).init();
    }
}

/// Writes the one line of a job.
pub(crate) fn report(report: &Report, request_id: &str) {
    let json = serde_json::to_string(report).unwrap_or_default();
    let (at, peak_memory_mib) = (&report.job.source.at, memory::peak_mib());
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
    let message = one_line(&message);
    match &report.outcome {
        Outcome::Converted { .. } | Outcome::Deleted { .. } | Outcome::Skipped { .. } => {
            tracing::info!(report = json, request_id, peak_memory_mib, "{message}");
        }
        Outcome::Rejected { .. } => tracing::warn!(report = json, request_id, peak_memory_mib, "{message}"),
        Outcome::Failed { .. } => tracing::error!(report = json, request_id, peak_memory_mib, "{message}"),
    }
}

/// Writes why a record, a task or a whole message of an event became no job. The field `record` is for those who count: the
/// extension, metric filters and queries.
pub(crate) fn rejected_record(reason: &str, request_id: &str) {
    let record = json!({ "outcome": "rejected", "reason": reason }).to_string();
    tracing::warn!(record, request_id, "rejected a record: {}", one_line(reason));
}

/// Writes that a whole event was not understood.
pub(crate) fn malformed(error: &Malformed) {
    tracing::error!("an event was not understood: {}", one_line(&error.to_string()));
}

/// What a name or a file says must not look like a line of ours, nor turn a terminal about: all that is no ordinary
/// character is written as its number.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // Lines and paragraphs of Unicode's own, and what changes the direction of what follows.
            '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                line.extend(character.escape_unicode());
            }
            _ if character.is_control() => line.extend(character.escape_default()),
            _ => line.push(character),
        }
    }
    line
}

/// One JSON object a line, with the names that Lambda's own lines have.
struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Line(Map::new());
        line.0.insert("timestamp".into(), time.into());
        line.0.insert("level".into(), event.metadata().level().as_str().into());
        event.record(&mut line);
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

/// The fields of one line.
struct Line(Map<String, Value>);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, text: &str) {
        let value = match field.name() {
            REPORT | RECORD => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
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

    fn record_bool(&mut self, field: &Field, truth: bool) {
        self.0.insert(field.name().into(), truth.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn no_name_makes_a_line_of_its_own() {
        assert_eq!(one_line("a\r\nERROR b\u{1b}[2J\u{202e}c\u{85}"), r"a\r\nERROR b\u{1b}[2J\u{202e}c\u{85}");
        assert_eq!(one_line("写真 \"1\" が\u{3099}.jpg"), "写真 \"1\" が\u{3099}.jpg");
    }
}

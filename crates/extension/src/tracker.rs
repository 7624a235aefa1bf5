//! Assigns records to invocations, and derives signals from them.

use std::collections::VecDeque;

use model::Report;
use serde_json::Value;

use crate::emf::LINE_START;
use crate::metric::{Metric, Sample};
use crate::record::{PlatformRecord, Record, RecordContent};
use crate::samples::{invocation_samples, report_samples};
use crate::signal::{LogLine, Signal};
use crate::span::Span;
use crate::trace_context::TraceContext;
use crate::unix_time;

/// The maximum number of invocations that the tracker stores. It is sufficient for all running invocations of a managed
/// instance, and for recent ones whose records arrive late.
const MAX_INVOCATIONS: usize = 128;

/// The running and recent invocations of an environment.
#[derive(Debug, Default)]
pub struct InvocationTracker {
    /// The invocations in the order of their start times, the newest last.
    invocations: VecDeque<Invocation>,
    init: Init,
}

/// The init phase of the environment.
#[derive(Debug, Default)]
struct Init {
    started: u64,
    duration_ms: Option<f64>,
    /// Whether the init phase was reported as the cold start of an invocation.
    is_reported: bool,
}

#[derive(Debug)]
struct Invocation {
    context: TraceContext,
    started: u64,
    /// Whether the function has finished.
    has_ended: bool,
    /// Whether Lambda's final report has arrived.
    has_report: bool,
    /// The number of image reports that have arrived.
    images: u64,
}

impl InvocationTracker {
    /// Processes the next record. Returns the signals that are derived from it.
    pub fn track(&mut self, record: Record) -> Vec<Signal> {
        let Record { at, content } = record;
        let mut signals = vec![];
        match content {
            RecordContent::InitStart => self.init.started = at,
            RecordContent::InitReport(report) => self.init_report(at, &report, &mut signals),
            RecordContent::Start(start) => self.start(at, &start, &mut signals),
            RecordContent::RuntimeDone(done) => self.runtime_done(at, &done, &mut signals),
            RecordContent::Report(report) => self.report(at, &report, &mut signals),
            RecordContent::LogsDropped(dropped) => {
                signals.push(Signal::Sample(Sample::telemetry_dropped(dropped.dropped_records, at)));
            }
            RecordContent::FunctionLine(line) => self.function_line(at, line, &mut signals),
            // Ignore the extension's own metrics on standard output, which Lambda also sends as records.
            RecordContent::ExtensionLine(line) if line.as_str().is_some_and(|line| line.starts_with(LINE_START)) => {}
            RecordContent::ExtensionLine(line) => {
                let is_json = !line.is_string();
                signals.push(Signal::Log(LogLine { at, line: into_text(line), is_json, context: None }));
            }
            RecordContent::Unknown => {}
        }
        signals
    }

    /// Whether telemetry has reported the start of the invocation. The attempts of an asynchronous invocation have the
    /// same request identifier, so attempts that started before `since` (nanoseconds since 1970) are ignored.
    #[must_use]
    pub fn has_started(&self, request_id: &str, since: u64) -> bool {
        self.invocations.iter().any(|invocation| invocation.is_attempt(request_id, since))
    }

    /// Whether telemetry has reported the end of the invocation. Attempts that started before `since` (nanoseconds
    /// since 1970) are ignored.
    #[must_use]
    pub fn has_ended(&self, request_id: &str, since: u64) -> bool {
        let mut invocations = self.invocations.iter();
        invocations.any(|invocation| invocation.is_attempt(request_id, since) && invocation.has_ended)
    }

    /// The number of invocations whose end was not reported.
    #[must_use]
    pub fn running_invocations(&self) -> usize {
        self.invocations.iter().filter(|invocation| !invocation.has_ended).count()
    }

    /// Whether all records of every invocation have arrived.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.invocations.iter().all(|invocation| invocation.has_report)
    }

    /// Removes all invocations. Returns signals that count each invocation without a reported end as an error.
    pub fn close(&mut self) -> Vec<Signal> {
        let mut signals = vec![];
        for invocation in self.invocations.drain(..).filter(|invocation| !invocation.has_ended) {
            signals.extend(invocation.end_signals(invocation.started, "failure", Some("unknown")));
        }
        signals
    }

    fn init_report(&mut self, at: u64, report: &PlatformRecord, signals: &mut Vec<Signal>) {
        // Lambda starts these environments before the events arrive, so no invocation waits for them.
        let is_ahead =
            ["provisioned-concurrency", "lambda-managed-instances"].contains(&report.initialization_type.as_str());
        match report.metrics.duration_ms {
            Some(value) if is_ahead => {
                signals.push(Signal::Sample(Sample { metric: Metric::InitDuration, value, at }));
            }
            duration_ms => self.init.duration_ms = duration_ms,
        }
    }

    fn start(&mut self, at: u64, start: &PlatformRecord, signals: &mut Vec<Signal>) {
        // Lambda may deliver a batch twice. Another attempt of the same event would have a later start time.
        if self.find(&start.request_id).is_some_and(|invocation| invocation.started == at) {
            return;
        }
        let context = TraceContext::new(&start.request_id, start.tracing.as_ref(), at);
        // The first invocation after the init phase is the cold start.
        if let Some(duration_ms) = self.init.duration_ms.filter(|_| !self.init.is_reported) {
            self.init.is_reported = true;
            signals.push(Signal::Sample(Sample { metric: Metric::ColdStarts, value: 1.0, at }));
            signals.push(Signal::Sample(Sample { metric: Metric::InitDuration, value: duration_ms, at }));
            let end = self.init.started.saturating_add(unix_time::from_milliseconds(duration_ms));
            signals.push(Signal::Span(Span::init(&context, self.init.started, end)));
        }
        let is_cold_start = !signals.is_empty();
        if self.invocations.len() == MAX_INVOCATIONS {
            self.invocations.pop_front();
        }
        let context = TraceContext { is_cold_start, ..context };
        self.invocations.push_back(Invocation { context, started: at, has_ended: false, has_report: false, images: 0 });
    }

    fn runtime_done(&mut self, at: u64, done: &PlatformRecord, signals: &mut Vec<Signal>) {
        let Some(invocation) = self.find(&done.request_id) else { return };
        if std::mem::replace(&mut invocation.has_ended, true) {
            return;
        }
        let end = match done.metrics.duration_ms {
            Some(duration_ms) => {
                signals.push(Signal::Sample(Sample { metric: Metric::Duration, value: duration_ms, at }));
                invocation.started.saturating_add(unix_time::from_milliseconds(duration_ms))
            }
            None => at,
        };
        signals.extend(invocation.end_signals(end, &done.status, done.error_type.as_deref()));
    }

    fn report(&mut self, at: u64, report: &PlatformRecord, signals: &mut Vec<Signal>) {
        let invocation = self.find(&report.request_id);
        if invocation.is_some_and(|invocation| std::mem::replace(&mut invocation.has_report, true)) {
            return;
        }
        // If no earlier record reported the end of the invocation, this record does.
        self.runtime_done(at, report, signals);
        let measured = [
            (Metric::BilledDuration, report.metrics.billed_duration_ms),
            (Metric::MemoryUsed, report.metrics.max_memory_used_mb),
            (Metric::MemorySize, report.metrics.memory_size_mb),
        ];
        let measured = measured.into_iter().filter_map(|(metric, value)| Some((metric, value?)));
        signals.extend(measured.map(|(metric, value)| Signal::Sample(Sample { metric, value, at })));
    }

    fn function_line(&mut self, at: u64, line: Value, signals: &mut Vec<Signal>) {
        // If Lambda's log format is text, Lambda sends a JSON line as a string.
        let object = match &line {
            Value::String(text) if text.starts_with('{') => serde_json::from_str(text).ok().filter(Value::is_object),
            _ => None,
        };
        let body = object.as_ref().unwrap_or(&line);
        let field = |name: &str| body.get(name).and_then(Value::as_str);
        let request_id = field("request_id").or_else(|| field("requestId")).or_else(|| field("AWSRequestId"));
        let invocation = match request_id {
            Some(id) => self.find(id),
            None => self.invocations.back_mut().filter(|invocation| !invocation.has_ended),
        };
        let context = invocation.as_ref().map(|invocation| invocation.context.clone());
        let written = field("timestamp").and_then(unix_time::parse).unwrap_or(at);
        let report = body.get("report").and_then(|report| serde_json::from_value::<Report>(report.clone()).ok());
        if let Some(report) = report {
            let context = context.clone().or_else(|| request_id.map(|id| TraceContext::new(id, None, at)));
            let number = invocation.map_or(0, |invocation| {
                invocation.images += 1;
                invocation.images
            });
            signals.extend(report_samples(&report, written).into_iter().map(Signal::Sample));
            let spans = context.into_iter().flat_map(|context| Span::image(&context, number, &report, written));
            signals.extend(spans.map(Signal::Span));
        }
        if body.get("record").is_some_and(|record| record["outcome"] == "rejected" && record["reason"].is_string()) {
            signals.push(Signal::Sample(Sample { metric: Metric::RejectedRecords, value: 1.0, at: written }));
        }
        let is_json = !body.is_string();
        signals.push(Signal::Log(LogLine { at: written, line: into_text(line), is_json, context }));
    }

    /// Returns the last attempt with this request identifier.
    fn find(&mut self, request_id: &str) -> Option<&mut Invocation> {
        self.invocations.iter_mut().rev().find(|invocation| invocation.context.request_id == request_id)
    }
}

impl Invocation {
    fn is_attempt(&self, request_id: &str, since: u64) -> bool {
        self.context.request_id == request_id && self.started >= since
    }

    /// Creates the samples and the span of an invocation that has ended.
    fn end_signals(&self, end: u64, status: &str, error_type: Option<&str>) -> Vec<Signal> {
        let mut signals: Vec<_> = invocation_samples(status, end).into_iter().map(Signal::Sample).collect();
        let error = (status != "success").then(|| error_type.unwrap_or(status).to_owned());
        signals.push(Signal::Span(Span::invocation(&self.context, self.started, end, error)));
        signals
    }
}

/// Returns the text of a line as it was written.
fn into_text(line: Value) -> String {
    if let Value::String(text) = line { text } else { line.to_string() }
}

#[cfg(test)]
mod tests {
    use model::{Change, Job, Location, Outcome, Source, Timings};
    use serde_json::json;

    use super::*;

    fn track(tracker: &mut InvocationTracker, at: u32, record_type: &str, record: &Value) -> Vec<Signal> {
        let event = json!({ "time": format!("2026-01-01T00:00:{at:02}Z"), "type": record_type, "record": record });
        tracker.track(Record::parse(event))
    }

    fn spans(signals: &[Signal]) -> Vec<&Span> {
        signals.iter().filter_map(|signal| if let Signal::Span(span) = signal { Some(span) } else { None }).collect()
    }

    fn metrics(signals: &[Signal]) -> Vec<Metric> {
        let metric = |signal: &Signal| if let Signal::Sample(sample) = signal { Some(sample.metric) } else { None };
        signals.iter().filter_map(metric).collect()
    }

    #[test]
    fn implausible_durations_do_not_overflow() {
        let mut tracker = InvocationTracker::default();
        track(&mut tracker, 0, "platform.initReport", &json!({ "metrics": { "durationMs": 1e300 } }));
        track(&mut tracker, 0, "platform.start", &json!({ "requestId": "r" }));
        let at = Location { bucket: "b".into(), key: "k".into() };
        let source = Source { at, version: None, etag: None, sequencer: None };
        let timings =
            Timings { fetch_ms: 1e300, decode_ms: -1e300, transform_ms: 1e12, encode_ms: 1e300, store_ms: 1.0 };
        let outcome = Outcome::Rejected { reason: "x".into() };
        let report = Report { job: Job { source, change: Change::Created }, rule: None, outcome, timings };
        let signals = track(&mut tracker, 1, "function", &json!({ "request_id": "r", "report": report }));
        assert!(!spans(&signals).is_empty());
        let done = json!({ "requestId": "r", "status": "success", "metrics": { "durationMs": 1e300 } });
        let signals = track(&mut tracker, 1, "platform.runtimeDone", &done);
        assert_eq!(spans(&signals)[0].ended, u64::MAX);
    }

    #[test]
    fn environment_that_starts_before_its_events_is_not_a_cold_start() {
        let start_metrics = |initialization_type: &str| {
            let mut tracker = InvocationTracker::default();
            let report = json!({ "initializationType": initialization_type, "metrics": { "durationMs": 9.0 } });
            let mut signals = track(&mut tracker, 0, "platform.initReport", &report);
            signals.extend(track(&mut tracker, 1, "platform.start", &json!({ "requestId": "r" })));
            metrics(&signals)
        };
        assert_eq!(start_metrics("on-demand"), [Metric::ColdStarts, Metric::InitDuration]);
        for ahead in ["provisioned-concurrency", "lambda-managed-instances"] {
            assert_eq!(start_metrics(ahead), [Metric::InitDuration], "{ahead}");
        }
    }

    #[test]
    fn batch_that_is_delivered_twice_is_counted_once() {
        let mut tracker = InvocationTracker::default();
        let metrics = json!({ "durationMs": 5.0, "billedDurationMs": 6.0 });
        let ended = json!({ "requestId": "r", "status": "success", "metrics": metrics });
        let batch = |tracker: &mut InvocationTracker| {
            let start = track(tracker, 1, "platform.start", &json!({ "requestId": "r" }));
            let done = track(tracker, 2, "platform.runtimeDone", &ended);
            [start, done, track(tracker, 3, "platform.report", &ended)].concat()
        };
        let (first, second) = (batch(&mut tracker), batch(&mut tracker));
        // The first batch results in the samples Invocations, Duration and BilledDuration, and a span.
        assert_eq!((first.len(), second), (4, vec![]));
        assert_eq!(tracker.close(), [], "no invocation is without an end");
    }

    #[test]
    fn late_record_is_assigned_to_its_invocation() {
        let mut tracker = InvocationTracker::default();
        let start = |tracker: &mut InvocationTracker, id: &str| {
            track(tracker, 1, "platform.start", &json!({ "requestId": id }));
        };
        start(&mut tracker, "first");
        track(&mut tracker, 2, "platform.runtimeDone", &json!({ "requestId": "first", "status": "success" }));
        start(&mut tracker, "second");
        let line = track(&mut tracker, 3, "function", &json!({ "requestId": "first", "message": "late" }));
        assert!(
            matches!(&line[..], [Signal::Log(LogLine { context: Some(context), .. })] if context.request_id == "first")
        );
        let report = json!({ "requestId": "first", "status": "success", "metrics": { "maxMemoryUsedMB": 7 } });
        let report = track(&mut tracker, 4, "platform.report", &report);
        assert!(matches!(report[..], [Signal::Sample(Sample { metric: Metric::MemoryUsed, value: 7.0, .. })]));
        assert!(!tracker.is_complete(), "the second invocation has no report yet");
    }

    #[test]
    fn report_ends_an_invocation_without_runtime_done() {
        let mut tracker = InvocationTracker::default();
        track(&mut tracker, 1, "platform.start", &json!({ "requestId": "r" }));
        let report = track(&mut tracker, 2, "platform.report", &json!({ "requestId": "r", "status": "timeout" }));
        assert_eq!(metrics(&report), [Metric::Invocations, Metric::Errors, Metric::Timeouts]);
        assert_eq!((spans(&report)[0].error.as_deref(), tracker.is_complete()), (Some("timeout"), true));
    }

    #[test]
    fn end_of_an_attempt_does_not_end_the_next_attempt() {
        let mut tracker = InvocationTracker::default();
        let attempt = |tracker: &mut InvocationTracker, at| {
            track(tracker, at, "platform.start", &json!({ "requestId": "r" }));
            track(tracker, at + 1, "platform.runtimeDone", &json!({ "requestId": "r", "status": "error" }))
        };
        let second_start = unix_time::parse("2026-01-01T00:00:30Z").unwrap();
        let first = attempt(&mut tracker, 0);
        assert_eq!((tracker.has_ended("r", 0), tracker.has_ended("r", second_start)), (true, false));
        let second = attempt(&mut tracker, 30);
        assert!(tracker.has_ended("r", second_start));
        assert_ne!(spans(&first)[0].id, spans(&second)[0].id);
    }
}

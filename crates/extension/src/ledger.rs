//! From records to what they say: which belong together, and to which invocation.

use std::collections::VecDeque;

use model::{Outcome, Report, VariantStatus};
use serde_json::Value;

use crate::metric::{Metric, Sample};
use crate::record::{Platform, Record, Told, nanoseconds};

mod span;

pub use span::{Context, Span, Stage, What};

/// What goes to the backends.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A measurement.
    Sample(Sample),
    /// A stretch of time.
    Span(Span),
    /// A line of a log.
    Log(Log),
}

/// A line that the function or an extension wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// When, in nanoseconds since 1970.
    pub at: u64,
    /// As it was written: read, an object takes several times the room, and lines are what waits most.
    pub line: String,
    /// Whether that is JSON, or else text.
    pub is_json: bool,
    /// The invocation in which it was written, where that is known.
    pub context: Option<Context>,
}

/// Everything that is known of invocations under way, and of those that are over and may still have lines to come.
#[derive(Debug, Default)]
pub struct Ledger {
    /// In the order of their beginning; the newest last.
    invocations: VecDeque<Invocation>,
    init: Init,
}

#[derive(Debug, Default)]
struct Init {
    began: u64,
    took_ms: Option<f64>,
    /// Whether an invocation was told to have waited for it.
    told: bool,
}

#[derive(Debug)]
struct Invocation {
    context: Context,
    began: u64,
    /// Whether the function was done with it, and whether all were.
    done: bool,
    reported: bool,
    images: u64,
}

/// How many invocations are remembered: all that are under way where an environment takes several, and enough of the
/// past for lines that come late.
const REMEMBERED: usize = 128;

impl Ledger {
    /// Takes a record down, and gives what can be said since.
    pub fn take(&mut self, record: Record) -> Vec<Item> {
        let Record { at, told } = record;
        let mut items = vec![];
        match told {
            Told::InitStart => self.init.began = at,
            Told::InitReport(report) => self.init(at, &report, &mut items),
            Told::Start(start) => self.start(at, &start, &mut items),
            Told::RuntimeDone(done) => self.done(at, &done, &mut items),
            Told::Report(report) => self.report(at, &report, &mut items),
            Told::LogsDropped(lost) => {
                let value = count(lost.dropped_records);
                items.push(Item::Sample(Sample { metric: Metric::TelemetryDropped, value, at }));
            }
            Told::Function(line) => self.line(at, line, &mut items),
            // Our own metrics on standard output come back as records. They are told already.
            Told::Extension(line) if line.as_str().is_some_and(|line| line.starts_with(crate::emf::START)) => {}
            Told::Extension(line) => {
                let is_json = !line.is_string();
                items.push(Item::Log(Log { at, line: text(line), is_json, context: None }));
            }
            Told::Other => {}
        }
        items
    }

    /// Whether the beginning of that invocation was reported. It began no earlier than `since`, as in
    /// [`is_done`](Self::is_done).
    #[must_use]
    pub fn has_begun(&self, request_id: &str, since: u64) -> bool {
        self.invocations.iter().any(|one| one.context.request_id == request_id && one.began >= since)
    }

    /// How many invocations began without a reported end.
    #[must_use]
    pub fn open_invocations(&self) -> usize {
        self.invocations.iter().filter(|invocation| !invocation.done).count()
    }

    /// Whether the function has answered that invocation, which began no earlier than that. What is invoked
    /// asynchronously keeps its identifier when it is tried again.
    #[must_use]
    pub fn is_done(&self, request_id: &str, since: u64) -> bool {
        let mut invocations = self.invocations.iter();
        invocations.any(|one| one.context.request_id == request_id && one.began >= since && one.done)
    }

    /// Whether everything has been told of every invocation that began.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.invocations.iter().all(|invocation| invocation.reported)
    }

    /// What can be said of invocations whose end nobody will tell any more. They count as errors.
    pub fn close(&mut self) -> Vec<Item> {
        let mut items = vec![];
        for invocation in self.invocations.drain(..).filter(|invocation| !invocation.done) {
            ended(&invocation, invocation.began, "failure", Some("unknown"), &mut items);
        }
        items
    }

    fn init(&mut self, at: u64, report: &Platform, items: &mut Vec<Item>) {
        // For these Lambda starts environments ahead of events, and none waits.
        let ahead =
            ["provisioned-concurrency", "lambda-managed-instances"].contains(&report.initialization_type.as_str());
        match report.metrics.duration_ms {
            Some(value) if ahead => items.push(Item::Sample(Sample { metric: Metric::InitDuration, value, at })),
            took_ms => self.init.took_ms = took_ms,
        }
    }

    fn start(&mut self, at: u64, start: &Platform, items: &mut Vec<Item>) {
        // One record that is brought twice. Another try of the same event begins later.
        if self.find(&start.request_id).is_some_and(|invocation| invocation.began == at) {
            return;
        }
        let context = Context::new(&start.request_id, start.tracing.as_ref(), at);
        // Without the records around it, an environment's start is nobody's.
        if let Some(took_ms) = self.init.took_ms.filter(|_| !self.init.told) {
            self.init.told = true;
            items.push(Item::Sample(Sample { metric: Metric::ColdStarts, value: 1.0, at }));
            items.push(Item::Sample(Sample { metric: Metric::InitDuration, value: took_ms, at }));
            let end = self.init.began.saturating_add(span::nanoseconds(took_ms));
            items.push(Item::Span(Span::init(&context, self.init.began, end)));
        }
        let cold = !items.is_empty();
        if self.invocations.len() == REMEMBERED {
            self.invocations.pop_front();
        }
        let context = Context { cold, ..context };
        self.invocations.push_back(Invocation { context, began: at, done: false, reported: false, images: 0 });
    }

    fn done(&mut self, at: u64, done: &Platform, items: &mut Vec<Item>) {
        let Some(invocation) = self.find(&done.request_id) else { return };
        if std::mem::replace(&mut invocation.done, true) {
            return;
        }
        let end = match done.metrics.duration_ms {
            Some(took_ms) => {
                items.push(Item::Sample(Sample { metric: Metric::Duration, value: took_ms, at }));
                invocation.began.saturating_add(span::nanoseconds(took_ms))
            }
            None => at,
        };
        ended(invocation, end, &done.status, done.error_type.as_deref(), items);
    }

    fn report(&mut self, at: u64, report: &Platform, items: &mut Vec<Item>) {
        let known = self.find(&report.request_id);
        if known.is_some_and(|invocation| std::mem::replace(&mut invocation.reported, true)) {
            return;
        }
        // Of what never came to its end by itself, this is the first to tell.
        self.done(at, report, items);
        let measured = [
            (Metric::BilledDuration, report.metrics.billed_duration_ms),
            (Metric::MemoryUsed, report.metrics.max_memory_used_mb),
            (Metric::MemorySize, report.metrics.memory_size_mb),
        ];
        let measured = measured.into_iter().filter_map(|(metric, value)| Some((metric, value?)));
        items.extend(measured.map(|(metric, value)| Item::Sample(Sample { metric, value, at })));
    }

    fn line(&mut self, at: u64, line: Value, items: &mut Vec<Item>) {
        // Where Lambda writes the log as text, a line of JSON is still one.
        let object = match &line {
            Value::String(text) if text.starts_with('{') => serde_json::from_str(text).ok().filter(Value::is_object),
            _ => None,
        };
        let body = object.as_ref().unwrap_or(&line);
        let told = |name: &str| body.get(name).and_then(Value::as_str);
        let request_id = told("request_id").or_else(|| told("requestId")).or_else(|| told("AWSRequestId"));
        let invocation = match request_id {
            Some(id) => self.find(id),
            None => self.invocations.back_mut().filter(|invocation| !invocation.done),
        };
        let context = invocation.as_ref().map(|invocation| invocation.context.clone());
        let written = told("timestamp").and_then(nanoseconds).unwrap_or(at);
        let report = body.get("report").and_then(|report| serde_json::from_value::<Report>(report.clone()).ok());
        if let Some(report) = report {
            let context = context.clone().or_else(|| request_id.map(|id| Context::new(id, None, at)));
            let number = invocation.map_or(0, |invocation| {
                invocation.images += 1;
                invocation.images
            });
            image(&report, written, items);
            items.extend(context.into_iter().flat_map(|context| Span::image(&context, number, &report, written)));
        }
        if body.get("record").is_some_and(|record| record["outcome"] == "rejected" && record["reason"].is_string()) {
            items.push(Item::Sample(Sample { metric: Metric::RejectedRecords, value: 1.0, at: written }));
        }
        let is_json = !body.is_string();
        items.push(Item::Log(Log { at: written, line: text(line), is_json, context }));
    }

    fn find(&mut self, request_id: &str) -> Option<&mut Invocation> {
        self.invocations.iter_mut().rev().find(|invocation| invocation.context.request_id == request_id)
    }
}

/// An invocation, once the function is done with it.
fn ended(invocation: &Invocation, end: u64, status: &str, error: Option<&str>, items: &mut Vec<Item>) {
    let mut one = |metric| items.push(Item::Sample(Sample { metric, value: 1.0, at: end }));
    one(Metric::Invocations);
    let failed = status != "success";
    if failed {
        one(Metric::Errors);
    }
    if status == "timeout" {
        one(Metric::Timeouts);
    }
    let error = failed.then(|| error.unwrap_or(status).to_owned());
    items.push(Item::Span(Span::invocation(&invocation.context, invocation.began, end, error)));
}

/// What a report measured.
fn image(report: &Report, at: u64, items: &mut Vec<Item>) {
    let mut sample = |metric, value| items.push(Item::Sample(Sample { metric, value, at }));
    match &report.outcome {
        Outcome::Converted { image, variants, .. } => {
            sample(Metric::Converted, 1.0);
            sample(Metric::BytesIn, count(image.bytes));
            let stored = || variants.iter().filter(|variant| variant.status == VariantStatus::Stored);
            sample(Metric::BytesOut, stored().map(|variant| count(variant.bytes)).sum());
            if let Some(widest) = stored().max_by_key(|variant| variant.width) {
                sample(Metric::Saving, 100.0 * (1.0 - count(widest.bytes) / count(image.bytes.max(1))));
            }
            for score in variants.iter().filter_map(|variant| variant.score) {
                sample(Metric::Score, f64::from(score));
            }
        }
        Outcome::Deleted { .. } => sample(Metric::Deleted, 1.0),
        Outcome::Skipped { .. } => sample(Metric::Skipped, 1.0),
        Outcome::Rejected { .. } => sample(Metric::Rejected, 1.0),
        Outcome::Failed { .. } => sample(Metric::Failed, 1.0),
    }
    for (stage, milliseconds) in Stage::of(&report.timings) {
        sample(stage.metric(), milliseconds);
    }
}

/// A line as it was written.
fn text(line: Value) -> String {
    if let Value::String(text) = line { text } else { line.to_string() }
}

/// Exact up to 2^53, which no count here reaches.
#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use model::{Change, Job, Location, Source, Timings};
    use serde_json::json;

    use super::*;

    fn take(ledger: &mut Ledger, at: u32, kind: &str, record: &Value) -> Vec<Item> {
        let event = json!({ "time": format!("2026-01-01T00:00:{at:02}Z"), "type": kind, "record": record });
        ledger.take(Record::read(event))
    }

    fn spans(items: &[Item]) -> Vec<&Span> {
        items.iter().filter_map(|item| if let Item::Span(span) = item { Some(span) } else { None }).collect()
    }

    #[test]
    fn numbers_that_no_clock_and_no_file_has_are_borne() {
        let mut ledger = Ledger::default();
        take(&mut ledger, 0, "platform.initReport", &json!({ "metrics": { "durationMs": 1e300 } }));
        take(&mut ledger, 0, "platform.start", &json!({ "requestId": "r" }));
        let at = Location { bucket: "b".into(), key: "k".into() };
        let source = Source { at, version: None, etag: None, sequencer: None };
        let took = Timings { fetch_ms: 1e300, decode_ms: -1e300, transform_ms: 1e12, encode_ms: 1e300, store_ms: 1.0 };
        let outcome = Outcome::Rejected { reason: "x".into() };
        let report = Report { job: Job { source, change: Change::Created }, outcome, timings: took };
        let told = take(&mut ledger, 1, "function", &json!({ "request_id": "r", "report": report }));
        assert!(!spans(&told).is_empty());
        let done = json!({ "requestId": "r", "status": "success", "metrics": { "durationMs": 1e300 } });
        let told = take(&mut ledger, 1, "platform.runtimeDone", &done);
        assert_eq!(spans(&told)[0].ended, u64::MAX);
    }

    #[test]
    fn an_environment_that_was_started_ahead_is_no_cold_start() {
        let metrics = |kind: &str| {
            let mut ledger = Ledger::default();
            let report = json!({ "initializationType": kind, "metrics": { "durationMs": 9.0 } });
            let mut items = take(&mut ledger, 0, "platform.initReport", &report);
            items.extend(take(&mut ledger, 1, "platform.start", &json!({ "requestId": "r" })));
            let metric = |item| if let Item::Sample(Sample { metric, .. }) = item { Some(metric) } else { None };
            items.into_iter().filter_map(metric).collect::<Vec<_>>()
        };
        assert_eq!(metrics("on-demand"), [Metric::ColdStarts, Metric::InitDuration]);
        for ahead in ["provisioned-concurrency", "lambda-managed-instances"] {
            assert_eq!(metrics(ahead), [Metric::InitDuration], "{ahead}");
        }
    }

    #[test]
    fn a_batch_that_is_brought_twice_counts_once() {
        let mut ledger = Ledger::default();
        let metrics = json!({ "durationMs": 5.0, "billedDurationMs": 6.0 });
        let ended = json!({ "requestId": "r", "status": "success", "metrics": metrics });
        let batch = |ledger: &mut Ledger| {
            let start = take(ledger, 1, "platform.start", &json!({ "requestId": "r" }));
            let done = take(ledger, 2, "platform.runtimeDone", &ended);
            [start, done, take(ledger, 3, "platform.report", &ended)].concat()
        };
        let (first, again) = (batch(&mut ledger), batch(&mut ledger));
        // One invocation, how long it took and what that costs, and a span.
        assert_eq!((first.len(), again), (4, vec![]));
        assert_eq!(ledger.close(), [], "and nothing is left open");
    }

    #[test]
    fn records_that_come_late_find_their_invocation() {
        let mut ledger = Ledger::default();
        let start = |ledger: &mut Ledger, id: &str| take(ledger, 1, "platform.start", &json!({ "requestId": id }));
        start(&mut ledger, "first");
        take(&mut ledger, 2, "platform.runtimeDone", &json!({ "requestId": "first", "status": "success" }));
        start(&mut ledger, "second");
        let line = take(&mut ledger, 3, "function", &json!({ "requestId": "first", "message": "late" }));
        assert!(matches!(&line[..], [Item::Log(Log { context: Some(context), .. })] if context.request_id == "first"));
        let report = json!({ "requestId": "first", "status": "success", "metrics": { "maxMemoryUsedMB": 7 } });
        let report = take(&mut ledger, 4, "platform.report", &report);
        assert!(matches!(report[..], [Item::Sample(Sample { metric: Metric::MemoryUsed, value: 7.0, .. })]));
        assert!(!ledger.is_complete(), "the second is still to come");
    }

    #[test]
    fn a_report_tells_of_an_end_that_nothing_else_told() {
        let mut ledger = Ledger::default();
        take(&mut ledger, 1, "platform.start", &json!({ "requestId": "r" }));
        let report = take(&mut ledger, 2, "platform.report", &json!({ "requestId": "r", "status": "timeout" }));
        let samples =
            report.iter().filter_map(|item| if let Item::Sample(one) = item { Some(one.metric) } else { None });
        assert!(samples.eq([Metric::Invocations, Metric::Errors, Metric::Timeouts]));
        assert_eq!((spans(&report)[0].error.as_deref(), ledger.is_complete()), (Some("timeout"), true));
    }

    #[test]
    fn another_try_of_an_event_is_done_when_it_is_itself() {
        let mut ledger = Ledger::default();
        let invocation = |ledger: &mut Ledger, at| {
            take(ledger, at, "platform.start", &json!({ "requestId": "r" }));
            take(ledger, at + 1, "platform.runtimeDone", &json!({ "requestId": "r", "status": "error" }))
        };
        let second = nanoseconds("2026-01-01T00:00:30Z").unwrap();
        let first = invocation(&mut ledger, 0);
        assert_eq!((ledger.is_done("r", 0), ledger.is_done("r", second)), (true, false));
        let again = invocation(&mut ledger, 30);
        assert!(ledger.is_done("r", second));
        assert_ne!(spans(&first)[0].id, spans(&again)[0].id);
    }
}

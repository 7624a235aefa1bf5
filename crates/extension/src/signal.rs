//! The signals that are sent to backends. OpenTelemetry calls metrics, traces and logs signals.

use crate::metric::Sample;
use crate::span::Span;
use crate::trace_context::TraceContext;

/// One signal.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// A sample of a metric.
    Sample(Sample),
    /// A span of a trace.
    Span(Span),
    /// A line of a log.
    Log(LogLine),
}

/// A line that the function or an extension wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// The time in nanoseconds since 1970.
    pub at: u64,
    /// The text as it was written. It is parsed only for the export, because a parsed object needs several times the
    /// memory and log lines are the largest part of the queues.
    pub line: String,
    /// Whether the line is JSON.
    pub is_json: bool,
    /// The invocation that wrote the line, if it is known.
    pub context: Option<TraceContext>,
}

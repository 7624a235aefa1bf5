//! The spans of an invocation and of its images.

use model::{Outcome, Report, Timings};

use crate::metric::Metric;
use crate::trace_context::TraceContext;
use crate::unix_time;

/// A span of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The invocation that the span belongs to.
    pub context: TraceContext,
    /// The identifier of the span.
    pub id: [u8; 8],
    /// The identifier of its parent span.
    pub parent: Option<[u8; 8]>,
    /// The operation that the span measures.
    pub operation: Operation,
    /// The start time in nanoseconds since 1970.
    pub started: u64,
    /// The end time in nanoseconds since 1970.
    pub ended: u64,
    /// The error of a failed operation.
    pub error: Option<String>,
}

/// The operation that a span measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// The init phase of an environment.
    Init,
    /// The handling of an event by the function.
    Invocation,
    /// The processing of one image.
    Image {
        /// The location of the source: `s3://bucket/key`.
        at: String,
        /// The outcome's name in reports, for example `converted`.
        outcome: &'static str,
    },
    /// One stage of the processing of an image.
    Stage(Stage),
}

/// The stages of the processing of an image, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Downloading the source.
    Fetch,
    /// Decoding the source to pixels.
    Decode,
    /// Applying orientation, converting colors and resizing.
    Transform,
    /// Encoding the variants.
    Encode,
    /// Uploading the variants.
    Store,
}

impl Stage {
    /// The name of the span of this stage.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Decode => "decode",
            Self::Transform => "transform",
            Self::Encode => "encode",
            Self::Store => "store",
        }
    }

    /// The metric of the duration of this stage.
    pub(crate) fn metric(self) -> Metric {
        match self {
            Self::Fetch => Metric::FetchTime,
            Self::Decode => Metric::DecodeTime,
            Self::Transform => Metric::TransformTime,
            Self::Encode => Metric::EncodeTime,
            Self::Store => Metric::StoreTime,
        }
    }

    /// Returns the stages that the job began, with their durations in milliseconds.
    pub(crate) fn reached(timings: &Timings) -> impl Iterator<Item = (Self, f64)> {
        let Timings { fetch_ms, decode_ms, transform_ms, encode_ms, store_ms } = *timings;
        let stages = [
            (Self::Fetch, fetch_ms),
            (Self::Decode, decode_ms),
            (Self::Transform, transform_ms),
            (Self::Encode, encode_ms),
            (Self::Store, store_ms),
        ];
        stages.into_iter().filter(|(_, milliseconds)| *milliseconds > 0.0)
    }
}

impl Span {
    pub(crate) fn invocation(context: &TraceContext, started: u64, ended: u64, error: Option<String>) -> Self {
        let (context, operation) = (context.clone(), Operation::Invocation);
        Self { id: context.span_id, parent: context.parent_span_id, context, operation, started, ended, error }
    }

    pub(crate) fn init(context: &TraceContext, started: u64, ended: u64) -> Self {
        Self { started, ended, ..Self::child(context, Operation::Init, &["init"]) }
    }

    /// Creates the span of an image and the spans of its stages. Reports contain the durations of the stages but not
    /// their start times. So each stage starts at the end of the previous one, and the last stage ends at the time of
    /// the report. `number` is the number of the image in its invocation.
    pub(crate) fn image(context: &TraceContext, number: u64, report: &Report, ended: u64) -> Vec<Self> {
        let number = number.to_string();
        let stages: Vec<_> = Stage::reached(&report.timings).collect();
        let total: f64 = stages.iter().map(|(_, milliseconds)| milliseconds).sum();
        let started = ended.saturating_sub(unix_time::from_milliseconds(total));
        let (outcome, error) = match &report.outcome {
            Outcome::Converted { .. } => ("converted", None),
            Outcome::Deleted { .. } => ("deleted", None),
            Outcome::Skipped { .. } => ("skipped", None),
            Outcome::Rejected { reason } => ("rejected", Some(reason.clone())),
            Outcome::Failed { reason } => ("failed", Some(reason.clone())),
        };
        let operation = Operation::Image { at: report.job.source.at.to_string(), outcome };
        let image = Self { started, ended, error, ..Self::child(context, operation, &["image", &number]) };
        let parent = Some(image.id);
        let mut spans = vec![image];
        let mut stage_start = started;
        for (stage, milliseconds) in stages {
            let ended = stage_start.saturating_add(unix_time::from_milliseconds(milliseconds));
            let span = Self::child(context, Operation::Stage(stage), &[stage.name(), &number]);
            spans.push(Self { started: stage_start, ended, parent, ..span });
            stage_start = ended;
        }
        spans
    }

    /// Creates a child of the invocation's span. The caller sets its times.
    fn child(context: &TraceContext, operation: Operation, names: &[&str]) -> Self {
        let id = context.child_span_id(names);
        let parent = Some(context.span_id);
        Self { context: context.clone(), id, parent, operation, started: 0, ended: 0, error: None }
    }
}

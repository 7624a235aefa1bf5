use std::future::Future;
use std::time::Instant;

use tracing::{Instrument, Span, debug_span, field};

/// Measures one stage of a job. Its span has a field for the milliseconds, with the same name and value as in the
/// report.
pub(crate) struct Stage {
    span: Span,
    started: Instant,
}

impl Stage {
    pub(crate) fn fetch() -> Self {
        Self::start(debug_span!("fetch", fetch_ms = field::Empty))
    }

    pub(crate) fn decode() -> Self {
        Self::start(debug_span!("decode", decode_ms = field::Empty))
    }

    pub(crate) fn transform() -> Self {
        Self::start(debug_span!("transform", transform_ms = field::Empty))
    }

    pub(crate) fn encode() -> Self {
        Self::start(debug_span!("encode", encode_ms = field::Empty))
    }

    pub(crate) fn store() -> Self {
        Self::start(debug_span!("store", store_ms = field::Empty))
    }

    fn start(span: Span) -> Self {
        Self { span, started: Instant::now() }
    }

    /// Runs the stage. If the stage succeeds, returns its result and its time in milliseconds.
    pub(crate) fn run<T, E>(self, stage: impl FnOnce() -> Result<T, E>) -> Result<(T, f64), E> {
        let result = self.span.in_scope(stage)?;
        Ok((result, self.record_time()))
    }

    /// Like [`run`](Self::run), for an asynchronous stage.
    pub(crate) async fn run_async<T, E>(self, stage: impl Future<Output = Result<T, E>>) -> Result<(T, f64), E> {
        let result = stage.instrument(self.span.clone()).await?;
        Ok((result, self.record_time()))
    }

    /// Records the wall-clock milliseconds in the span and returns them, rounded to tenths.
    fn record_time(self) -> f64 {
        let milliseconds = (self.started.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
        if let Some(field) = self.span.metadata().and_then(|metadata| metadata.fields().iter().next()) {
            self.span.record(field.name(), milliseconds);
        }
        milliseconds
    }
}

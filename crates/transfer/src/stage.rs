use std::future::Future;
use std::time::Instant;

use tracing::{Instrument, Span, debug_span, field};

/// A stage of a job: a span that carries the milliseconds it took, under the name that the report has for them. Both are
/// one measurement.
pub(crate) struct Stage {
    span: Span,
    begun: Instant,
}

impl Stage {
    pub(crate) fn fetch() -> Self {
        Self::begin(debug_span!("fetch", fetch_ms = field::Empty))
    }

    pub(crate) fn decode() -> Self {
        Self::begin(debug_span!("decode", decode_ms = field::Empty))
    }

    pub(crate) fn transform() -> Self {
        Self::begin(debug_span!("transform", transform_ms = field::Empty))
    }

    pub(crate) fn encode() -> Self {
        Self::begin(debug_span!("encode", encode_ms = field::Empty))
    }

    pub(crate) fn store() -> Self {
        Self::begin(debug_span!("store", store_ms = field::Empty))
    }

    fn begin(span: Span) -> Self {
        Self { span, begun: Instant::now() }
    }

    /// Does the stage's work, with its time where it succeeds.
    pub(crate) fn run<T, E>(self, work: impl FnOnce() -> Result<T, E>) -> Result<(T, f64), E> {
        let done = self.span.in_scope(work)?;
        Ok((done, self.end()))
    }

    /// The same for work that waits.
    pub(crate) async fn wait<T, E>(self, work: impl Future<Output = Result<T, E>>) -> Result<(T, f64), E> {
        let done = work.instrument(self.span.clone()).await?;
        Ok((done, self.end()))
    }

    /// Wall-clock milliseconds, in tenths.
    fn end(self) -> f64 {
        let milliseconds = (self.begun.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
        if let Some(field) = self.span.metadata().and_then(|metadata| metadata.fields().iter().next()) {
            self.span.record(field.name(), milliseconds);
        }
        milliseconds
    }
}

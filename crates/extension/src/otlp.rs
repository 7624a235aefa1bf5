//! Exports metrics, traces and logs over OTLP/HTTP.
//!
//! This module builds the messages directly with opentelemetry-proto. OpenTelemetry's SDK is not suitable: it can only
//! measure its own process at the current time, and it drops data that it cannot deliver. The extension reports past
//! events of another process, and keeps undelivered data in bounded queues.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use tokio::sync::Notify;

use crate::config::OtlpSettings;
use crate::queue::{Capacity, Queue, QueuedItem};
use crate::signal::{LogLine, Signal};
use crate::span::Span;

mod attributes;
mod client;
mod logs;
mod metrics;
mod traces;

pub use attributes::resource;
use client::{ExportError, OtlpClient};
use metrics::DeltaMetrics;

/// The capacity of the queue of spans, and of the queue of log lines.
const QUEUE_CAPACITY: Capacity = Capacity { items: 4096, bytes: 2 << 20 };
/// The maximum number and size of spans or log lines in one request. Building a request takes several times their
/// memory.
const MAX_REQUEST: Capacity = Capacity { items: 512, bytes: 256 << 10 };
/// The approximate size of a span with its attributes.
const SPAN_BYTES: usize = 500;

/// Exports signals to OpenTelemetry backends, and queues them until then.
#[derive(Debug)]
pub struct OtlpExporter {
    metrics: Option<OtlpClient>,
    traces: Option<OtlpClient>,
    logs: Option<OtlpClient>,
    resource: Resource,
    pending: Mutex<Pending>,
    /// Only one flush runs at a time. Signals that one flush does not export are exported by the next flush.
    flushing: tokio::sync::Mutex<()>,
    interrupt: Notify,
    is_stopped: AtomicBool,
}

/// The signals that were not exported yet.
#[derive(Debug)]
struct Pending {
    /// Pending metrics are aggregated, so their size does not need a limit. They are dropped only at shutdown.
    metrics: DeltaMetrics,
    spans: Queue<Span>,
    logs: Queue<LogLine>,
    /// The number of data points of metrics that the backend rejected permanently.
    dropped_points: u64,
    /// Whether the last flush failed.
    is_failing: bool,
}

impl OtlpExporter {
    /// Creates an exporter for the configured backends. The resource describes the function.
    ///
    /// # Errors
    /// A backend uses HTTPS, and the CA certificates cannot be loaded.
    pub fn new(settings: &OtlpSettings, resource: Resource) -> Result<Self, String> {
        let pending = Pending {
            metrics: DeltaMetrics::default(),
            spans: Queue::new(QUEUE_CAPACITY),
            logs: Queue::new(QUEUE_CAPACITY),
            dropped_points: 0,
            is_failing: false,
        };
        let [metrics, traces, logs] = OtlpClient::for_targets([&settings.metrics, &settings.traces, &settings.logs])?;
        let (pending, flushing) = (pending.into(), tokio::sync::Mutex::new(()));
        let (interrupt, is_stopped) = (Notify::new(), AtomicBool::new(false));
        Ok(Self { metrics, traces, logs, resource, pending, flushing, interrupt, is_stopped })
    }

    /// Queues signals. Signals without a backend are ignored.
    pub fn push(&self, signals: &[Signal]) {
        let mut pending = self.pending();
        for signal in signals {
            match signal {
                Signal::Sample(sample) if self.metrics.is_some() => pending.metrics.add(sample),
                Signal::Span(span) if self.traces.is_some() => pending.spans.push(SPAN_BYTES, span.clone()),
                Signal::Log(log) if self.logs.is_some() => pending.logs.push(log.line.len(), log.clone()),
                Signal::Sample(_) | Signal::Span(_) | Signal::Log(_) => {}
            }
        }
    }

    /// Whether the last flush failed.
    pub fn is_failing(&self) -> bool {
        self.pending().is_failing
    }

    /// The number of spans, log lines and data points of metrics that were dropped since the last call.
    pub fn take_dropped(&self) -> u64 {
        let mut pending = self.pending();
        std::mem::take(&mut pending.dropped_points) + pending.spans.take_dropped() + pending.logs.take_dropped()
    }

    /// Whether any signal is pending, other than samples of the metric `TelemetryDropped`.
    pub fn has_pending(&self) -> bool {
        let pending = self.pending();
        pending.metrics.points() > 0 || pending.spans.len() + pending.logs.len() > 0
    }

    /// Exports pending signals until there are no more or a backend fails. Returns an error message if this flush
    /// failed and the previous one did not.
    pub async fn flush(&self) -> Option<String> {
        let _flushing = self.flushing.lock().await;
        // Send in parallel: each signal may have its own backend, and a failing backend must not delay the others.
        let (metrics, spans, logs) = tokio::join!(self.send_metrics(), self.send_spans(), self.send_logs());
        let signals = [("metrics", metrics), ("traces", spans), ("logs", logs)];
        let failure = signals.into_iter().find_map(|(signal, sent)| Some((signal, sent.err()?)));
        if matches!(failure, Some((_, ExportError::Interrupted))) {
            return None;
        }
        let was_failing = std::mem::replace(&mut self.pending().is_failing, failure.is_some());
        failure.filter(|_| !was_failing).map(|(signal, error)| format!("the backend for {signal} {error}"))
    }

    /// Interrupts the running flush. The signals that it was sending become pending again.
    pub fn interrupt(&self) {
        self.interrupt.notify_waiters();
    }

    /// Interrupts the running flush and prevents further requests.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.interrupt();
    }

    /// Whether [`stop`](Self::stop) was called.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    async fn send_metrics(&self) -> Result<(), ExportError> {
        let metrics = std::mem::take(&mut self.pending().metrics);
        if metrics.is_empty() {
            return Ok(());
        }
        let sent = self.send(self.metrics.as_ref(), metrics::request(&metrics, &self.resource)).await;
        let mut pending = self.pending();
        match &sent {
            Ok(rejected) => pending.dropped_points += rejected,
            Err(error) if error.is_retryable() => pending.metrics.merge(metrics),
            Err(_) => pending.dropped_points += metrics.points(),
        }
        sent.map(|_| ())
    }

    async fn send_spans(&self) -> Result<(), ExportError> {
        loop {
            let spans = self.pending().spans.take(MAX_REQUEST);
            if spans.is_empty() {
                return Ok(());
            }
            let sent = self.send(self.traces.as_ref(), traces::request(&spans, &self.resource)).await;
            requeue_or_drop(&mut self.pending().spans, spans, sent)?;
        }
    }

    async fn send_logs(&self) -> Result<(), ExportError> {
        loop {
            let logs = self.pending().logs.take(MAX_REQUEST);
            if logs.is_empty() {
                return Ok(());
            }
            let sent = self.send(self.logs.as_ref(), logs::request(&logs, &self.resource)).await;
            requeue_or_drop(&mut self.pending().logs, logs, sent)?;
        }
    }

    /// Sends a message. Returns the number of its items that the backend rejected.
    async fn send(&self, client: Option<&OtlpClient>, message: impl Message) -> Result<u64, ExportError> {
        // Without a client no signal is pending, so `None` does not occur here.
        let Some(client) = client.filter(|_| !self.is_stopped()) else { return Err(ExportError::Interrupted) };
        tokio::select! {
            // If the response and the interruption are both ready, use the response, so that the message is not sent
            // twice.
            biased;
            sent = client.send(message.encode_to_vec()) => sent,
            () = self.interrupt.notified() => Err(ExportError::Interrupted),
        }
    }

    /// Drops and counts all pending signals.
    pub fn drop_pending(&self) {
        let mut pending = self.pending();
        pending.dropped_points += std::mem::take(&mut pending.metrics).points();
        pending.spans.clear();
        pending.logs.clear();
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the items of a failed request back into the queue if a retry may succeed; otherwise drops and counts them.
fn requeue_or_drop<T>(
    queue: &mut Queue<T>,
    items: Vec<QueuedItem<T>>,
    sent: Result<u64, ExportError>,
) -> Result<(), ExportError> {
    match &sent {
        Ok(rejected) => queue.count_dropped(*rejected),
        Err(error) if error.is_retryable() => queue.put_back(items),
        Err(_) => queue.count_dropped(items.len() as u64),
    }
    sent.map(|_| ())
}

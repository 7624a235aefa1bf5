//! Metrics, traces and logs over OTLP/HTTP.
//!
//! The messages are filled in directly, by opentelemetry-proto: the SDK's meters and tracers measure the process in which
//! they are, while here another one was measured, in the past; and they forget what could not be delivered. Here it
//! waits, within bounds, and is delivered later.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use tokio::sync::Notify;

use crate::config;
use crate::ledger::{Item, Log, Span};
use crate::queue::{Most, Queue, Weighed};

mod door;
mod logs;
mod metrics;
mod traces;
mod value;

use door::{Door, Trouble};
use metrics::Delta;
pub use value::resource;

/// The most spans that wait, and the most log lines.
const MOST_WAITING: Most = Most { items: 4096, bytes: 2 << 20 };
/// The most of either in one request: while that is made, each takes many times the room.
const MOST_AT_ONCE: Most = Most { items: 512, bytes: 256 << 10 };
/// A span with its attributes, about.
const SPAN: usize = 500;

/// Backends, and what waits for them.
#[derive(Debug)]
pub struct Otlp {
    metrics: Option<Door>,
    traces: Option<Door>,
    logs: Option<Door>,
    resource: Resource,
    waiting: Mutex<Waiting>,
    /// One delivery at a time: the next has what this one leaves.
    turn: tokio::sync::Mutex<()>,
    cut: Notify,
    ended: AtomicBool,
}

#[derive(Debug)]
struct Waiting {
    /// Metrics of which nothing is ever lost: what waits is added up.
    metrics: Delta,
    spans: Queue<Span>,
    logs: Queue<Log>,
    /// What the backend will never take of the metrics, in data points.
    lost: u64,
    down: bool,
}

impl Otlp {
    /// The backends that the settings name, told of the function by this resource.
    ///
    /// # Errors
    /// TLS has no certificates to go by.
    pub fn new(config: &config::Otlp, resource: Resource) -> Result<Self, String> {
        let waiting = Waiting {
            metrics: Delta::default(),
            spans: Queue::new(MOST_WAITING),
            logs: Queue::new(MOST_WAITING),
            lost: 0,
            down: false,
        };
        let [metrics, traces, logs] = Door::all([&config.metrics, &config.traces, &config.logs])?;
        let (waiting, turn) = (waiting.into(), tokio::sync::Mutex::new(()));
        let (cut, ended) = (Notify::new(), AtomicBool::new(false));
        Ok(Self { metrics, traces, logs, resource, waiting, turn, cut, ended })
    }

    /// Takes what is to be delivered. What nobody wants does not wait.
    pub fn push(&self, items: &[Item]) {
        let mut waiting = self.waiting();
        for item in items {
            match item {
                Item::Sample(sample) if self.metrics.is_some() => waiting.metrics.add(sample),
                Item::Span(span) if self.traces.is_some() => waiting.spans.push(SPAN, span.clone()),
                Item::Log(log) if self.logs.is_some() => waiting.logs.push(log.line.len(), log.clone()),
                Item::Sample(_) | Item::Span(_) | Item::Log(_) => {}
            }
        }
    }

    /// Whether a backend was in trouble when it was last tried.
    pub fn is_down(&self) -> bool {
        self.waiting().down
    }

    /// How many spans, log lines and data points of metrics were lost since this was last asked.
    pub fn take_dropped(&self) -> u64 {
        let mut waiting = self.waiting();
        std::mem::take(&mut waiting.lost) + waiting.spans.take_dropped() + waiting.logs.take_dropped()
    }

    /// Whether anything waits, but for what tells of losses.
    pub fn waits(&self) -> bool {
        let waiting = self.waiting();
        waiting.metrics.points() > 0 || waiting.spans.len() + waiting.logs.len() > 0
    }

    /// Delivers what waits, until nothing does or the backends take no more. Gives what went wrong, the first time that
    /// it does.
    pub async fn flush(&self) -> Option<String> {
        let _turn = self.turn.lock().await;
        // Side by side: each signal may have a backend of its own, and who is in trouble must not keep the others.
        let (metrics, spans, logs) = tokio::join!(self.send_metrics(), self.send_spans(), self.send_logs());
        let signals = [("metrics", metrics), ("traces", spans), ("logs", logs)];
        let trouble = signals.into_iter().find_map(|(signal, sent)| Some((signal, sent.err()?)));
        if matches!(trouble, Some((_, Trouble::Cut))) {
            return None;
        }
        let was_down = std::mem::replace(&mut self.waiting().down, trouble.is_some());
        trouble.filter(|_| !was_down).map(|(signal, trouble)| format!("the backend for {signal} {trouble}"))
    }

    /// Ends the delivery that is under way. What it had in hand waits again.
    pub fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// The same, and none begins any more.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.cut();
    }

    /// Whether no delivery begins any more.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    async fn send_metrics(&self) -> Result<(), Trouble> {
        let delta = std::mem::take(&mut self.waiting().metrics);
        if delta.is_empty() {
            return Ok(());
        }
        let sent = self.send(self.metrics.as_ref(), metrics::request(&delta, &self.resource)).await;
        let mut waiting = self.waiting();
        match &sent {
            Ok(rejected) => waiting.lost += rejected,
            Err(trouble) if trouble.may_pass() => waiting.metrics.merge(delta),
            Err(_) => waiting.lost += delta.points(),
        }
        sent.map(|_| ())
    }

    async fn send_spans(&self) -> Result<(), Trouble> {
        loop {
            let spans = self.waiting().spans.take(MOST_AT_ONCE);
            if spans.is_empty() {
                return Ok(());
            }
            let sent = self.send(self.traces.as_ref(), traces::request(&spans, &self.resource)).await;
            settle(&mut self.waiting().spans, spans, sent)?;
        }
    }

    async fn send_logs(&self) -> Result<(), Trouble> {
        loop {
            let logs = self.waiting().logs.take(MOST_AT_ONCE);
            if logs.is_empty() {
                return Ok(());
            }
            let sent = self.send(self.logs.as_ref(), logs::request(&logs, &self.resource)).await;
            settle(&mut self.waiting().logs, logs, sent)?;
        }
    }

    async fn send(&self, door: Option<&Door>, message: impl Message) -> Result<u64, Trouble> {
        // Without one, nothing waits.
        let Some(door) = door.filter(|_| !self.has_ended()) else { return Err(Trouble::Cut) };
        tokio::select! {
            // What has arrived is not sent again.
            biased;
            sent = door.send(message.encode_to_vec()) => sent,
            () = self.cut.notified() => Err(Trouble::Cut),
        }
    }

    /// Counts everything that still waits as lost: nobody will deliver it any more.
    pub fn lose(&self) {
        let mut waiting = self.waiting();
        waiting.lost += std::mem::take(&mut waiting.metrics).points();
        waiting.spans.clear();
        waiting.logs.clear();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the backend may take another time waits for it; what it never will is lost.
fn settle<T>(queue: &mut Queue<T>, items: Vec<Weighed<T>>, sent: Result<u64, Trouble>) -> Result<(), Trouble> {
    match &sent {
        Ok(rejected) => queue.lose(*rejected),
        Err(trouble) if trouble.may_pass() => queue.put_back(items),
        Err(_) => queue.lose(items.len() as u64),
    }
    sent.map(|_| ())
}

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
/// The most of either in one request: a collector takes 4 MB at least.
const MOST_AT_ONCE: Most = Most { items: 1024, bytes: 1 << 20 };
/// A span with its attributes, about.
const SPAN: usize = 500;

/// A backend, and what waits for it.
#[derive(Debug)]
pub struct Otlp {
    door: Door,
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
    /// The backend that the settings name, told of the function by this resource.
    ///
    /// # Errors
    /// The address is none, or TLS has no certificates to go by.
    pub fn new(config: &config::Otlp, resource: Resource) -> Result<Self, String> {
        let waiting = Waiting {
            metrics: Delta::default(),
            spans: Queue::new(MOST_WAITING),
            logs: Queue::new(MOST_WAITING),
            lost: 0,
            down: false,
        };
        let (door, waiting, turn) = (Door::new(config)?, waiting.into(), tokio::sync::Mutex::new(()));
        Ok(Self { door, resource, waiting, turn, cut: Notify::new(), ended: AtomicBool::new(false) })
    }

    /// Takes what is to be delivered.
    pub fn push(&self, items: &[Item]) {
        let mut waiting = self.waiting();
        for item in items {
            match item {
                Item::Sample(sample) => waiting.metrics.add(sample),
                Item::Span(span) => waiting.spans.push(SPAN, span.clone()),
                Item::Log(log) => waiting.logs.push(log.bytes, log.clone()),
            }
        }
    }

    /// Whether the backend took nothing when it was last tried.
    pub fn is_down(&self) -> bool {
        self.waiting().down
    }

    /// How many spans, log lines and data points of metrics were lost since this was last asked.
    pub fn take_dropped(&self) -> u64 {
        let mut waiting = self.waiting();
        std::mem::take(&mut waiting.lost) + waiting.spans.take_dropped() + waiting.logs.take_dropped()
    }

    /// Whether anything waits.
    pub fn waits(&self) -> bool {
        let waiting = self.waiting();
        !waiting.metrics.is_empty() || waiting.spans.len() + waiting.logs.len() > 0
    }

    /// Delivers what waits, until nothing does or the backend takes no more. Gives what went wrong, the first time that
    /// it does.
    pub async fn flush(&self) -> Option<String> {
        let _turn = self.turn.lock().await;
        let mut trouble = self.metrics().await.err();
        while trouble.is_none() {
            let (spans, logs) = tokio::join!(self.spans(), self.logs());
            match (spans, logs) {
                (Ok(0), Ok(0)) => break,
                (spans, logs) => trouble = spans.err().or(logs.err()),
            }
        }
        if matches!(trouble, Some(Trouble::Cut)) {
            return None;
        }
        let was_down = std::mem::replace(&mut self.waiting().down, trouble.is_some());
        trouble.filter(|_| !was_down).map(|trouble| trouble.to_string())
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

    async fn metrics(&self) -> Result<(), Trouble> {
        let delta = std::mem::take(&mut self.waiting().metrics);
        if delta.is_empty() {
            return Ok(());
        }
        let sent = self.send("metrics", metrics::request(&delta, &self.resource)).await;
        let mut waiting = self.waiting();
        match &sent {
            Ok(rejected) => waiting.lost += rejected,
            Err(trouble) if trouble.may_pass() => waiting.metrics.merge(delta),
            Err(_) => waiting.lost += delta.points(),
        }
        sent.map(|_| ())
    }

    async fn spans(&self) -> Result<usize, Trouble> {
        let spans = self.waiting().spans.take(MOST_AT_ONCE);
        let request = || traces::request(&spans, &self.resource);
        let sent = if spans.is_empty() { Ok(0) } else { self.send("traces", request()).await };
        settle(&mut self.waiting().spans, spans, sent)
    }

    async fn logs(&self) -> Result<usize, Trouble> {
        let logs = self.waiting().logs.take(MOST_AT_ONCE);
        let request = || logs::request(&logs, &self.resource);
        let sent = if logs.is_empty() { Ok(0) } else { self.send("logs", request()).await };
        settle(&mut self.waiting().logs, logs, sent)
    }

    async fn send(&self, signal: &str, message: impl Message) -> Result<u64, Trouble> {
        if self.has_ended() {
            return Err(Trouble::Cut);
        }
        tokio::select! {
            // What has arrived is not sent again.
            biased;
            sent = self.door.send(signal, message.encode_to_vec()) => sent,
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
fn settle<T>(queue: &mut Queue<T>, items: Vec<Weighed<T>>, sent: Result<u64, Trouble>) -> Result<usize, Trouble> {
    let number = items.len();
    match &sent {
        Ok(rejected) => queue.lose(*rejected),
        Err(trouble) if trouble.may_pass() => queue.put_back(items),
        Err(_) => queue.lose(number as u64),
    }
    sent.map(|_| number)
}

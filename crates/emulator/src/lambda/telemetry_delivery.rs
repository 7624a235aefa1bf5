//! Delivers records to one subscriber in batches.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::record::Record;

/// The limits of a batch. A batch is sent when one of them is reached. The bounds and defaults are those of the
/// Telemetry API.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Buffering {
    max_items: usize,
    max_bytes: usize,
    timeout_ms: u64,
}

impl Default for Buffering {
    fn default() -> Self {
        Self { max_items: 1000, max_bytes: 262_144, timeout_ms: 1000 }
    }
}

impl Buffering {
    pub(super) fn errors(self) -> impl Iterator<Item = String> {
        let Self { max_items, max_bytes, timeout_ms } = self;
        let check = |name: &str, value: u64, bounds: RangeInclusive<u64>| {
            let (min, max) = (bounds.start(), bounds.end());
            (!bounds.contains(&value)).then(|| format!("buffering.{name} should be from {min} to {max}"))
        };
        let errors = [
            check("maxItems", max_items as u64, 1000..=10_000),
            check("maxBytes", max_bytes as u64, 262_144..=1_048_576),
            check("timeoutMs", timeout_ms, 25..=30_000),
        ];
        errors.into_iter().flatten()
    }
}

/// The address that receives a subscriber's batches.
#[derive(Debug, Deserialize)]
pub(super) struct Destination {
    pub(super) protocol: String,
    #[serde(rename = "URI")]
    pub(super) uri: String,
}

impl Destination {
    /// Returns the URI with a loopback address instead of `sandbox.localdomain`. In an environment, this name resolves
    /// to loopback.
    pub(super) fn address(&self) -> Result<Uri, String> {
        if self.protocol != "HTTP" {
            return Err("destination.protocol should be HTTP; the emulator does not support TCP".into());
        }
        let uri: Uri = self.uri.parse().map_err(|_| "destination.URI is not a valid URI")?;
        if uri.scheme_str() != Some("http") || !matches!(uri.host(), Some("sandbox.localdomain" | "sandbox")) {
            return Err("destination.URI should begin with http://sandbox.localdomain".into());
        }
        let port = uri.port_u16().ok_or("URI port is not provided")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        format!("http://{address}{}", uri.path()).parse().map_err(|_| "destination.URI is not a valid URI".into())
    }
}

/// Delivers batches until the channel of records closes.
pub(super) async fn deliver(
    mut records: UnboundedReceiver<Record>,
    address: Uri,
    buffering: Buffering,
    mut is_frozen: watch::Receiver<bool>,
) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut batch = Batch::default();
    loop {
        let due = batch.started.map(|started| started + Duration::from_millis(buffering.timeout_ms));
        let is_open = tokio::select! {
            record = records.recv() => record.map(|record| batch.push(record)).is_some(),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                batch.is_due = true;
                true
            }
        };
        let is_full = batch.events.len() >= buffering.max_items || batch.bytes >= buffering.max_bytes;
        if !batch.events.is_empty() && (batch.is_due || is_full || !is_open) {
            // This fails if the environment was stopped.
            if is_frozen.wait_for(|is_frozen| !is_frozen).await.is_err() {
                return;
            }
            batch = batch.post(&client, &address).await;
        }
        if !is_open {
            return;
        }
    }
}

/// Records that were not sent yet.
#[derive(Debug, Default)]
struct Batch {
    events: Vec<Value>,
    bytes: usize,
    /// The time at which the first record of the batch arrived.
    started: Option<Instant>,
    /// Whether `timeoutMs` has passed since the first record arrived.
    is_due: bool,
}

impl Batch {
    fn push(&mut self, record: Record) {
        self.started.get_or_insert_with(Instant::now);
        self.bytes += record.event.to_string().len();
        self.events.push(record.event);
    }

    /// Sends the batch. If that fails, the next batch begins with a `platform.logsDropped` record.
    async fn post(self, client: &Client<HttpConnector, Body>, address: &Uri) -> Self {
        let (records, bytes) = (self.events.len() as u64, self.bytes);
        let request = Request::builder()
            .method(Method::POST)
            .uri(address)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(Value::from(self.events).to_string()))
            .expect("the method, the address and the header are valid");
        let mut next = Self::default();
        // This request has no timeout, because the environment may freeze before the subscriber responds.
        let reason = match client.request(request).await {
            Ok(response) if response.status() == StatusCode::OK => return next,
            Ok(response) => format!("the subscriber responded {}", response.status()),
            Err(error) => format!("the subscriber cannot be reached: {error}"),
        };
        next.push(Record::logs_dropped(&reason, records, bytes));
        next
    }
}

//! The Telemetry API (AWS Lambda developer guide, "Lambda Telemetry API reference"): who subscribed, and to what.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use super::delivery::{self, Buffering, Destination};
use super::record::{Category, Record};

/// What becomes of subscriptions to the Telemetry API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TelemetryApi {
    /// Every record is delivered, as on AWS.
    #[default]
    Served,
    /// Records are delivered up to the first of this type (`platform.start`, for instance) and none after it.
    StopsAfter(&'static str),
    /// Subscriptions are accepted and nothing is delivered, as by cargo-lambda.
    NeverServed,
    /// Subscriptions are answered with `202 Accepted` and an error, and nothing is delivered, as by AWS's Runtime Interface
    /// Emulator (its `runtimelogs_stub.go`).
    NotSupported,
}

/// What has to be said in an environment, and those who want to hear it.
#[derive(Debug)]
pub(super) struct Telemetry {
    pub(super) api: TelemetryApi,
    schemas: Vec<&'static str>,
    state: Mutex<State>,
    frozen: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    /// What was said in the init phase, for those who subscribe later in it.
    said: Vec<Record>,
    closed: bool,
    /// Whether no further record is delivered.
    stopped: bool,
    subscribers: Vec<Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    types: Vec<Category>,
    records: UnboundedSender<Record>,
}

/// A request to subscribe, as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    schema_version: String,
    types: Vec<String>,
    buffering: Buffering,
    destination: Destination,
}

impl Default for Request {
    fn default() -> Self {
        let destination = Destination { protocol: String::new(), uri: String::new() };
        Self { schema_version: String::new(), types: vec![], buffering: Buffering::default(), destination }
    }
}

impl Telemetry {
    pub(super) fn new(api: TelemetryApi, schemas: Vec<&'static str>) -> Self {
        let stopped = match api {
            TelemetryApi::Served | TelemetryApi::StopsAfter(_) => false,
            TelemetryApi::NeverServed | TelemetryApi::NotSupported => true,
        };
        let state = State { stopped, ..State::default() };
        Self { api, schemas, state: state.into(), frozen: watch::Sender::new(false) }
    }

    /// Says something to all who want to hear it.
    pub(super) fn say(&self, record: Record) {
        let mut state = self.state();
        if state.stopped {
            return;
        }
        state.stopped = matches!(self.api, TelemetryApi::StopsAfter(kind) if record.event["type"] == kind);
        for subscriber in state.subscribers.iter().filter(|subscriber| subscriber.types.contains(&record.category)) {
            // A delivery that ended has nobody at its end.
            let _ = subscriber.records.send(record.clone());
        }
        if !state.closed {
            state.said.push(record);
        }
    }

    /// Begins a subscription, or says everything that is wrong with the request.
    pub(super) fn subscribe(&self, extension: &str, request: &Request) -> Result<(), String> {
        let mut mistakes = vec![];
        if !self.schemas.contains(&request.schema_version.as_str()) {
            mistakes.push(format!("schemaVersion {:?} is not supported", request.schema_version));
        }
        let types: Vec<_> = request.types.iter().filter_map(|name| Category::named(name)).collect();
        if request.types.is_empty() {
            mistakes.push("types should not be empty".into());
        }
        if types.len() != request.types.len() {
            mistakes.push("types should be of platform, function and extension".into());
        }
        mistakes.extend(request.buffering.mistakes());
        let address = request.destination.address().map_err(|mistake| mistakes.push(mistake)).ok();
        let Some(address) = address.filter(|_| mistakes.is_empty()) else { return Err(mistakes.join("; ")) };

        let mut state = self.state();
        if state.closed {
            return Err("subscriptions are closed: the init phase is over".into());
        }
        let (records, waiting) = unbounded_channel();
        for record in state.said.iter().filter(|record| types.contains(&record.category)) {
            let _ = records.send(record.clone());
        }
        tokio::spawn(delivery::deliver(waiting, address, request.buffering, self.frozen.subscribe()));
        state.subscribers.push(Subscriber { types: types.clone(), records });
        drop(state);
        let names: Vec<_> = types.into_iter().map(Category::name).collect();
        self.say(Record::subscribed(extension, &names));
        Ok(())
    }

    /// The init phase is over.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.said = vec![];
    }

    /// What delivers is part of the environment, and stands still with it.
    pub(super) fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn subscribe(telemetry: &Telemetry, change: impl FnOnce(&mut Value)) -> Result<(), String> {
        let mut request = json!({
            "schemaVersion": "2022-12-13", "types": ["platform", "function"],
            "buffering": { "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25 },
            "destination": { "protocol": "HTTP", "URI": "http://sandbox.localdomain:1" },
        });
        change(&mut request);
        telemetry.subscribe("e", &serde_json::from_value(request).unwrap())
    }

    #[tokio::test]
    async fn a_subscription_is_held_to_the_documented_bounds() {
        let telemetry = Telemetry::new(TelemetryApi::Served, vec!["2022-12-13"]);
        subscribe(&telemetry, |_| ()).unwrap();
        subscribe(&telemetry, |request| request["buffering"] = json!({ "timeoutMs": 30_000 })).unwrap();
        let refused = |change: fn(&mut Value), words: &str| {
            let mistakes = subscribe(&telemetry, change).unwrap_err();
            assert!(mistakes.contains(words), "{mistakes}");
        };
        refused(|request| request["schemaVersion"] = json!("2025-01-29"), "schemaVersion");
        refused(|request| request["types"] = json!([]), "types should not be empty");
        refused(|request| request["types"] = json!(["platform", "logs"]), "types should be");
        refused(|request| request["buffering"]["timeoutMs"] = json!(24), "timeoutMs should be from 25 to 30000");
        refused(|request| request["buffering"]["maxItems"] = json!(999), "maxItems should be from 1000 to 10000");
        refused(|request| request["buffering"]["maxBytes"] = json!(1_048_577), "maxBytes should be from");
        refused(|request| request["destination"]["URI"] = json!("http://sandbox.localdomain"), "port is not provided");
        refused(|request| request["destination"]["URI"] = json!("http://example.com:80"), "sandbox.localdomain");
        refused(|request| request["destination"]["protocol"] = json!("TCP"), "protocol");
        telemetry.close();
        refused(|_| (), "the init phase is over");
    }
}

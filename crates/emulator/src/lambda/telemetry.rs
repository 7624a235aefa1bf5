//! The subscriptions of the Telemetry API (AWS Lambda developer guide, "Lambda Telemetry API reference").

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use super::record::{Category, Record};
use super::telemetry_delivery::{self, Buffering, Destination};

/// How the Telemetry API handles subscriptions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TelemetryApi {
    /// Every record is delivered, as on AWS.
    #[default]
    Delivers,
    /// Records are delivered up to and including the first record of this type, for example `platform.start`.
    StopsAfter(&'static str),
    /// Subscriptions are accepted, but no record is delivered, as in cargo-lambda.
    NeverDelivers,
    /// The response to a subscription is `202 Accepted` with an error, and no record is delivered, as in AWS's Runtime
    /// Interface Emulator (its `runtimelogs_stub.go`).
    NotSupported,
}

/// The telemetry of one environment, and its subscribers.
#[derive(Debug)]
pub(super) struct Telemetry {
    pub(super) api: TelemetryApi,
    schemas: Vec<&'static str>,
    state: Mutex<State>,
    is_frozen: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    /// All records of the init phase until now. Each new subscriber receives them.
    init_records: Vec<Record>,
    /// Whether the init phase has ended. After its end, no extension can subscribe.
    is_closed: bool,
    /// Whether telemetry has stopped: no further record is delivered.
    is_stopped: bool,
    subscribers: Vec<Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    types: Vec<Category>,
    records: UnboundedSender<Record>,
}

/// The body of a subscription request. A missing field is parsed as empty, so that the validation can report its name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Subscription {
    schema_version: String,
    types: Vec<String>,
    buffering: Buffering,
    destination: Destination,
}

impl Default for Subscription {
    fn default() -> Self {
        let destination = Destination { protocol: String::new(), uri: String::new() };
        Self { schema_version: String::new(), types: vec![], buffering: Buffering::default(), destination }
    }
}

impl Telemetry {
    pub(super) fn new(api: TelemetryApi, schemas: Vec<&'static str>) -> Self {
        let is_stopped = match api {
            TelemetryApi::Delivers | TelemetryApi::StopsAfter(_) => false,
            TelemetryApi::NeverDelivers | TelemetryApi::NotSupported => true,
        };
        let state = State { is_stopped, ..State::default() };
        Self { api, schemas, state: state.into(), is_frozen: watch::Sender::new(false) }
    }

    /// Sends a record to the subscribers of its category.
    pub(super) fn publish(&self, record: Record) {
        let mut state = self.state();
        if state.is_stopped {
            return;
        }
        state.is_stopped = matches!(self.api, TelemetryApi::StopsAfter(kind) if record.event["type"] == kind);
        for subscriber in state.subscribers.iter().filter(|subscriber| subscriber.types.contains(&record.category)) {
            // Sending fails only if the delivery to this subscriber has ended.
            let _ = subscriber.records.send(record.clone());
        }
        if !state.is_closed {
            state.init_records.push(record);
        }
    }

    /// Adds a subscription.
    ///
    /// # Errors
    /// The request is invalid, or the init phase has ended. The text contains all errors of the request.
    pub(super) fn subscribe(&self, extension: &str, subscription: &Subscription) -> Result<(), String> {
        let mut errors = vec![];
        if !self.schemas.contains(&subscription.schema_version.as_str()) {
            errors.push(format!("schemaVersion {:?} is not supported", subscription.schema_version));
        }
        let types: Vec<_> = subscription.types.iter().filter_map(|name| Category::parse(name)).collect();
        if subscription.types.is_empty() {
            errors.push("types should not be empty".into());
        }
        if types.len() != subscription.types.len() {
            errors.push("types should be platform, function or extension".into());
        }
        errors.extend(subscription.buffering.errors());
        let address = subscription.destination.address().map_err(|error| errors.push(error)).ok();
        let Some(address) = address.filter(|_| errors.is_empty()) else { return Err(errors.join("; ")) };

        let mut state = self.state();
        if state.is_closed {
            return Err("subscriptions are closed: the init phase is over".into());
        }
        let (records, receiver) = unbounded_channel();
        for record in state.init_records.iter().filter(|record| types.contains(&record.category)) {
            let _ = records.send(record.clone());
        }
        tokio::spawn(telemetry_delivery::deliver(
            receiver,
            address,
            subscription.buffering,
            self.is_frozen.subscribe(),
        ));
        state.subscribers.push(Subscriber { types: types.clone(), records });
        drop(state);
        let names: Vec<_> = types.into_iter().map(Category::name).collect();
        self.publish(Record::subscribed(extension, &names));
        Ok(())
    }

    /// Ends the init phase. Later subscriptions are rejected.
    pub(super) fn close_subscriptions(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.init_records = vec![];
    }

    /// Pauses or resumes delivery. On Lambda, delivery runs in the environment and freezes with it.
    pub(super) fn set_frozen(&self, is_frozen: bool) {
        self.is_frozen.send_replace(is_frozen);
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
    async fn subscription_outside_the_documented_bounds_is_rejected() {
        let telemetry = Telemetry::new(TelemetryApi::Delivers, vec!["2022-12-13"]);
        subscribe(&telemetry, |_| ()).unwrap();
        subscribe(&telemetry, |request| request["buffering"] = json!({ "timeoutMs": 30_000 })).unwrap();
        let rejected = |change: fn(&mut Value), message: &str| {
            let errors = subscribe(&telemetry, change).unwrap_err();
            assert!(errors.contains(message), "{errors}");
        };
        rejected(|request| request["schemaVersion"] = json!("2025-01-29"), "schemaVersion");
        rejected(|request| request["types"] = json!([]), "types should not be empty");
        rejected(|request| request["types"] = json!(["platform", "logs"]), "types should be");
        rejected(|request| request["buffering"]["timeoutMs"] = json!(24), "timeoutMs should be from 25 to 30000");
        rejected(|request| request["buffering"]["maxItems"] = json!(999), "maxItems should be from 1000 to 10000");
        rejected(|request| request["buffering"]["maxBytes"] = json!(1_048_577), "maxBytes should be from");
        rejected(|request| request["destination"]["URI"] = json!("http://sandbox.localdomain"), "port is not provided");
        rejected(|request| request["destination"]["URI"] = json!("http://example.com:80"), "sandbox.localdomain");
        rejected(|request| request["destination"]["protocol"] = json!("TCP"), "protocol");
        telemetry.close_subscriptions();
        rejected(|_| (), "the init phase is over");
    }
}

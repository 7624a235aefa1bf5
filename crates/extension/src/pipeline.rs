//! Receives batches of records, queues their signals, writes samples and exports signals. The module `schedule` decides
//! when to write and export.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::sync::watch;

use crate::arrival::ArrivalMonitor;
use crate::config::Config;
use crate::emf;
use crate::log::write_line;
use crate::metric::Sample;
use crate::otlp::{OtlpExporter, resource};
use crate::record::Record;
use crate::signal::Signal;
use crate::tracker::InvocationTracker;
use crate::unix_time::nanoseconds;

mod schedule;

/// The number of queued samples at which they are written to standard output.
const MAX_SAMPLES: usize = 2000;

/// Receives telemetry, writes CloudWatch metrics and exports signals to OpenTelemetry backends.
#[derive(Debug)]
pub struct Pipeline {
    /// The CloudWatch namespace; `None` if CloudWatch metrics are disabled.
    metric_namespace: Option<String>,
    function_name: String,
    exporter: Option<OtlpExporter>,
    state: Mutex<State>,
    /// The number of batches received so far.
    batches: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    tracker: InvocationTracker,
    samples: Vec<Sample>,
    last_event: SystemTime,
    arrival: ArrivalMonitor,
}

impl Pipeline {
    /// Creates a pipeline for an environment of the function. `instance` identifies the environment. If an exporter
    /// cannot be created, this is logged and nothing is exported.
    #[must_use]
    pub fn new(config: &Config, account: Option<&str>, instance: &str) -> Self {
        let exporter = config.otlp.as_ref().and_then(|otlp| {
            let resource = resource(&config.function, &otlp.attributes, account, instance);
            OtlpExporter::new(otlp, resource).map_err(|error| write_line(&error)).ok()
        });
        let state = State {
            tracker: InvocationTracker::default(),
            samples: vec![],
            last_event: UNIX_EPOCH,
            arrival: ArrivalMonitor::default(),
        };
        Self {
            metric_namespace: config.metric_namespace.clone(),
            function_name: config.function.name.clone(),
            exporter,
            state: state.into(),
            batches: watch::Sender::new(0),
        }
    }

    /// Receives a batch of telemetry, a JSON array of events. An invalid batch is logged and counted as one dropped
    /// record.
    pub fn receive(&self, batch: &[u8]) {
        match serde_json::from_slice::<Vec<Value>>(batch) {
            Ok(events) => self.receive_events(events),
            Err(error) => {
                write_line(&format!("a batch of telemetry is not a JSON array: {error}"));
                self.count_dropped(1);
            }
        }
        self.batches.send_modify(|batches| *batches += 1);
    }

    fn receive_events(&self, events: Vec<Value>) {
        let mut state = self.state();
        if !events.is_empty() {
            state.arrival.record_arrived();
        }
        let signals: Vec<Signal> =
            events.into_iter().flat_map(|event| state.tracker.track(Record::parse(event))).collect();
        self.queue(&mut state, &signals);
        let is_full = state.samples.len() >= MAX_SAMPLES;
        drop(state);
        if is_full {
            self.write_samples();
        }
    }

    /// Queues signals for the exporter, and samples for standard output.
    fn queue(&self, state: &mut State, signals: &[Signal]) {
        if let Some(exporter) = &self.exporter {
            exporter.push(signals);
        }
        if self.metric_namespace.is_some() {
            state.samples.extend(signals.iter().filter_map(|signal| match signal {
                Signal::Sample(sample) => Some(sample),
                Signal::Span(_) | Signal::Log(_) => None,
            }));
        }
    }

    /// Exports the queued signals, and counts those that were dropped since the last export.
    async fn export(&self) {
        let Some(exporter) = &self.exporter else { return };
        if let Some(message) = exporter.flush().await {
            write_line(&message);
        }
        self.count_dropped(exporter.take_dropped());
    }

    fn count_dropped(&self, number: u64) {
        if number > 0 {
            let sample = Sample::telemetry_dropped(number, nanoseconds(SystemTime::now()));
            self.queue(&mut self.state(), &[Signal::Sample(sample)]);
        }
    }

    /// Writes the queued samples to standard output, from which CloudWatch extracts metrics.
    fn write_samples(&self) {
        let samples = std::mem::take(&mut self.state().samples);
        let Some(namespace) = self.metric_namespace.as_ref().filter(|_| !samples.is_empty()) else { return };
        let mut output = std::io::stdout().lock();
        for line in emf::lines(namespace, &self.function_name, &samples) {
            // An error is ignored: if standard output is closed, metrics cannot be written anywhere else.
            let _ = writeln!(output, "{line}");
        }
        let _ = output.flush();
    }

    /// The number of batches received so far.
    #[cfg(test)]
    pub(crate) fn batch_count(&self) -> u64 {
        *self.batches.borrow()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    pub(super) fn pipeline() -> Arc<Pipeline> {
        Arc::new(Pipeline::new(&Config::parse(&BTreeMap::new()).0, None, "instance"))
    }

    /// Receives the records of an invocation that ends now.
    pub(super) fn receive_invocation(pipeline: &Pipeline, id: &str) {
        receive_records(pipeline, id, &["platform.start", "platform.runtimeDone"]);
    }

    pub(super) fn receive_records(pipeline: &Pipeline, id: &str, types: &[&str]) {
        let at = time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339).unwrap();
        let record = json!({ "requestId": id, "status": "success" });
        let event = |record_type| json!({ "time": at, "type": record_type, "record": record });
        pipeline.receive(types.iter().map(event).collect::<Value>().to_string().as_bytes());
    }

    #[test]
    fn samples_are_written_when_their_maximum_number_is_queued() {
        let pipeline = pipeline();
        for number in 0..=MAX_SAMPLES {
            receive_invocation(&pipeline, &number.to_string());
        }
        assert_eq!(pipeline.state().samples.len(), 1);
    }
}

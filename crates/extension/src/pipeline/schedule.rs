//! Decides when samples are written and signals are exported.
//!
//! Lambda freezes an environment as soon as the function and its extensions have finished an event. Data that was not
//! sent before stays in the environment until the next event or the shutdown. If events are rare, the extension
//! therefore sends the data of an invocation after the function has responded and before the environment freezes. If
//! events are frequent, it sends data every few seconds, and delays no event.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::Pipeline;
use crate::log::write_line;
use crate::otlp::OtlpExporter;
use crate::unix_time::{nanoseconds, time_until};

/// Events are rare if the time between them is longer than this.
const RARE_INTERVAL: Duration = Duration::from_secs(20);
/// The interval of exports while events are frequent. It is OpenTelemetry's default for batches of spans
/// (`OTEL_BSP_SCHEDULE_DELAY`).
const EXPORT_INTERVAL: Duration = Duration::from_secs(5);
/// The maximum time by which an export delays the next event, and the maximum wait for the first record of an
/// invocation. Lambda buffers a batch for 25 ms, so this record normally arrives sooner, even if the function runs for
/// a long time.
const MAX_DELAY: Duration = Duration::from_millis(250);
/// The maximum wait for the last records at shutdown. It is part of the 2 s that Lambda allows.
const MAX_WAIT_FOR_RECORDS: Duration = Duration::from_millis(600);
/// If no batch arrives during this time, the last batch has arrived. Lambda buffers a batch for less than half of this
/// time.
const QUIET_TIME: Duration = Duration::from_millis(60);
/// The delay before the next attempt to export at shutdown.
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// The time that is left for other work: at shutdown, for the report of dropped data; during an invocation, for
/// returning before the deadline.
const RESERVE: Duration = Duration::from_millis(250);

impl Pipeline {
    /// Handles an INVOKE event. If events are rare and telemetry arrives, this returns after the function has responded
    /// and the invocation's data is sent.
    pub async fn handle_invoke(self: &Arc<Self>, request_id: &str, deadline_ms: u64) {
        // Uses the system clock, because a monotonic clock may stop while the environment is frozen.
        let now = SystemTime::now();
        let (must_wait, warning) = {
            let mut state = self.state();
            let previous = std::mem::replace(&mut state.last_event, now);
            let warning = state.arrival.invocation_started();
            let is_rare = now.duration_since(previous).unwrap_or_default() >= RARE_INTERVAL;
            (is_rare && state.arrival.may_wait(), warning)
        };
        write_warning(warning);
        if !must_wait {
            return;
        }
        let mut batches = self.batches.subscribe();
        // A retry has the request identifier of the first attempt. Here that attempt began before `since`, because
        // events are rare.
        let since = nanoseconds(now.checked_sub(RARE_INTERVAL).unwrap_or(UNIX_EPOCH));
        let started = batches.wait_for(|_| self.state().tracker.has_started(request_id, since));
        if timeout(MAX_DELAY, started).await.is_err() {
            let warning = self.state().arrival.missed_start(request_id, MAX_DELAY.as_millis());
            write_warning(warning);
            return;
        }
        let ended = batches.wait_for(|_| self.state().tracker.has_ended(request_id, since));
        // Return before the deadline: Lambda counts an extension that misses it as a timeout.
        if timeout(time_until(deadline_ms).saturating_sub(RESERVE), ended).await.is_err() {
            self.state().arrival.missed_end(request_id);
            return;
        }
        self.write_samples();
        if self.exporter.as_ref().is_some_and(|exporter| !exporter.is_failing()) {
            let pipeline = Arc::clone(self);
            let limit = MAX_DELAY.min(time_until(deadline_ms).saturating_sub(RESERVE));
            // If the time limit passes, the export continues in its task.
            let _ = timeout(limit, tokio::spawn(async move { pipeline.export().await })).await;
        }
    }

    /// Writes samples and exports signals every few seconds, until the process exits.
    pub async fn export_periodically(self: Arc<Self>) {
        let mut ticks = interval(EXPORT_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.write_samples();
            self.export().await;
        }
    }

    /// Handles a SHUTDOWN event: waits for the last records, and sends all data before the deadline. Data that cannot
    /// be sent is dropped and counted.
    pub async fn handle_shutdown(&self, deadline_ms: u64) {
        let end = Instant::now() + time_until(deadline_ms).saturating_sub(RESERVE);
        self.wait_for_last_records().await;
        let warning = {
            let mut state = self.state();
            let running = state.tracker.running_invocations();
            let signals = state.tracker.close();
            self.queue(&mut state, &signals);
            state.arrival.environment_ended(running)
        };
        write_warning(warning);
        self.write_samples();
        let Some(exporter) = &self.exporter else { return };
        // A running export may use a connection that broke while the environment was frozen.
        exporter.interrupt();
        let export = self.export_all(exporter);
        tokio::pin!(export);
        tokio::select! {
            () = &mut export => {}
            () = sleep(end.saturating_duration_since(Instant::now())) => {
                exporter.stop();
                export.await;
            }
        }
        exporter.drop_pending();
        let dropped = exporter.take_dropped();
        if dropped > 0 {
            write_line(&format!("{dropped} spans, log lines and data points were not delivered"));
        }
        self.count_dropped(dropped);
        self.write_samples();
    }

    /// Waits until all records of every invocation have arrived, and then until no more batches arrive.
    async fn wait_for_last_records(&self) {
        let mut batches = self.batches.subscribe();
        let last = async {
            let _ = batches.wait_for(|_| self.state().tracker.is_complete()).await;
            while timeout(QUIET_TIME, batches.changed()).await.is_ok() {}
        };
        let _ = timeout(MAX_WAIT_FOR_RECORDS, last).await;
    }

    /// Exports until no signal is pending, or the exporter is stopped.
    async fn export_all(&self, exporter: &OtlpExporter) {
        loop {
            self.export().await;
            if !exporter.has_pending() || exporter.is_stopped() {
                break;
            }
            sleep(RETRY_DELAY).await;
        }
        // Exports the number of dropped signals once. If the backend rejects this export too, that is not counted.
        self.export().await;
    }
}

fn write_warning(warning: Option<String>) {
    if let Some(warning) = warning {
        write_line(&warning);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::net::TcpListener;

    use super::super::tests::{pipeline, receive_invocation, receive_records};
    use super::*;
    use crate::config::Config;

    fn deadline_in(time: Duration) -> u64 {
        nanoseconds(SystemTime::now() + time) / 1_000_000
    }

    /// Whether the extension waits for the end of an invocation. The previous invocation was long ago, and the deadline
    /// is in an hour.
    async fn waits(pipeline: &Arc<Pipeline>, id: &str) -> bool {
        pipeline.state().last_event = UNIX_EPOCH;
        tokio::select! {
            biased;
            () = pipeline.handle_invoke(id, deadline_in(Duration::from_hours(1))) => false,
            () = std::future::ready(()) => true,
        }
    }

    #[tokio::test]
    async fn without_telemetry_the_extension_waits_once_and_briefly() {
        let pipeline = pipeline();
        let first = pipeline.handle_invoke("first", deadline_in(Duration::from_hours(1)));
        timeout(Duration::from_secs(10), first).await.expect("the wait ends long before the deadline");
        assert!(!waits(&pipeline, "second").await);
        // Records of any invocation show that telemetry arrives again.
        receive_invocation(&pipeline, "second");
        assert!(waits(&pipeline, "third").await);
        receive_invocation(&pipeline, "third");
        assert!(!waits(&pipeline, "third").await, "the function has responded");
    }

    #[tokio::test]
    async fn missed_end_stops_all_later_waits() {
        let pipeline = pipeline();
        receive_records(&pipeline, "first", &["platform.start"]);
        pipeline.handle_invoke("first", deadline_in(RESERVE + Duration::from_millis(9))).await;
        for id in ["second", "third"] {
            receive_records(&pipeline, id, &["platform.start"]);
            assert!(!waits(&pipeline, id).await, "{id}");
        }
    }

    #[tokio::test]
    async fn rare_event_does_not_wait_for_a_failing_backend() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let attempts = Arc::new(AtomicU32::new(0));
        let counter = attempts.clone();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT".into(), endpoint), ("TELEMETRY_EMF".into(), "false".into())];
        let config = Config::parse(&BTreeMap::from(environment)).0;
        let pipeline = Arc::new(Pipeline::new(&config, None, "instance"));
        let mut attempts_so_far = vec![];
        for id in ["first", "second", "third"] {
            receive_invocation(&pipeline, id);
            // Set the previous event to a time long ago, so that this event is rare.
            pipeline.state().last_event = UNIX_EPOCH;
            pipeline.handle_invoke(id, deadline_in(Duration::from_secs(5))).await;
            while !pipeline.exporter.as_ref().unwrap().is_failing() {
                tokio::task::yield_now().await;
            }
            attempts_so_far.push(attempts.load(Ordering::Relaxed));
        }
        // The first event exports metrics and traces. The others export nothing.
        assert_eq!(attempts_so_far, [2, 2, 2]);
    }
}

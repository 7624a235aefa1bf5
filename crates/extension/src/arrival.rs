//! Monitors whether telemetry arrives in this environment.
//!
//! The extension learns only from telemetry that the function has responded. So it may wait during an invocation, to
//! send its data before the environment freezes, only while telemetry arrives. An emulator may have no telemetry, or
//! may accept the subscription and deliver nothing. A platform may stop delivering. The extension then no longer waits,
//! and logs one warning.

/// If no record arrives during this number of successive invocations, telemetry has stopped. A smaller number is not
/// sufficient: if an environment freezes after each millisecond of work, one batch contains the records of several
/// invocations.
const MAX_INVOCATIONS_WITHOUT_RECORD: u64 = 100;
const CONSEQUENCE: &str = "The function is not affected, and the extension does not wait for telemetry. Metrics, logs and \
                           traces are missing until telemetry arrives";

/// Counts records and invocations, to detect that telemetry does not arrive.
#[derive(Debug, Default)]
pub(crate) struct ArrivalMonitor {
    /// The number of invocations that started since the last record arrived.
    invocations_since_record: u64,
    /// Whether any record has arrived in this environment.
    has_received: bool,
    /// Whether the extension has waited too long for the first record of an invocation, and no record has arrived
    /// since.
    has_missed_start: bool,
    /// The warning to log at the next invocation if no record arrives before it.
    pending_warning: Option<String>,
    /// The request identifier of the invocation whose end was not reported in time.
    missed_end: Option<String>,
    has_warned: bool,
}

impl ArrivalMonitor {
    /// Updates the state after a batch of records has arrived.
    pub(crate) fn record_arrived(&mut self) {
        self.invocations_since_record = 0;
        self.has_received = true;
        self.has_missed_start = false;
        self.pending_warning = None;
    }

    /// Updates the state when an invocation starts. Returns a warning to log, if there is one.
    pub(crate) fn invocation_started(&mut self) -> Option<String> {
        self.invocations_since_record += 1;
        if let Some(request_id) = &self.missed_end {
            let text = format!(
                "the end of request {request_id} (platform.runtimeDone) was not reported before its deadline, but its start \
                 was. Later invocations in this environment do not wait for telemetry. Their data is written with a later \
                 invocation or at shutdown"
            );
            return self.warn(&text);
        }
        if let Some(warning) = self.pending_warning.take() {
            return self.warn(&warning);
        }
        if self.invocations_since_record > MAX_INVOCATIONS_WITHOUT_RECORD {
            return self.warn(&format!(
                "no record arrived during {MAX_INVOCATIONS_WITHOUT_RECORD} invocations. {CONSEQUENCE}"
            ));
        }
        None
    }

    /// Whether the extension may wait until telemetry reports the end of an invocation.
    ///
    /// After one missed end, the result is always false: records that arrive later do not show that the next end will
    /// be reported in time. So the extension waits until the deadline of at most one invocation.
    pub(crate) fn may_wait(&self) -> bool {
        !self.has_missed_start && self.missed_end.is_none()
    }

    /// Updates the state if the start of an invocation was not reported within `waited_ms`. Returns a warning to log,
    /// if there is one.
    ///
    /// If records arrived before, the record of this start may only be late, for example on a busy vCPU. So the warning
    /// is logged at the next invocation, and only if no record arrives before it.
    pub(crate) fn missed_start(&mut self, request_id: &str, waited_ms: u128) -> Option<String> {
        self.has_missed_start = true;
        let warning = format!("no record of request {request_id} arrived within {waited_ms} ms. {CONSEQUENCE}");
        if self.has_received {
            self.pending_warning = Some(warning);
            return None;
        }
        self.warn(&warning)
    }

    /// Updates the state if the end of an invocation was not reported before its deadline.
    ///
    /// The next invocation logs the warning. There is no next invocation if the function timed out, because Lambda then
    /// ends the environment.
    pub(crate) fn missed_end(&mut self, request_id: &str) {
        self.missed_end = Some(request_id.into());
    }

    /// Called when the environment shuts down. `running` is the number of invocations whose end was not reported.
    /// Returns a warning to log, if there is one.
    pub(crate) fn environment_ended(&mut self, running: usize) -> Option<String> {
        if self.invocations_since_record > 0 {
            return self.warn(&format!(
                "no record arrived for the last invocations ({}): their metrics, logs and traces are missing",
                self.invocations_since_record
            ));
        }
        if running > 0 {
            return self
                .warn(&format!("the end of some invocations ({running}) was not reported: they count as errors"));
        }
        None
    }

    /// Returns the warning if it is the first one of this environment.
    fn warn(&mut self, text: &str) -> Option<String> {
        let is_first = !std::mem::replace(&mut self.has_warned, true);
        is_first.then(|| format!("no telemetry: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_invocations_without_a_record_are_logged_once() {
        let mut monitor = ArrivalMonitor::default();
        let warnings = |monitor: &mut ArrivalMonitor, invocations: u64| {
            (0..invocations).filter_map(|_| monitor.invocation_started()).collect::<Vec<_>>()
        };
        assert_eq!(warnings(&mut monitor, MAX_INVOCATIONS_WITHOUT_RECORD), [""; 0]);
        monitor.record_arrived();
        assert_eq!(
            warnings(&mut monitor, MAX_INVOCATIONS_WITHOUT_RECORD),
            [""; 0],
            "the number is counted from the last record"
        );
        let warnings = warnings(&mut monitor, MAX_INVOCATIONS_WITHOUT_RECORD);
        assert!(
            warnings.len() == 1 && warnings[0].starts_with("no telemetry: no record arrived during 100"),
            "{warnings:?}"
        );
        assert_eq!(monitor.environment_ended(0), None, "the warning was logged before");
    }

    #[test]
    fn missing_record_is_logged_and_late_record_is_not() {
        let mut monitor = ArrivalMonitor::default();
        for is_late in [true, false] {
            monitor.record_arrived();
            assert_eq!(monitor.missed_start("r", 250), None);
            assert!(!monitor.may_wait());
            if is_late {
                monitor.record_arrived();
                assert!(monitor.may_wait());
            }
            assert_eq!(monitor.invocation_started().is_none(), is_late);
        }
        let warning = ArrivalMonitor::default().missed_start("r", 250).unwrap();
        assert!(warning.starts_with("no telemetry: no record of request r arrived within 250 ms. "), "{warning}");
    }

    #[test]
    fn shutdown_logs_no_warning_if_all_records_arrived() {
        let mut monitor = ArrivalMonitor::default();
        monitor.invocation_started();
        monitor.record_arrived();
        assert_eq!(monitor.environment_ended(0), None);
        let warning = monitor.environment_ended(2).unwrap();
        assert!(warning.contains("the end of some invocations (2)"), "{warning}");
    }
}

//! Monitors whether telemetry arrives in this environment.
//!
//! Telemetry is the only sign that the function has responded. The extension may therefore wait during an invocation,
//! to send its data before the environment freezes, only while telemetry arrives. An emulator may have no telemetry, or
//! accept the subscription and deliver nothing; a platform may stop delivering. Then the extension no longer waits, and logs
//! this once.

/// After this many invocations in a row without a record, telemetry has stopped. Fewer prove nothing: if an environment
/// freezes after each millisecond of work, one batch contains the records of several invocations.
const MAX_INVOCATIONS_WITHOUT_RECORD: u64 = 100;
const CONSEQUENCE: &str = "The function is not affected, and nothing waits for telemetry. Metrics, logs and traces are missing \
                           until it arrives";

/// The state of the arrival of telemetry.
#[derive(Debug, Default)]
pub(crate) struct ArrivalMonitor {
    /// The number of invocations that started since the last record arrived.
    invocations_since_record: u64,
    /// Whether any record arrived in this environment.
    has_received: bool,
    /// Whether a wait for the first record of an invocation failed, and no record arrived since.
    has_missed_start: bool,
    /// The warning to log at the next invocation, unless a record arrives before.
    pending_warning: Option<String>,
    /// The request identifier of the invocation whose end was not reported in time.
    missed_end: Option<String>,
    has_warned: bool,
}

impl ArrivalMonitor {
    /// A batch of records arrived.
    pub(crate) fn record_arrived(&mut self) {
        self.invocations_since_record = 0;
        self.has_received = true;
        self.has_missed_start = false;
        self.pending_warning = None;
    }

    /// An invocation starts. Returns a warning to log, if there is one.
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
    /// A missed end is remembered for the life of the environment: records that arrive later do not show that the next end
    /// will be reported in time. So the extension waits until the deadline of at most one invocation.
    pub(crate) fn may_wait(&self) -> bool {
        !self.has_missed_start && self.missed_end.is_none()
    }

    /// The extension waited `waited_ms`, and the start of the invocation was not reported. Returns a warning to log, if there
    /// is one.
    ///
    /// If records arrived before, this one may only be late, for example on a busy vCPU. The next invocation shows it.
    pub(crate) fn missed_start(&mut self, request_id: &str, waited_ms: u128) -> Option<String> {
        self.has_missed_start = true;
        let warning = format!("no record of request {request_id} arrived within {waited_ms} ms. {CONSEQUENCE}");
        if self.has_received {
            self.pending_warning = Some(warning);
            return None;
        }
        self.warn(&warning)
    }

    /// The extension waited until the deadline of an invocation, and its end was not reported.
    ///
    /// If the function timed out, Lambda ends the environment. So only a next invocation shows that it did not, and then the
    /// warning is logged.
    pub(crate) fn missed_end(&mut self, request_id: &str) {
        self.missed_end = Some(request_id.into());
    }

    /// The environment shuts down, and the ends of `running` invocations were not reported. Returns a warning to log, if there
    /// is one.
    pub(crate) fn environment_ended(&mut self, running: usize) -> Option<String> {
        if self.invocations_since_record > 0 {
            return self.warn(&format!(
                "no record arrived for the last invocations ({}): they are not measured",
                self.invocations_since_record
            ));
        }
        if running > 0 {
            return self
                .warn(&format!("the end of some invocations ({running}) was not reported: they count as errors"));
        }
        None
    }

    /// Returns the first warning of each environment, and no other.
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
        assert_eq!(warnings(&mut monitor, MAX_INVOCATIONS_WITHOUT_RECORD), [""; 0], "counted from the last record");
        let warnings = warnings(&mut monitor, MAX_INVOCATIONS_WITHOUT_RECORD);
        assert!(
            warnings.len() == 1 && warnings[0].starts_with("no telemetry: no record arrived during 100"),
            "{warnings:?}"
        );
        assert_eq!(monitor.environment_ended(0), None, "it was logged before");
    }

    #[test]
    fn late_record_is_not_logged_and_missing_one_is() {
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
    fn shutdown_after_the_last_record_is_not_logged() {
        let mut monitor = ArrivalMonitor::default();
        monitor.invocation_started();
        monitor.record_arrived();
        assert_eq!(monitor.environment_ended(0), None);
        let warning = monitor.environment_ended(2).unwrap();
        assert!(warning.contains("the end of some invocations (2)"), "{warning}");
    }
}

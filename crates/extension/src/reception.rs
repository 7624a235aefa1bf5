//! Whether telemetry arrives in this environment.
//!
//! The extension learns only from telemetry that the function has answered. So it may hold an invocation back, to write what
//! it measured before the environment freezes, only while telemetry arrives. Emulators may have no telemetry, or accept the
//! subscription and deliver nothing; a platform may stop delivering. Then nothing is held back, and the log says so once.

/// After so many invocations in a row without a record, telemetry has stopped. Fewer prove nothing: where an environment
/// freezes after each millisecond of work, one batch brings the records of several invocations.
const LONGEST_SILENCE: u64 = 100;
const CONSEQUENCE: &str = "The function is not affected, and nothing waits for telemetry. Metrics, logs and traces are missing \
                           until it arrives";

/// What is known of the arrival of telemetry.
#[derive(Debug, Default)]
pub(crate) struct Reception {
    /// The invocations that began since the last record arrived.
    unheard: u64,
    /// Whether any record arrived in this environment.
    has_heard: bool,
    /// An invocation was held back in vain for its first record, and no record arrived since.
    is_silent: bool,
    /// What to write to the log if it stays so until the next invocation.
    silence: Option<String>,
    /// The invocation that was held back in vain for its end.
    missed_end: Option<String>,
    has_warned: bool,
}

impl Reception {
    /// Records arrived.
    pub(crate) fn records_arrived(&mut self) {
        self.unheard = 0;
        self.has_heard = true;
        self.is_silent = false;
        self.silence = None;
    }

    /// An invocation begins. Gives what to write to the log, if anything.
    pub(crate) fn invocation_began(&mut self) -> Option<String> {
        self.unheard += 1;
        if let Some(request_id) = &self.missed_end {
            let text = format!(
                "the end of request {request_id} (platform.runtimeDone) was not reported before its deadline, though its \
                 beginning was. No later invocation in this environment waits for telemetry: what arrives is written with a \
                 later invocation or at shutdown"
            );
            return self.warn(&text);
        }
        if let Some(silence) = self.silence.take() {
            return self.warn(&silence);
        }
        if self.unheard > LONGEST_SILENCE {
            return self.warn(&format!("no record arrived during {LONGEST_SILENCE} invocations. {CONSEQUENCE}"));
        }
        None
    }

    /// Whether an invocation may be held back until telemetry reports its end.
    ///
    /// An end that was missed counts for as long as the environment lives. Records that arrive later do not show that the
    /// next end will be reported in time, and so at most one invocation is held back until its deadline.
    pub(crate) fn may_hold(&self) -> bool {
        !self.is_silent && self.missed_end.is_none()
    }

    /// An invocation was held back for `held_ms`, and its beginning was not reported. Gives what to write to the log.
    ///
    /// Where records arrived before, this one may only be late, as on a busy processor: the next invocation shows it.
    pub(crate) fn missed_start(&mut self, request_id: &str, held_ms: u128) -> Option<String> {
        self.is_silent = true;
        let silence = format!("no record of request {request_id} arrived within {held_ms} ms. {CONSEQUENCE}");
        if self.has_heard {
            self.silence = Some(silence);
            return None;
        }
        self.warn(&silence)
    }

    /// An invocation was held back until its deadline, and its end was not reported.
    ///
    /// Lambda ends an environment whose function times out. So only the next invocation, if there is one, shows that this was
    /// not a timeout, and the log mentions it then.
    pub(crate) fn missed_end(&mut self, request_id: &str) {
        self.missed_end = Some(request_id.into());
    }

    /// The environment ends, and the ends of `open` invocations were not reported. Gives what to write to the log.
    pub(crate) fn environment_ended(&mut self, open: usize) -> Option<String> {
        if self.unheard > 0 {
            return self.warn(&format!(
                "no record arrived for the last invocations ({}): they are not measured",
                self.unheard
            ));
        }
        if open > 0 {
            return self.warn(&format!("the end of some invocations ({open}) was not reported: they count as errors"));
        }
        None
    }

    /// One warning for each environment.
    fn warn(&mut self, text: &str) -> Option<String> {
        let is_first = !std::mem::replace(&mut self.has_warned, true);
        is_first.then(|| format!("no telemetry: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_silence_is_logged_once() {
        let mut reception = Reception::default();
        let warnings = |reception: &mut Reception, invocations: u64| {
            (0..invocations).filter_map(|_| reception.invocation_began()).collect::<Vec<_>>()
        };
        assert_eq!(warnings(&mut reception, LONGEST_SILENCE), [""; 0]);
        reception.records_arrived();
        assert_eq!(warnings(&mut reception, LONGEST_SILENCE), [""; 0], "counted from the last record");
        let warnings = warnings(&mut reception, LONGEST_SILENCE);
        assert!(
            warnings.len() == 1 && warnings[0].starts_with("no telemetry: no record arrived during 100"),
            "{warnings:?}"
        );
        assert_eq!(reception.environment_ended(0), None, "it was said");
    }

    #[test]
    fn late_record_is_not_logged_and_missing_one_is() {
        let mut reception = Reception::default();
        for is_late in [true, false] {
            reception.records_arrived();
            assert_eq!(reception.missed_start("r", 250), None);
            assert!(!reception.may_hold());
            if is_late {
                reception.records_arrived();
                assert!(reception.may_hold());
            }
            assert_eq!(reception.invocation_began().is_none(), is_late);
        }
        let warning = Reception::default().missed_start("r", 250).unwrap();
        assert!(warning.starts_with("no telemetry: no record of request r arrived within 250 ms. "), "{warning}");
    }

    #[test]
    fn environment_whose_last_record_was_reported_ends_without_warning() {
        let mut reception = Reception::default();
        reception.invocation_began();
        reception.records_arrived();
        assert_eq!(reception.environment_ended(0), None);
        let warning = reception.environment_ended(2).unwrap();
        assert!(warning.contains("the end of some invocations (2)"), "{warning}");
    }
}

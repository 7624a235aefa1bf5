//! What there is to tell, and when it is told.
//!
//! An environment runs only while somebody in it has something to do: what is not told by then is told when the next
//! event thaws it, or at its end. So where events are rare, what one has to say is told before the environment freezes,
//! once the function has answered; where they are frequent, every few seconds, and no event waits for it.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::config::Config;
use crate::emf;
use crate::file::Records;
use crate::ledger::{Item, Ledger};
use crate::metric::Sample;
use crate::otlp::{Otlp, resource};
use crate::reception::Reception;
use crate::record::Record;

/// Events further apart are rare.
const RARE: Duration = Duration::from_secs(20);
/// How often is told what frequent events have to say: as often as OpenTelemetry's own batches of spans go
/// (`OTEL_BSP_SCHEDULE_DELAY`).
const PERIOD: Duration = Duration::from_secs(5);
/// The samples that wait for that at most.
const MOST_SAMPLES: usize = 2000;
/// The longest that a delivery keeps an environment from its next event, and that an invocation is held back without a sign
/// that telemetry arrives. The record of its beginning is due after 25 ms, the time for which Lambda keeps a batch,
/// however long the function is busy.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long the last records may take to come in, of the 2 s that there are at the end.
const LATE: Duration = Duration::from_millis(600);
/// For so long nothing has come, and nothing will: twice the time for which Lambda keeps a batch.
const QUIET: Duration = Duration::from_millis(60);
/// How soon the end tries again what a backend did not take.
const AGAIN: Duration = Duration::from_millis(100);
/// Kept of those 2 s for saying what could not be delivered, and of an invocation for coming to its end.
const RESERVE: Duration = Duration::from_millis(250);

/// Everything between Lambda and the backends.
#[derive(Debug)]
pub struct Agent {
    namespace: Option<String>,
    function: String,
    otlp: Option<Otlp>,
    state: Mutex<State>,
    /// How many batches have come.
    batches: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    ledger: Ledger,
    samples: Vec<Sample>,
    file: Option<Records>,
    last_event: SystemTime,
    reception: Reception,
}

impl Agent {
    /// One for that function, in the environment that `instance` names.
    #[must_use]
    pub fn new(config: &Config, account: Option<&str>, instance: &str) -> Self {
        let otlp = config.otlp.as_ref().and_then(|otlp| {
            let resource = resource(&config.function, &otlp.attributes, account, instance);
            Otlp::new(otlp, resource).map_err(|mistake| say(&mistake)).ok()
        });
        let file = config
            .file
            .as_ref()
            .and_then(|path| Records::open(path).map_err(|error| say(&format!("{}: {error}", path.display()))).ok());
        let state = State {
            ledger: Ledger::default(),
            samples: vec![],
            file,
            last_event: UNIX_EPOCH,
            reception: Reception::default(),
        };
        Self {
            namespace: config.namespace.clone(),
            function: config.function.name.clone(),
            otlp,
            state: state.into(),
            batches: watch::Sender::new(0),
        }
    }

    /// Takes a batch of telemetry, a JSON array of events.
    pub fn take(&self, batch: &[u8]) {
        match serde_json::from_slice::<Vec<Value>>(batch) {
            Ok(events) => self.take_events(events),
            Err(error) => {
                say(&format!("a batch of telemetry was not understood: {error}"));
                self.count_dropped(1);
            }
        }
        self.batches.send_modify(|batches| *batches += 1);
    }

    fn take_events(&self, events: Vec<Value>) {
        let mut state = self.state();
        if !events.is_empty() {
            state.reception.records_arrived();
        }
        if let Some(Err(error)) = state.file.as_mut().map(|file| file.write(&events)) {
            say(&format!("the file of records is given up: {error}"));
            state.file = None;
        }
        let items: Vec<Item> = events.into_iter().flat_map(|event| state.ledger.take(Record::read(event))).collect();
        self.keep(&mut state, &items);
        let many = state.samples.len() >= MOST_SAMPLES;
        drop(state);
        if many {
            self.print();
        }
    }

    /// An invocation begins. Where invocations are rare and telemetry arrives, this returns once the function has answered
    /// and what was measured is written.
    pub async fn invoked(self: &Arc<Self>, request_id: &str, deadline_ms: u64) {
        // By the clock on the wall, which alone goes on while an environment is frozen.
        let now = SystemTime::now();
        let (holds, warning) = {
            let mut state = self.state();
            let before = std::mem::replace(&mut state.last_event, now);
            let warning = state.reception.invocation_began();
            let is_rare = now.duration_since(before).unwrap_or_default() >= RARE;
            (is_rare && state.reception.may_hold(), warning)
        };
        say_if_any(warning);
        if !holds {
            return;
        }
        let mut batches = self.batches.subscribe();
        // An earlier try of the same event has the same identifier, but is as far back as events are apart here.
        let since = nanoseconds(now.checked_sub(RARE).unwrap_or(UNIX_EPOCH));
        let began = batches.wait_for(|_| self.state().ledger.has_begun(request_id, since));
        if timeout(PATIENCE, began).await.is_err() {
            let warning = self.state().reception.missed_start(request_id, PATIENCE.as_millis());
            say_if_any(warning);
            return;
        }
        let answered = batches.wait_for(|_| self.state().ledger.is_done(request_id, since));
        // Who answers at the very last moment is told of later: Lambda takes an extension that is late for a time-out.
        if timeout(until(deadline_ms).saturating_sub(RESERVE), answered).await.is_err() {
            self.state().reception.missed_end(request_id);
            return;
        }
        self.print();
        if self.otlp.as_ref().is_some_and(|otlp| !otlp.is_down()) {
            let agent = Arc::clone(self);
            let patience = PATIENCE.min(until(deadline_ms).saturating_sub(RESERVE));
            // It goes on by itself where it takes longer.
            let _ = timeout(patience, tokio::spawn(async move { agent.deliver().await })).await;
        }
    }

    /// Tells every few seconds what there is, for as long as the process lives.
    pub async fn tell(self: Arc<Self>) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.print();
            self.deliver().await;
        }
    }

    /// The environment ends at that time. Waits for what is still to come, and tells all that there is.
    pub async fn shut_down(&self, deadline_ms: u64) {
        let end = Instant::now() + until(deadline_ms).saturating_sub(RESERVE);
        self.last_records().await;
        let warning = {
            let mut state = self.state();
            let open = state.ledger.open_invocations();
            let items = state.ledger.close();
            self.keep(&mut state, &items);
            state.reception.environment_ended(open)
        };
        say_if_any(warning);
        self.print();
        let Some(otlp) = &self.otlp else { return };
        // What is under way may be on a connection that is long dead.
        otlp.cut();
        let deliver = self.deliver_all(otlp);
        tokio::pin!(deliver);
        tokio::select! {
            () = &mut deliver => {}
            () = sleep(end.saturating_duration_since(Instant::now())) => {
                otlp.end();
                deliver.await;
            }
        }
        otlp.lose();
        let lost = otlp.take_dropped();
        if lost > 0 {
            say(&format!("{lost} spans, log lines and data points were not delivered"));
        }
        self.count_dropped(lost);
        self.print();
    }

    /// Waits until all has been told of every invocation, and then until nothing more comes.
    async fn last_records(&self) {
        let mut batches = self.batches.subscribe();
        let last = async {
            let _ = batches.wait_for(|_| self.state().ledger.is_complete()).await;
            while timeout(QUIET, batches.changed()).await.is_ok() {}
        };
        let _ = timeout(LATE, last).await;
    }

    async fn deliver(&self) {
        let Some(otlp) = &self.otlp else { return };
        if let Some(trouble) = otlp.flush().await {
            say(&trouble);
        }
        self.count_dropped(otlp.take_dropped());
    }

    /// Delivers until nothing waits, or no time is left.
    async fn deliver_all(&self, otlp: &Otlp) {
        loop {
            self.deliver().await;
            if !otlp.waits() || otlp.has_ended() {
                break;
            }
            sleep(AGAIN).await;
        }
        // What tells of losses, once: a backend that rejects that as well would never come to an end.
        self.deliver().await;
    }

    fn keep(&self, state: &mut State, items: &[Item]) {
        if let Some(otlp) = &self.otlp {
            otlp.push(items);
        }
        if self.namespace.is_some() {
            state.samples.extend(items.iter().filter_map(|item| match item {
                Item::Sample(sample) => Some(sample),
                Item::Span(_) | Item::Log(_) => None,
            }));
        }
    }

    fn count_dropped(&self, records: u64) {
        if records > 0 {
            let sample = emf::dropped(records, nanoseconds(SystemTime::now()));
            self.keep(&mut self.state(), &[Item::Sample(sample)]);
        }
    }

    /// Writes the samples that there are to standard output.
    fn print(&self) {
        let samples = std::mem::take(&mut self.state().samples);
        let Some(namespace) = self.namespace.as_ref().filter(|_| !samples.is_empty()) else { return };
        let mut out = std::io::stdout().lock();
        for line in emf::lines(namespace, &self.function, &samples) {
            // Without standard output there is nobody to tell.
            let _ = writeln!(out, "{line}");
        }
        let _ = out.flush();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says something about the extension itself, in the function's log.
pub(crate) fn say(message: &str) {
    // Without standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "avif-extension: {message}");
}

fn say_if_any(message: Option<String>) {
    if let Some(message) = message {
        say(&message);
    }
}

/// That time in nanoseconds since 1970.
fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// From now until that time, in milliseconds since 1970.
fn until(deadline_ms: u64) -> Duration {
    let deadline = UNIX_EPOCH + Duration::from_millis(deadline_ms);
    deadline.duration_since(SystemTime::now()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    /// An invocation that the function is done with now.
    fn take(agent: &Agent, id: &str) {
        take_records(agent, id, &["platform.start", "platform.runtimeDone"]);
    }

    fn take_records(agent: &Agent, id: &str, kinds: &[&str]) {
        let at = time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339).unwrap();
        let record = json!({ "requestId": id, "status": "success" });
        let event = |kind| json!({ "time": at, "type": kind, "record": record });
        agent.take(kinds.iter().map(event).collect::<Value>().to_string().as_bytes());
    }

    fn agent() -> Arc<Agent> {
        Arc::new(Agent::new(&Config::parse(&BTreeMap::new()).0, None, "instance"))
    }

    fn deadline_in(time: Duration) -> u64 {
        nanoseconds(SystemTime::now() + time) / 1_000_000
    }

    /// Whether an invocation that follows a long pause, and has an hour, is held back.
    async fn holds_back(agent: &Arc<Agent>, id: &str) -> bool {
        agent.state().last_event = UNIX_EPOCH;
        tokio::select! {
            biased;
            () = agent.invoked(id, deadline_in(Duration::from_hours(1))) => false,
            () = std::future::ready(()) => true,
        }
    }

    #[tokio::test]
    async fn without_telemetry_only_one_invocation_is_held_back_and_only_for_a_moment() {
        let agent = agent();
        let first = agent.invoked("first", deadline_in(Duration::from_hours(1)));
        timeout(Duration::from_secs(10), first).await.expect("it is let go long before its deadline");
        assert!(!holds_back(&agent, "second").await);
        // Records of whatever invocation show that there is telemetry again.
        take(&agent, "second");
        assert!(holds_back(&agent, "third").await);
        take(&agent, "third");
        assert!(!holds_back(&agent, "third").await, "it was answered");
    }

    #[tokio::test]
    async fn after_an_end_that_was_not_reported_no_invocation_is_held_back() {
        let agent = agent();
        take_records(&agent, "first", &["platform.start"]);
        agent.invoked("first", deadline_in(RESERVE + Duration::from_millis(9))).await;
        for id in ["second", "third"] {
            take_records(&agent, id, &["platform.start"]);
            assert!(!holds_back(&agent, id).await, "{id}");
        }
    }

    #[test]
    fn no_more_samples_wait_for_standard_output_than_so_many() {
        let agent = agent();
        for number in 0..=MOST_SAMPLES {
            take(&agent, &number.to_string());
        }
        assert_eq!(agent.state().samples.len(), 1);
    }

    #[tokio::test]
    async fn a_rare_event_does_not_wait_for_a_backend_that_is_down() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let tries = Arc::new(AtomicU32::new(0));
        let counted = tries.clone();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT".into(), endpoint), ("TELEMETRY_EMF".into(), "false".into())];
        let agent = Arc::new(Agent::new(&Config::parse(&BTreeMap::from(environment)).0, None, "instance"));
        let mut seen = vec![];
        for id in ["first", "second", "third"] {
            take(&agent, id);
            // As if the one before it were long ago.
            agent.state().last_event = UNIX_EPOCH;
            agent.invoked(id, deadline_in(Duration::from_secs(5))).await;
            while !agent.otlp.as_ref().unwrap().is_down() {
                tokio::task::yield_now().await;
            }
            seen.push(tries.load(Ordering::Relaxed));
        }
        // Metrics and traces, of which there is something.
        assert_eq!(seen, [2, 2, 2]);
    }
}

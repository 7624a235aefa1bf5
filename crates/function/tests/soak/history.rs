//! Runs one history: the changes of the sources, and the deliveries of their events.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Cursor;
use std::ops::AddAssign;
use std::time::Duration;

use emulator::{InjectedResponse, Invocation};
use fastrand::Rng;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::invariants::{FOREIGN, SourceState, check_manifest, check_outputs, check_replacements};
use crate::notification::record;
use crate::test_system::{SourceChange, TestSystem};

/// The colors of sources. There are only three colors, so a source often returns to earlier content and therefore to an
/// earlier ETag.
const COLORS: [[u8; 3]; 3] = [[200, 30, 30], [30, 160, 30], [30, 30, 200]];
/// The number of failed deliveries after which an event becomes a dead letter. At the end of the history, the test
/// sends dead letters again, without faults.
const MAX_DELIVERIES: u32 = 6;
/// The maximum number of invocations that run at the same time.
const MAX_CONCURRENT_INVOCATIONS: usize = 3;
/// Clients send HTTP requests in the histories of every second group of this number of seeds. The other histories have only
/// events. The number differs from the number of test systems, so that each test system has both kinds of histories.
const SEEDS_PER_GROUP: u64 = 10;

/// The numbers of changes, deliveries and failures in one or more histories.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    source_changes: u32,
    deliveries: u32,
    failed_deliveries: u32,
    dead_letters: u32,
    unreadable_periods: u32,
    settings_changes: u32,
    pruned: u32,
    requests: u32,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.source_changes += other.source_changes;
        self.deliveries += other.deliveries;
        self.failed_deliveries += other.failed_deliveries;
        self.dead_letters += other.dead_letters;
        self.unreadable_periods += other.unreadable_periods;
        self.settings_changes += other.settings_changes;
        self.pruned += other.pruned;
        self.requests += other.requests;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            source_changes,
            deliveries,
            failed_deliveries,
            dead_letters,
            unreadable_periods,
            settings_changes,
            pruned,
            requests,
        } = self;
        write!(
            to,
            "{source_changes} changes of sources, {unreadable_periods} times a source became unreadable, {deliveries} \
             deliveries, {failed_deliveries} failed deliveries, {dead_letters} dead letters sent again, {settings_changes} \
             changes of the settings, {pruned} pruned outputs, {requests} HTTP requests"
        )
    }
}

/// The reason that a source is temporarily unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnreadableCause {
    /// S3 returns 403 for GET, for example because the KMS key is disabled.
    ReadDenied,
    /// S3 returns 403 for GET and HEAD, because a policy denies both.
    ReadAndLookUpDenied,
    /// The source is archived until it is restored or replaced.
    Archived,
}

impl UnreadableCause {
    fn s3_responses(self, key: &str) -> Vec<InjectedResponse> {
        match self {
            Self::ReadDenied => vec![InjectedResponse::access_denied("GetObject", key)],
            Self::ReadAndLookUpDenied => {
                ["GetObject", "HeadObject"].map(|name| InjectedResponse::access_denied(name, key)).to_vec()
            }
            Self::Archived => vec![InjectedResponse::archived(key)],
        }
    }
}

/// An event that has not been delivered.
struct QueuedEvent {
    event: Value,
    failed_deliveries: u32,
}

/// The state of a running history.
struct Simulation<'system> {
    system: &'system TestSystem,
    random: Rng,
    counts: Counts,
    /// The current version of the settings. Running invocations keep their version.
    settings: usize,
    queued_events: Vec<QueuedEvent>,
    /// The running invocations. Each invocation returns its event, and true if the invocation succeeded.
    running_invocations: JoinSet<(QueuedEvent, bool)>,
    kills: JoinSet<()>,
    /// The running HTTP requests.
    requests: JoinSet<Invocation>,
    /// The sources that are currently unreadable.
    unreadable: BTreeMap<String, UnreadableCause>,
    /// The events that are delivered at the end, without faults. These events are delayed events and dead letters.
    final_events: Vec<Value>,
}

/// Runs the history of this seed. Returns the violations of the invariants.
pub(crate) async fn run_history(system: &TestSystem, seed: u64) -> (Counts, Vec<String>) {
    system.start_faults(seed);
    let (counts, settings, queued_events, running_invocations, kills, requests, unreadable, final_events) =
        Default::default();
    let random = Rng::with_seed(seed);
    let mut simulation = Simulation {
        system,
        random,
        counts,
        settings,
        queued_events,
        running_invocations,
        kills,
        requests,
        unreadable,
        final_events,
    };
    let keys: Vec<String> = (0..simulation.random.usize(1..=2)).map(|number| format!("h{seed}/{number}.png")).collect();
    for key in &keys {
        let foreign = system.client.put_object().bucket("photos").key(system.outputs[0].foreign_object(key));
        foreign.body(FOREIGN.to_vec().into()).send().await.unwrap();
    }
    drop(system.take_calls());
    let mut states: Vec<Vec<SourceState>> = vec![vec![]; keys.len()];
    let has_requests = seed / SEEDS_PER_GROUP % 2 == 1;
    for _ in 0..simulation.random.usize(2..=6) {
        let source = simulation.random.usize(0..keys.len());
        let state = simulation.change_source(&keys[source], states[source].last()).await;
        states[source].push(state);
        simulation.change_readability(&keys, &states);
        simulation.change_settings();
        if has_requests && simulation.random.bool() {
            simulation.start_request(&keys[source]);
        }
        for _ in 0..simulation.random.usize(0..=3) {
            simulation.start_or_await_invocation().await;
        }
    }
    while !simulation.queued_events.is_empty() || !simulation.running_invocations.is_empty() {
        simulation.start_or_await_invocation().await;
    }
    while simulation.requests.join_next().await.is_some() {}
    let mut violations = simulation.deliver_final_events(&keys, &states).await;
    if simulation.counts.settings_changes > 0 {
        violations.extend(simulation.convert_existing_sources(&keys, &states).await);
    }
    let (calls, outputs) = (system.take_calls(), system.outputs[simulation.settings]);
    if simulation.counts.settings_changes > 0 {
        violations.extend(simulation.prune(&keys, seed).await);
    }
    for (key, states) in keys.iter().zip(&states) {
        let state = states.last().cloned().unwrap_or(SourceState::Absent);
        violations.extend(check_outputs(system, outputs, key, &state).await);
        violations.extend(check_replacements(system.outputs, key, &calls));
        violations.extend(check_manifest(outputs, key, &state, &calls));
    }
    (simulation.counts, violations)
}

impl Simulation<'_> {
    /// Starts an HTTP request for a random variant. A client does not repeat a request that fails.
    fn start_request(&mut self, key: &str) {
        let variants = self.system.outputs[self.settings].variants(key);
        let path = format!("/{}", variants[self.random.usize(0..variants.len())]);
        let lambda = self.system.choose_environment(self.settings, &mut self.random).lambda.clone();
        self.counts.requests += 1;
        self.requests.spawn(async move { lambda.invoke(http_request(&path)).await });
    }

    /// Puts or deletes a source, and queues one or more copies of the event of this change.
    async fn change_source(&mut self, key: &str, state: Option<&SourceState>) -> SourceState {
        let client = &self.system.client;
        let exists = matches!(state, Some(SourceState::Present { .. }));
        let (state, change) = if exists && self.random.u8(0..4) == 0 {
            let deleted = client.delete_object().bucket("photos").key(key).send().await.unwrap();
            (SourceState::Absent, SourceChange { etag: None, version: deleted.version_id })
        } else {
            let color = COLORS[self.random.usize(0..COLORS.len())];
            let put = client.put_object().bucket("photos").key(key).body(png(color).into()).send().await.unwrap();
            let etag = put.e_tag.unwrap().trim_matches('"').to_owned();
            let change = SourceChange { etag: Some(etag.clone()), version: put.version_id };
            (SourceState::Present { color, etag }, change)
        };
        let event = self.system.receive_event(key, &change).await;
        self.counts.source_changes += 1;
        if self.unreadable.get(key) == Some(&UnreadableCause::Archived) {
            // A new object is not archived, and a deleted object does not exist. Therefore the source is no longer in
            // the archive.
            self.unreadable.remove(key);
            self.inject_responses();
        }
        for copy in 0..self.random.u32(1..=3) {
            if copy > 0 && self.random.u8(0..3) == 0 {
                self.final_events.push(event.clone());
            } else {
                self.queued_events.push(QueuedEvent { event: event.clone(), failed_deliveries: 0 });
            }
        }
        state
    }

    /// Sometimes makes a source unreadable, or makes an unreadable source readable.
    fn change_readability(&mut self, keys: &[String], states: &[Vec<SourceState>]) {
        if !self.system.can_inject_responses() || self.random.u8(0..3) > 0 {
            return;
        }
        let source = self.random.usize(0..keys.len());
        if self.unreadable.contains_key(&keys[source]) {
            self.make_readable(&keys[source], states[source].last());
        } else if matches!(states[source].last(), Some(SourceState::Present { .. })) {
            let causes = [UnreadableCause::ReadDenied, UnreadableCause::ReadAndLookUpDenied, UnreadableCause::Archived];
            self.unreadable.insert(keys[source].clone(), causes[self.random.usize(0..causes.len())]);
            self.counts.unreadable_periods += 1;
        }
        self.inject_responses();
    }

    /// Makes a source readable. If the source was archived, queues the event of its restore. This event has no
    /// sequencer.
    fn make_readable(&mut self, key: &str, state: Option<&SourceState>) {
        let cause = self.unreadable.remove(key);
        if let (Some(UnreadableCause::Archived), Some(SourceState::Present { etag, .. })) = (cause, state) {
            let restored = record("ObjectRestore:Completed", &json!({ "key": key, "eTag": etag }));
            self.queued_events.push(QueuedEvent { event: json!({ "Records": [restored] }), failed_deliveries: 0 });
        }
    }

    fn inject_responses(&self) {
        let responses = self.unreadable.iter().flat_map(|(key, cause)| cause.s3_responses(key));
        self.system.inject_responses(responses.collect());
    }

    /// Sometimes changes to the other version of the settings, as a new version of the function has them.
    fn change_settings(&mut self) {
        if self.random.u8(0..5) == 0 {
            self.settings = 1 - self.settings;
            self.counts.settings_changes += 1;
        }
    }

    /// Converts the sources that exist, as a backfill after a change of the settings does.
    async fn convert_existing_sources(&mut self, keys: &[String], states: &[Vec<SourceState>]) -> Vec<String> {
        let mut violations = vec![];
        for (key, states) in keys.iter().zip(states) {
            if let Some(SourceState::Present { .. }) = states.last() {
                let lambda = &self.system.choose_environment(self.settings, &mut self.random).lambda;
                if let Err(error) = lambda.invoke(json!({ "bucket": "photos", "key": key })).await.result {
                    violations.push(format!("the conversion of {key} after a change of the settings failed: {error}"));
                }
            }
        }
        violations
    }

    /// Prunes the outputs of this history. Returns a violation for each deleted output that the settings contain.
    async fn prune(&mut self, keys: &[String], seed: u64) -> Vec<String> {
        let pruned = self.system.prune(self.settings, format!("h{seed}/")).await;
        self.counts.pruned += u32::try_from(pruned.len()).unwrap();
        let outputs = self.system.outputs[self.settings];
        let required = |key: &String| outputs.variants(key).into_iter().chain(outputs.manifest(key));
        let required: Vec<String> = keys.iter().flat_map(required).collect();
        pruned.iter().filter(|key| required.contains(key)).map(|key| format!("{key} was pruned")).collect()
    }

    /// Starts an invocation with a random queued event. If no event is queued or the maximum number of invocations is
    /// running, waits for a running invocation.
    async fn start_or_await_invocation(&mut self) {
        if self.running_invocations.len() >= MAX_CONCURRENT_INVOCATIONS || self.queued_events.is_empty() {
            if let Some(result) = self.running_invocations.join_next().await {
                self.handle_result(result.unwrap());
            }
            return;
        }
        let queued = self.queued_events.swap_remove(self.random.usize(0..self.queued_events.len()));
        let lambda = self.system.choose_environment(self.settings, &mut self.random).lambda.clone();
        self.counts.deliveries += 1;
        if self.system.needs_kills() && self.random.u8(0..6) == 0 {
            // The test kills the process after a random delay.
            let (killed, delay) = (lambda.clone(), Duration::from_millis(self.random.u64(0..60)));
            self.kills.spawn(async move {
                tokio::time::sleep(delay).await;
                killed.kill();
            });
        }
        self.running_invocations.spawn(async move {
            let is_success = lambda.invoke(queued.event.clone()).await.result.is_ok();
            (queued, is_success)
        });
    }

    /// Queues the event of a failed invocation again, or makes it a dead letter.
    fn handle_result(&mut self, (queued, is_success): (QueuedEvent, bool)) {
        if is_success {
            return;
        }
        self.counts.failed_deliveries += 1;
        let queued = QueuedEvent { failed_deliveries: queued.failed_deliveries + 1, ..queued };
        if queued.failed_deliveries < MAX_DELIVERIES {
            self.queued_events.push(queued);
        } else {
            self.counts.dead_letters += 1;
            self.final_events.push(queued.event);
        }
    }

    /// Stops all faults and delivers the remaining events. Returns a violation for each event that fails.
    async fn deliver_final_events(&mut self, keys: &[String], states: &[Vec<SourceState>]) -> Vec<String> {
        self.system.stop_faults();
        self.kills.shutdown().await;
        for (key, states) in keys.iter().zip(states) {
            self.make_readable(key, states.last());
        }
        self.inject_responses();
        self.final_events.extend(self.queued_events.drain(..).map(|queued| queued.event));
        self.random.shuffle(&mut self.final_events);
        let mut violations = vec![];
        for event in std::mem::take(&mut self.final_events) {
            let environment = self.system.choose_environment(self.settings, &mut self.random);
            self.counts.deliveries += 1;
            if let Err(error) = environment.lambda.invoke(event).await.result {
                violations.push(format!("an invocation without faults failed: {error}"));
            }
        }
        violations
    }
}

/// Returns the event of a function URL for this path.
fn http_request(path: &str) -> Value {
    let context = json!({ "domainName": "abc.lambda-url.us-east-1.on.aws", "http": { "method": "GET" } });
    json!({ "version": "2.0", "rawPath": path, "headers": {}, "requestContext": context })
}

/// Returns an image of one color.
fn png(color: [u8; 3]) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    RgbImage::from_pixel(8, 8, Rgb(color)).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

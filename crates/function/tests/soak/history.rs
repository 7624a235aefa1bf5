//! One history: what is done to the sources, and how their events come.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Cursor;
use std::ops::AddAssign;
use std::time::Duration;

use emulator::Refusal;
use fastrand::Rng;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::invariants::{State, agreement, replaced_by_older};
use crate::notification::record;
use crate::test_system::{World, Written};

/// Few enough that a source is often what it was before: those states have equal entity tags.
const COLORS: [[u8; 3]; 3] = [[200, 30, 30], [30, 160, 30], [30, 30, 200]];
/// How often an event is delivered before it is a dead letter, which somebody sends again when all is well.
const DELIVERIES: u32 = 6;
/// Events under way at a time.
const SIDE_BY_SIDE: usize = 3;

/// What was done.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    writes: u32,
    deliveries: u32,
    failed: u32,
    dead: u32,
    unreadable: u32,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.writes += other.writes;
        self.deliveries += other.deliveries;
        self.failed += other.failed;
        self.dead += other.dead;
        self.unreadable += other.unreadable;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { writes, deliveries, failed, dead, unreadable } = self;
        write!(
            to,
            "{writes} writes, {unreadable} times a source became unreadable, {deliveries} deliveries, {failed} of them \
             failed, {dead} dead letters sent again"
        )
    }
}

/// Why a source that exists cannot be read for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unreadable {
    /// 403 on GET: its KMS key is disabled, say.
    ReadDenied,
    /// 403 on GET and HEAD: a policy denies both.
    ReadAndLookUpDenied,
    /// It is archived, until it is restored or written anew.
    Archived,
}

impl Unreadable {
    fn refusals(self, key: &str) -> Vec<Refusal> {
        match self {
            Self::ReadDenied => vec![Refusal::denied("GetObject", key)],
            Self::ReadAndLookUpDenied => ["GetObject", "HeadObject"].map(|name| Refusal::denied(name, key)).to_vec(),
            Self::Archived => vec![Refusal::archived(key)],
        }
    }
}

/// An event on its way, and how often it was delivered.
struct Letter {
    event: Value,
    deliveries: u32,
}

struct Life<'world> {
    world: &'world World,
    random: Rng,
    tally: Tally,
    waiting: Vec<Letter>,
    under_way: JoinSet<(Letter, bool)>,
    kills: JoinSet<()>,
    /// The sources that cannot be read now.
    unreadable: BTreeMap<String, Unreadable>,
    /// What comes only when all is well again: kept back, or failed too often.
    late: Vec<Value>,
}

/// Lives through the history of that seed, and tells where the promise was broken.
pub(crate) async fn live(world: &World, seed: u64) -> (Tally, Vec<String>) {
    world.begin(seed);
    let (tally, waiting, under_way, kills, unreadable, late) = Default::default();
    let mut life = Life { world, random: Rng::with_seed(seed), tally, waiting, under_way, kills, unreadable, late };
    let keys: Vec<String> = (0..life.random.usize(1..=2)).map(|number| format!("h{seed}/{number}.png")).collect();
    let mut states: Vec<Vec<State>> = vec![vec![]; keys.len()];
    for _ in 0..life.random.usize(2..=6) {
        let source = life.random.usize(0..keys.len());
        let state = life.write(&keys[source], states[source].last()).await;
        states[source].push(state);
        life.change_readability(&keys, &states);
        for _ in 0..life.random.usize(0..=3) {
            life.deliver_one().await;
        }
    }
    while !life.waiting.is_empty() || !life.under_way.is_empty() {
        life.deliver_one().await;
    }
    let mut violations = life.put_right(&keys, &states).await;
    let calls = world.calls();
    for (key, states) in keys.iter().zip(&states) {
        let now = states.last().cloned().unwrap_or(State::Absent);
        violations.extend(agreement(world, key, &now).await);
        violations.extend(replaced_by_older(key, &calls));
    }
    (life.tally, violations)
}

impl Life<'_> {
    /// Does something to a source, and has its event sent once or more.
    async fn write(&mut self, key: &str, before: Option<&State>) -> State {
        let client = &self.world.client;
        let (state, written) = if matches!(before, Some(State::Present { .. })) && self.random.u8(0..4) == 0 {
            let deleted = client.delete_object().bucket("photos").key(key).send().await.unwrap();
            (State::Absent, Written { etag: None, version: deleted.version_id })
        } else {
            let color = COLORS[self.random.usize(0..COLORS.len())];
            let put = client.put_object().bucket("photos").key(key).body(png(color).into()).send().await.unwrap();
            let etag = put.e_tag.unwrap().trim_matches('"').to_owned();
            (State::Present { color, etag: etag.clone() }, Written { etag: Some(etag), version: put.version_id })
        };
        let event = self.world.event_of(key, &written).await;
        self.tally.writes += 1;
        if self.unreadable.get(key) == Some(&Unreadable::Archived) {
            // What was written anew is not archived, and what was deleted is not there.
            self.unreadable.remove(key);
            self.refuse();
        }
        for copy in 0..self.random.u32(1..=3) {
            if copy > 0 && self.random.u8(0..3) == 0 {
                self.late.push(event.clone());
            } else {
                self.waiting.push(Letter { event: event.clone(), deliveries: 0 });
            }
        }
        state
    }

    /// Makes a source unreadable, or readable again.
    fn change_readability(&mut self, keys: &[String], states: &[Vec<State>]) {
        if !self.world.can_refuse() || self.random.u8(0..3) > 0 {
            return;
        }
        let source = self.random.usize(0..keys.len());
        if self.unreadable.contains_key(&keys[source]) {
            self.make_readable(&keys[source], states[source].last());
        } else if matches!(states[source].last(), Some(State::Present { .. })) {
            let why = [Unreadable::ReadDenied, Unreadable::ReadAndLookUpDenied, Unreadable::Archived];
            self.unreadable.insert(keys[source].clone(), why[self.random.usize(0..why.len())]);
            self.tally.unreadable += 1;
        }
        self.refuse();
    }

    /// A restore has an event of its own, which has no place in the order of events.
    fn make_readable(&mut self, key: &str, state: Option<&State>) {
        let why = self.unreadable.remove(key);
        if let (Some(Unreadable::Archived), Some(State::Present { etag, .. })) = (why, state) {
            let restored = record("ObjectRestore:Completed", &json!({ "key": key, "eTag": etag }));
            self.waiting.push(Letter { event: json!({ "Records": [restored] }), deliveries: 0 });
        }
    }

    fn refuse(&self) {
        self.world.refuse(self.unreadable.iter().flat_map(|(key, why)| why.refusals(key)).collect());
    }

    /// Sends any one event on its way, or waits for one that is.
    async fn deliver_one(&mut self) {
        if self.under_way.len() >= SIDE_BY_SIDE || self.waiting.is_empty() {
            if let Some(done) = self.under_way.join_next().await {
                self.take_back(done.unwrap());
            }
            return;
        }
        let letter = self.waiting.swap_remove(self.random.usize(0..self.waiting.len()));
        let lambda = self.world.environments[self.random.usize(0..self.world.environments.len())].lambda.clone();
        self.tally.deliveries += 1;
        if self.world.wants_kills() && self.random.u8(0..6) == 0 {
            // In the midst of whatever it has in hand by then.
            let (killed, after) = (lambda.clone(), Duration::from_millis(self.random.u64(0..60)));
            self.kills.spawn(async move {
                tokio::time::sleep(after).await;
                killed.kill();
            });
        }
        self.under_way.spawn(async move {
            let done = lambda.invoke(letter.event.clone()).await.result.is_ok();
            (letter, done)
        });
    }

    fn take_back(&mut self, (letter, done): (Letter, bool)) {
        if done {
            return;
        }
        self.tally.failed += 1;
        let letter = Letter { deliveries: letter.deliveries + 1, ..letter };
        if letter.deliveries < DELIVERIES {
            self.waiting.push(letter);
        } else {
            self.tally.dead += 1;
            self.late.push(letter.event);
        }
    }

    /// Nothing goes wrong any more, and what is left is sent. All of that has to succeed.
    async fn put_right(&mut self, keys: &[String], states: &[Vec<State>]) -> Vec<String> {
        self.world.rest();
        self.kills.shutdown().await;
        for (key, states) in keys.iter().zip(states) {
            self.make_readable(key, states.last());
        }
        self.refuse();
        self.late.extend(self.waiting.drain(..).map(|letter| letter.event));
        self.random.shuffle(&mut self.late);
        let mut violations = vec![];
        for event in std::mem::take(&mut self.late) {
            let environment = &self.world.environments[self.random.usize(0..self.world.environments.len())];
            self.tally.deliveries += 1;
            if let Err(error) = environment.lambda.invoke(event).await.result {
                violations.push(format!("failed although nothing went wrong: {error}"));
            }
        }
        violations
    }
}

/// An image of one color.
fn png(color: [u8; 3]) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    RgbImage::from_pixel(8, 8, Rgb(color)).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

//! What goes wrong between a function and its S3, chosen by a seed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::Request;
use fastrand::Rng;

use super::refusal::Refusal;

/// Of a thousand requests, how many meet each fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// They wait, for 20 ms at most.
    pub late: u16,
    /// They are answered by 500, 503 or a reset, and have no effect.
    pub refused: u16,
    /// They are answered by 500 or a reset, and had their effect.
    pub lost: u16,
    /// Of those that read: the body ends half-way.
    pub truncated: u16,
    /// Of those that read: a bit of the body is another.
    pub corrupt: u16,
    /// Of those that write on a condition: 409, as where another write is under way.
    pub conflict: u16,
    /// The process that made them is to be killed, before or after they had their effect.
    pub killed: u16,
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Late(Duration),
    Refused(Trouble),
    Lost(Trouble),
    Truncated,
    Corrupt,
    Conflict,
    KilledBefore,
    KilledAfter,
}

/// How a request ends that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    InternalError,
    SlowDown,
    Reset,
}

/// What is known of a request beforehand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) reads: bool,
    pub(super) on_condition: bool,
}

/// Faults from a seed: the same requests in the same order meet the same ones. Clones share them.
#[derive(Debug, Clone)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    rates: Rates,
    random: Mutex<Rng>,
    resting: AtomicBool,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    refusals: Mutex<Vec<Refusal>>,
}

impl Faults {
    /// Those of that seed, at these rates.
    #[must_use]
    pub fn new(seed: u64, rates: Rates) -> Self {
        let (random, resting, counts) = (Mutex::new(Rng::with_seed(seed)), AtomicBool::new(false), Mutex::default());
        Self { inner: Arc::new(Inner { rates, random, resting, counts, refusals: Mutex::default() }) }
    }

    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self::new(0, Rates::default())
    }

    /// From here on nothing goes wrong.
    pub fn rest(&self) {
        self.inner.resting.store(true, Ordering::Relaxed);
    }

    /// From here on things go wrong again, by that seed.
    pub fn begin_anew(&self, seed: u64) {
        *self.inner.random.lock().unwrap_or_else(PoisonError::into_inner) = Rng::with_seed(seed);
        self.inner.resting.store(false, Ordering::Relaxed);
    }

    /// From here on these requests are refused, whether or not other things go wrong, and no others.
    pub fn refuse(&self, refusals: Vec<Refusal>) {
        *self.inner.refusals.lock().unwrap_or_else(PoisonError::into_inner) = refusals;
    }

    /// The refusal that answers the request.
    pub(super) fn refusal<B>(&self, request: &Request<B>) -> Option<Refusal> {
        let refusals = self.inner.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = refusals.iter().find(|refusal| refusal.is_of(request))?.clone();
        drop(refusals);
        *self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(refusal.code).or_default() += 1;
        Some(refusal)
    }

    /// How many there were of each, by name; of refusals by their code.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the next request meets.
    pub(super) fn next(&self, kind: Kind) -> Option<Fault> {
        let Inner { rates, random, resting, counts, .. } = &*self.inner;
        let fault = choose(rates, &mut random.lock().unwrap_or_else(PoisonError::into_inner), kind)?;
        if resting.load(Ordering::Relaxed) {
            return None;
        }
        let name = match fault {
            Fault::Late(_) => "late",
            Fault::Refused(_) => "refused",
            Fault::Lost(_) => "lost",
            Fault::Truncated => "truncated",
            Fault::Corrupt => "corrupt",
            Fault::Conflict => "conflict",
            Fault::KilledBefore | Fault::KilledAfter => "killed",
        };
        *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Some(fault)
    }
}

fn choose(rates: &Rates, random: &mut Rng, kind: Kind) -> Option<Fault> {
    let trouble = |random: &mut Rng| match random.u8(0..8) {
        0 => Trouble::SlowDown,
        1..4 => Trouble::Reset,
        _ => Trouble::InternalError,
    };
    let mut drawn = random.u16(0..1000);
    let mut met = |rate: u16| {
        let met = drawn < rate;
        drawn = if met { u16::MAX } else { drawn - rate };
        met
    };
    if met(rates.late) {
        return Some(Fault::Late(Duration::from_millis(random.u64(0..=20))));
    }
    if met(rates.refused) {
        return Some(Fault::Refused(trouble(random)));
    }
    if met(rates.lost) {
        return Some(Fault::Lost(trouble(random)));
    }
    if met(rates.killed) {
        return Some(if random.bool() { Fault::KilledBefore } else { Fault::KilledAfter });
    }
    if met(rates.truncated) {
        return kind.reads.then_some(Fault::Truncated);
    }
    if met(rates.corrupt) {
        return kind.reads.then_some(Fault::Corrupt);
    }
    (met(rates.conflict) && kind.on_condition).then_some(Fault::Conflict)
}

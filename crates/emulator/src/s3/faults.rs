//! Faults between a client and the server, chosen by a seeded random generator.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::Request;
use fastrand::Rng;

use super::injected_response::InjectedResponse;

/// The rate of each fault: the number of requests out of 1,000 that have this fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// The request is delayed by up to 20 ms.
    pub delayed: u16,
    /// The request is not executed. The client receives 500, 503 or a reset connection.
    pub unavailable: u16,
    /// The request is executed, but the client receives 500 or a reset connection.
    pub response_lost: u16,
    /// Reads only: the body ends after its first half.
    pub truncated: u16,
    /// Reads only: one bit of the body is flipped.
    pub corrupted: u16,
    /// Conditional writes only: the response is 409, as if another write were in progress.
    pub conflict: u16,
    /// The caller must kill the client's process, before or after the request is executed.
    pub killed: u16,
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Delayed(Duration),
    Unavailable(FailureKind),
    ResponseLost(FailureKind),
    Truncated,
    Corrupted,
    Conflict,
    KilledBefore,
    KilledAfter,
}

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    InternalError,
    SlowDown,
    Reset,
}

/// The properties of a request that decide which faults are possible.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestKind {
    pub(super) is_read: bool,
    pub(super) is_conditional_write: bool,
}

/// A sequence of random faults. With the same seed, the same requests in the same order have the same faults. Clones
/// share the sequence.
#[derive(Debug, Clone)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    rates: FaultRates,
    random: Mutex<Rng>,
    is_paused: AtomicBool,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    injected_responses: Mutex<Vec<InjectedResponse>>,
}

impl Faults {
    /// Creates a sequence of faults from a seed, with these rates.
    #[must_use]
    pub fn new(seed: u64, rates: FaultRates) -> Self {
        let (random, is_paused) = (Mutex::new(Rng::with_seed(seed)), AtomicBool::new(false));
        let (counts, injected_responses) = Default::default();
        Self { inner: Arc::new(Inner { rates, random, is_paused, counts, injected_responses }) }
    }

    /// Creates a sequence without random faults. Responses can still be injected.
    #[must_use]
    pub fn none() -> Self {
        Self::new(0, FaultRates::default())
    }

    /// Stops random faults until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.inner.is_paused.store(true, Ordering::Relaxed);
    }

    /// Starts a new sequence of random faults from the seed.
    pub fn resume(&self, seed: u64) {
        *self.inner.random.lock().unwrap_or_else(PoisonError::into_inner) = Rng::with_seed(seed);
        self.inner.is_paused.store(false, Ordering::Relaxed);
    }

    /// Replaces the injected responses. They take precedence over random faults, and are also used while random faults
    /// are paused.
    pub fn inject(&self, responses: Vec<InjectedResponse>) {
        *self.inner.injected_responses.lock().unwrap_or_else(PoisonError::into_inner) = responses;
    }

    /// Returns and counts the injected response to this request, if there is one.
    pub(super) fn injected_response<B>(&self, request: &Request<B>) -> Option<InjectedResponse> {
        let responses = self.inner.injected_responses.lock().unwrap_or_else(PoisonError::into_inner);
        let response = responses.iter().find(|response| response.applies_to(request))?.clone();
        drop(responses);
        *self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(response.code).or_default() += 1;
        Some(response)
    }

    /// Returns how often each fault and each injected response was used, by the fault's name and the response's code.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the fault of the next request, if it has one.
    pub(super) fn next(&self, kind: RequestKind) -> Option<Fault> {
        let Inner { rates, random, is_paused, counts, .. } = &*self.inner;
        let fault = choose(rates, &mut random.lock().unwrap_or_else(PoisonError::into_inner), kind)?;
        if is_paused.load(Ordering::Relaxed) {
            return None;
        }
        let name = match fault {
            Fault::Delayed(_) => "delayed",
            Fault::Unavailable(_) => "unavailable",
            Fault::ResponseLost(_) => "response_lost",
            Fault::Truncated => "truncated",
            Fault::Corrupted => "corrupted",
            Fault::Conflict => "conflict",
            Fault::KilledBefore | Fault::KilledAfter => "killed",
        };
        *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Some(fault)
    }
}

fn choose(rates: &FaultRates, random: &mut Rng, kind: RequestKind) -> Option<Fault> {
    let failure = |random: &mut Rng| match random.u8(0..8) {
        0 => FailureKind::SlowDown,
        1..4 => FailureKind::Reset,
        _ => FailureKind::InternalError,
    };
    let mut drawn = random.u16(0..1000);
    let mut is_met = |rate: u16| {
        let is_met = drawn < rate;
        drawn = if is_met { u16::MAX } else { drawn - rate };
        is_met
    };
    if is_met(rates.delayed) {
        return Some(Fault::Delayed(Duration::from_millis(random.u64(0..=20))));
    }
    if is_met(rates.unavailable) {
        return Some(Fault::Unavailable(failure(random)));
    }
    if is_met(rates.response_lost) {
        return Some(Fault::ResponseLost(failure(random)));
    }
    if is_met(rates.killed) {
        return Some(if random.bool() { Fault::KilledBefore } else { Fault::KilledAfter });
    }
    if is_met(rates.truncated) {
        return kind.is_read.then_some(Fault::Truncated);
    }
    if is_met(rates.corrupted) {
        return kind.is_read.then_some(Fault::Corrupted);
    }
    (is_met(rates.conflict) && kind.is_conditional_write).then_some(Fault::Conflict)
}

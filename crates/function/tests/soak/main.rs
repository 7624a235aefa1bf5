//! The promise, under fire: for every event delivered, in any order, any number of times, through any crash, the newest
//! source's variants are what is stored in the end.
//!
//! Histories of one or two sources are lived through at random: put, overwritten (also by what was there before), deleted;
//! their events come twice, late and out of order, to environments that work side by side and are killed in the midst of
//! it, over an S3 that answers late, wrongly or not at all, and whose sources cannot be read for a while: a read is denied,
//! or the source is archived and restored later. Each has a seed; what it does is the same each time, and only
//! how the processes interleave is not.
//!
//!     SOAK_HISTORIES=2000 cargo nextest run --cargo-profile quick --package function --test soak
//!     SOAK_SEED=17 SOAK_HISTORIES=1 …      # one history again
//!     SOAK_UNCONDITIONAL=1 …               # with an S3 that minds no condition: this has to find violations
//!     SOAK_UNLISTED=1 …                    # with listings that contain nothing, so that a source whose read is denied
//!                                          # passes for a deleted one: this has to find violations

#![expect(clippy::print_stderr, clippy::unwrap_used, reason = "a test fails by panicking, and says what it did")]

#[path = "../it/bootstrap.rs"]
mod bootstrap;
mod corrupted_files;
mod history;
mod invariants;
#[path = "../it/moto.rs"]
mod moto;
#[path = "../it/notification.rs"]
mod notification;
mod queue_batches;
mod test_system;

use std::collections::BTreeMap;
use std::str::FromStr;

use futures_util::{StreamExt, stream};

use history::{Tally, live};
use test_system::World;

/// Worlds side by side, each with environments of its own: much of a history is waiting.
const LANES: usize = 8;

#[expect(clippy::disallowed_methods, reason = "how long a soak takes is told to the test, not to the product")]
fn setting<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_sources_variants_are_what_is_stored_in_the_end() {
    let [heedless, unlisted] = ["SOAK_UNCONDITIONAL", "SOAK_UNLISTED"].map(|name| setting::<u8>(name).is_some());
    let world = |lane| World::new(lane, heedless, unlisted);
    let violations = soak(setting("SOAK_HISTORIES").unwrap_or(300), LANES, world).await;
    assert!(
        violations.is_empty() != (heedless || unlisted),
        "{} violations\n{}",
        violations.len(),
        violations.join("\n")
    );
}

/// Without faults but kills: what is to be seen is another S3, and versions.
#[tokio::test(flavor = "multi_thread")]
async fn by_moto_the_newest_sources_variants_are_what_is_stored_in_the_end() {
    let violations = soak(setting("SOAK_HISTORIES").map_or(60, |all: usize| all / 10), 2, World::by_moto).await;
    assert!(violations.is_empty(), "{} violations\n{}", violations.len(), violations.join("\n"));
}

/// Lives through so many histories, and gives what broke the promise.
async fn soak<W: Future<Output = World>>(histories: usize, lanes: usize, world: impl Fn(usize) -> W) -> Vec<String> {
    let first: u64 = setting("SOAK_SEED").unwrap_or(1);
    // A seed has its lane, so that it is the same history when it is lived through alone.
    let seeds = |lane: usize| (first..first + histories as u64).filter(move |seed| seed % lanes as u64 == lane as u64);
    let done = stream::iter((0..lanes).filter(|lane| seeds(*lane).next().is_some())).map(async |lane| {
        let world = world(lane).await;
        let (mut tally, mut violations) = (Tally::default(), vec![]);
        for seed in seeds(lane) {
            let (done, found) = live(&world, seed).await;
            tally += done;
            violations.extend(found.into_iter().map(|violation| format!("SOAK_SEED={seed}: {violation}")));
        }
        (tally, violations, world.faults())
    });
    let done: Vec<_> = done.buffer_unordered(lanes).collect().await;
    let (mut tally, mut violations, mut faults) = (Tally::default(), vec![], BTreeMap::<&str, u64>::new());
    for (lived, found, met) in done {
        tally += lived;
        violations.extend(found);
        for (fault, count) in met {
            *faults.entry(fault).or_default() += count;
        }
    }
    eprintln!("{histories} histories from seed {first}: {tally}; faults: {faults:?}; violations: {}", violations.len());
    violations
}

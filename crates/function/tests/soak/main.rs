//! Tests random sequences of events with faults. At the end of a sequence, the stored outputs must match the newest
//! source. Events are delivered in any order and any number of times, and processes are killed.
//!
//! A history is a random sequence of changes to one or two sources. A source is created, overwritten (also with earlier
//! content) or deleted. The events of the changes arrive repeatedly, late and out of order. Several execution
//! environments handle the events concurrently, and their processes are killed during this work. S3 responds late,
//! incorrectly or not at all. Some sources are temporarily unreadable: S3 denies the read, or the source is archived
//! and restored later. Each history has a seed. The same seed gives the same sequence of changes; only the timing of
//! the processes differs between two runs.
//!
//!     SOAK_HISTORIES=2000 cargo nextest run --cargo-profile quick --package function --test soak
//!     SOAK_SEED=17 SOAK_HISTORIES=1 …      # repeat one history
//!     SOAK_UNCONDITIONAL=1 …               # S3 ignores conditions: the test must find violations
//!     SOAK_UNLISTED=1 …                    # S3 returns empty listings, so a source with a denied read looks deleted:
//!                                          # the test must find violations

#![expect(clippy::print_stderr, clippy::unwrap_used, reason = "a test fails by panicking and prints a summary")]

#[path = "../it/bootstrap.rs"]
mod bootstrap;
mod corrupted_files;
mod history;
mod invariants;
#[path = "../it/manifest_fields.rs"]
mod manifest_fields;
#[expect(dead_code, reason = "only the tests in `it` use all clients of this module")]
#[path = "../it/moto.rs"]
mod moto;
#[path = "../it/notification.rs"]
mod notification;
mod outputs;
mod queue_batches;
mod test_system;

use std::collections::BTreeMap;
use std::str::FromStr;

use futures_util::{StreamExt, stream};

use history::{Counts, run_history};
use test_system::TestSystem;

/// The number of test systems that run at the same time. Each test system has its own execution environments. A history
/// waits most of the time, so concurrent test systems reduce the run time of the test.
const CONCURRENT_SYSTEMS: usize = 9;

#[expect(clippy::disallowed_methods, reason = "the SOAK_ variables configure the test, not the product")]
fn read_variable<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_outputs_match_the_newest_source_after_all_events() {
    let [ignores_conditions, hides_listings] =
        ["SOAK_UNCONDITIONAL", "SOAK_UNLISTED"].map(|name| read_variable::<u8>(name).is_some());
    let start_system = |index| TestSystem::with_emulator(index, ignores_conditions, hides_listings);
    let histories = read_variable("SOAK_HISTORIES").unwrap_or(300);
    let violations = run_histories(histories, CONCURRENT_SYSTEMS, start_system).await;
    let expects_violations = ignores_conditions || hides_listings;
    assert!(violations.is_empty() != expects_violations, "{} violations\n{}", violations.len(), violations.join("\n"));
}

/// This test uses moto with a versioned bucket. The only faults are killed processes.
#[tokio::test(flavor = "multi_thread")]
async fn stored_outputs_in_moto_match_the_newest_source_after_all_events() {
    let histories = read_variable("SOAK_HISTORIES").map_or(60, |all: usize| all / 10);
    let violations = run_histories(histories, 3, TestSystem::with_moto).await;
    assert!(violations.is_empty(), "{} violations\n{}", violations.len(), violations.join("\n"));
}

/// Runs this number of histories in concurrent test systems. Returns the violations.
async fn run_histories<S: Future<Output = TestSystem>>(
    histories: usize,
    systems: usize,
    start_system: impl Fn(usize) -> S,
) -> Vec<String> {
    let first: u64 = read_variable("SOAK_SEED").unwrap_or(1);
    // The seed determines the test system, so that a repeated history runs in the same test system as in the first run.
    let seeds =
        |index: usize| (first..first + histories as u64).filter(move |seed| seed % systems as u64 == index as u64);
    let runs = stream::iter((0..systems).filter(|index| seeds(*index).next().is_some())).map(async |index| {
        let system = start_system(index).await;
        let (mut counts, mut violations) = (Counts::default(), vec![]);
        for seed in seeds(index) {
            let (history_counts, history_violations) = run_history(&system, seed).await;
            counts += history_counts;
            violations.extend(history_violations.into_iter().map(|violation| format!("SOAK_SEED={seed}: {violation}")));
        }
        (counts, violations, system.fault_counts())
    });
    let runs: Vec<_> = runs.buffer_unordered(systems).collect().await;
    let (mut counts, mut violations, mut faults) = (Counts::default(), vec![], BTreeMap::<&str, u64>::new());
    for (system_counts, system_violations, system_faults) in runs {
        counts += system_counts;
        violations.extend(system_violations);
        for (fault, count) in system_faults {
            *faults.entry(fault).or_default() += count;
        }
    }
    eprintln!(
        "{histories} histories from seed {first}: {counts}; faults: {faults:?}; violations: {}",
        violations.len()
    );
    violations
}

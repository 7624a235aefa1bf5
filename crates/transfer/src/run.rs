use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use model::{Change, Fate, Job, Location, Outcome, Report, Timings};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use crate::fetch::{Fetched, Object, fetch};
use crate::freshness::{are_fresh, mark};
use crate::upload::{Headers, upload};
use crate::work::{Work, milliseconds, work};
use crate::{Error, Plan, Role, Store};

/// Does one job, and reports. It cannot fail: after this edge, failure is data.
///
/// `deadline` is when the answer must be given; work that cannot be done by then is not begun, and work that is not done
/// by then is reported as failed.
pub async fn run(store: &Store, job: Job, plan: &Arc<Plan>, deadline: Option<Instant>) -> Report {
    let mut took = Timings::default();
    let outcome = match attempt(store, &job, plan, deadline, &mut took).await {
        Ok(outcome) => outcome,
        Err(error) => error.outcome(),
    };
    Report { job, outcome, took }
}

async fn attempt(
    store: &Store,
    job: &Job,
    plan: &Arc<Plan>,
    deadline: Option<Instant>,
    took: &mut Timings,
) -> Result<Outcome, Error> {
    let source = &job.source;
    if let Some(why) = nothing_to_do(job)? {
        return Ok(Outcome::Skipped { why: why.into() });
    }
    let places: Vec<Location> =
        plan.recipe.widths.iter().map(|width| plan.layout.place(&source.at, width)).collect::<Result<_, _>>()?;
    if are_fresh(store, source, &places, plan).await? {
        return Ok(Outcome::Skipped { why: "its variants are stored already".into() });
    }

    let begun = Instant::now();
    let fetched = fetch(store, source, plan.limits.bytes).await?;
    took.fetch_ms = milliseconds(begun);
    let Fetched::Object(Object { bytes, etag, cache_control }) = fetched else {
        return Ok(Outcome::Skipped { why: "a newer one took its place, which has an event of its own".into() });
    };

    let time_left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let for_working = Arc::clone(plan);
    let working = off_the_async_threads(&store.turn, deadline, move || work(bytes, &for_working, time_left)).await?;
    let Work { facts, conversion, took: working } = working;
    *took = Timings { fetch_ms: took.fetch_ms, ..working };

    let begun = Instant::now();
    let variants = conversion.variants.into_iter().zip(places).map(|(variant, at)| {
        let larger = variant.bytes.len() as u64 >= facts.bytes && !plan.storing.keep_larger;
        (variant, at, if larger { Fate::Larger } else { Fate::Stored })
    });
    let headers = Headers {
        cache_control: plan.storing.cache_control.clone().or(cache_control),
        metadata: mark(etag.as_deref(), plan),
    };
    let variants = upload(store, variants.collect(), &headers).await?;
    took.store_ms = milliseconds(begun);
    Ok(Outcome::Converted { picture: facts, variants, notes: conversion.notes })
}

/// Why this job needs no work, where it needs none.
fn nothing_to_do(job: &Job) -> Result<Option<&'static str>, Error> {
    match job.change {
        Change::Created => {}
        Change::Removed => return Ok(Some("the source was removed; its variants are left as they are")),
    }
    match Role::of(&job.source.at) {
        Role::Source => Ok(None),
        Role::Output => Ok(Some("it is an AVIF, which is never an input")),
        Role::Folder => Ok(Some("it is a folder")),
        Role::Reserved => Err(Error::Reserved { at: job.source.at.clone() }),
    }
}

/// Works on a thread that may block, when it is its turn. A panic there harms this picture alone.
async fn off_the_async_threads<T: Send + 'static>(
    turn: &Arc<Semaphore>,
    deadline: Option<Instant>,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let begun = Instant::now();
    let turn = Arc::clone(turn);
    let working = async {
        // It is never closed, so this is always a permit.
        let turn = turn.acquire_owned().await;
        // The thread goes on by itself where nobody waits any more: nothing can stop an encoder half-way.
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
    };
    let joined = match deadline {
        None => working.await,
        Some(deadline) => {
            timeout_at(deadline.into(), working).await.map_err(|_| Error::Overran { after: begun.elapsed() })?
        }
    };
    joined.map_err(|error| Error::Panicked { message: said(&*error.into_panic()) })?
}

/// What a panic said. A task that is never cancelled can only fail by one.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_panic_fails_its_own_picture_and_says_what_it_said() {
        let turn = Arc::new(Semaphore::new(1));
        let broken = off_the_async_threads::<()>(&turn, None, || panic!("index out of bounds\nin a decoder")).await;
        let reason = "a panic while converting: index out of bounds in a decoder".to_owned();
        assert_eq!(broken.unwrap_err().outcome(), Outcome::Failed { reason });
        assert!(matches!(off_the_async_threads(&turn, None, || Ok(1)).await, Ok(1)), "the next one is unharmed");
    }

    #[tokio::test]
    async fn what_is_not_done_by_the_deadline_is_reported_then() {
        let turn = Arc::new(Semaphore::new(1));
        let (release, released) = std::sync::mpsc::channel::<()>();
        let deadline = Instant::now() + Duration::from_millis(20);
        let late = off_the_async_threads(&turn, Some(deadline), move || Ok(released.recv())).await;
        assert!(matches!(late.unwrap_err(), Error::Overran { after } if after >= Duration::from_millis(20)));
        // It is still at work, and the next one waits for it.
        let next = off_the_async_threads(&turn, Some(Instant::now()), || Ok(())).await;
        assert!(matches!(next.unwrap_err(), Error::Overran { .. }));
        drop(release);
        assert!(off_the_async_threads(&turn, None, || Ok(())).await.is_ok());
    }
}

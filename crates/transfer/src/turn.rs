//! The memory that the jobs under way share.
//!
//! One image at a time is converted, within the plan's limit on memory. Others may wait for that with their file read,
//! or be on their way into the store, within a limit of their own: so the download of one, the conversion of another and
//! the upload of a third overlap, and what is held is never more than the two limits together.
//!
//! A slow image leaves time for the others: while others wait, it has three quarters of the time that is left, or half if
//! three wait, and is then ended.

use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::sleep;

use crate::Error;
use crate::work::{Request, Time, Work};
use crate::worker::{Conversion, Worker};

/// What is counted: small enough to be fair to thumbnails, and 32 bits of it are 4 TiB.
const UNIT: u64 = 1024;

/// The memory, and whose turn it is.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    converting: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    units: u32,
    /// The number of files that wait for their turn.
    queue: watch::Sender<usize>,
    worker: Worker,
}

/// A file that waits for its turn.
struct Queued<'turns>(&'turns watch::Sender<usize>);

/// Leave to hold one file, until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    _waiting: Option<OwnedSemaphorePermit>,
    /// It is this file's turn already.
    turn: Option<Arc<OwnedSemaphorePermit>>,
}

impl Turns {
    /// With so many bytes for files that wait.
    pub(crate) fn new(waiting: u64, worker: Worker) -> Self {
        let units = u32::try_from(waiting / UNIT).unwrap_or(u32::MAX);
        let waiting = Arc::new(Semaphore::new(units as usize));
        Self { converting: Arc::new(Semaphore::new(1)), waiting, units, queue: watch::Sender::default(), worker }
    }

    /// Leave to hold a file of that size, if there is room for it now.
    pub(crate) fn try_hold(&self, bytes: u64) -> Option<Hold> {
        let units = self.units(bytes)?;
        let waiting = Arc::clone(&self.waiting).try_acquire_many_owned(units).ok()?;
        Some(Hold { _waiting: Some(waiting), turn: None })
    }

    /// Waits until a file of that size may be held. One too large to wait has its turn first, and keeps it.
    pub(crate) async fn hold(&self, bytes: u64) -> Hold {
        match self.units(bytes) {
            Some(units) => {
                let _queued = self.enqueue();
                let waiting = Arc::clone(&self.waiting).acquire_many_owned(units).await;
                Hold { _waiting: Some(waiting.expect("the semaphore is never closed")), turn: None }
            }
            None => Hold { _waiting: None, turn: Some(self.turn().await) },
        }
    }

    /// Converts a file in a process of its own, when it is this file's turn.
    ///
    /// # Errors
    /// Those of the conversion; [`Error::TimeShareExceeded`] if other files wait and this one had its share of the time.
    pub(crate) async fn convert(
        &self,
        hold: &Hold,
        bytes: Bytes,
        mut request: Request,
        deadline: Option<Instant>,
    ) -> Result<Work, Error> {
        let turn = match &hold.turn {
            Some(turn) => Arc::clone(turn),
            None => self.turn().await,
        };
        let begun = Instant::now();
        let time_left = move || deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = time_left();
        let mut queue = self.queue.subscribe();
        let waiting = u32::try_from(*queue.borrow()).unwrap_or(u32::MAX);
        let share = left.map(|left| left * 3 / waiting.saturating_add(3).max(4));
        request.time.left = left;
        request.time.share = share.filter(|_| waiting > 0);
        let had_its_share = async move {
            match share {
                Some(share) => sleep(share).await,
                None => pending().await,
            }
            // Its sender lives as long as the files that wait.
            let _ = queue.wait_for(|files| *files > 0).await;
        };
        // A file that is too large to wait is not held here while it is converted.
        let second_copy = hold.turn.is_none().then(|| bytes.clone());
        let worker = self.worker.clone();
        let (mut to, result) = oneshot::channel();
        // A task of its own, since this future may be dropped at the deadline: the next file's turn comes when the memory of
        // this one is free.
        tokio::spawn(async move {
            let mut conversion = None;
            let convert = async {
                let first = conversion.insert(Conversion::start(&worker, &request)?);
                let result = first.run(bytes, request.clone()).await;
                match (result, second_copy) {
                    // The search took longer than estimated. One encode of the image may still fit.
                    (Err(Error::CpuTimeExceeded { needed: None, .. }), Some(bytes)) if first.is_searching => {
                        request.time = Time { left: time_left(), without_search: true, ..request.time };
                        let second = conversion.insert(Conversion::start(&worker, &request)?);
                        second.run(bytes, request).await
                    }
                    (result, _) => result,
                }
            };
            let result = tokio::select! {
                result = convert => result,
                () = had_its_share => Err(Error::TimeShareExceeded { after: begun.elapsed() }),
                () = to.closed() => Err(Error::TimeShareExceeded { after: begun.elapsed() }),
            };
            if let Some(mut conversion) = conversion {
                conversion.kill().await;
            }
            drop(turn);
            // It fails if nobody waits for the result any more.
            let _ = to.send(result);
        });
        result.await.unwrap_or_else(|_| Err(Error::WorkerFailed { message: "its task ended early".into() }))
    }

    /// Nothing for more than may ever wait.
    fn units(&self, bytes: u64) -> Option<u32> {
        u32::try_from(bytes.div_ceil(UNIT)).ok().filter(|units| *units <= self.units)
    }

    async fn turn(&self) -> Arc<OwnedSemaphorePermit> {
        let _queued = self.enqueue();
        let turn = Arc::clone(&self.converting).acquire_owned().await;
        Arc::new(turn.expect("the semaphore is never closed"))
    }

    /// Counts one file as waiting for its turn, until the result is dropped.
    fn enqueue(&self) -> Queued<'_> {
        self.queue.send_modify(|files| *files += 1);
        Queued(&self.queue)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|files| *files -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    fn turns(waiting: u64) -> Turns {
        Turns::new(waiting, Worker::default())
    }

    #[tokio::test]
    async fn files_wait_within_their_limit_and_a_larger_one_has_its_turn_first() {
        let turns = turns(10 * UNIT);
        let first = turns.hold(6 * UNIT).await;
        assert!(timeout(SOON, turns.hold(5 * UNIT)).await.is_err(), "there is no room for it yet");
        let second = turns.hold(4 * UNIT).await;
        let large = turns.hold(1 << 40).await;
        assert!(timeout(SOON, turns.turn()).await.is_err(), "the large one has its turn");
        assert!(large.turn.is_some() && first.turn.is_none() && second.turn.is_none());
        drop(large);
        drop(turns.turn().await);
        drop(first);
        assert!(timeout(SOON, turns.hold(6 * UNIT)).await.is_ok());
    }

    #[tokio::test]
    async fn files_that_wait_for_memory_or_for_their_turn_are_counted_while_they_wait() {
        let turns = turns(10 * UNIT);
        let queued = || *turns.queue.borrow();
        let (_hold, turn) = (turns.hold(10 * UNIT).await, turns.turn().await);
        {
            let (mut hold, mut next) = (Box::pin(turns.hold(UNIT)), Box::pin(turns.turn()));
            assert!(timeout(SOON, &mut hold).await.is_err() && timeout(SOON, &mut next).await.is_err());
            assert_eq!(queued(), 2);
            drop(turn);
            let _next = next.await;
            assert_eq!(queued(), 1);
        }
        assert_eq!(queued(), 0);
    }
}

//! The memory that the jobs under way share.
//!
//! One picture at a time is converted, within the plan's limit on memory. Others may wait for that with their file read,
//! or be on their way into the store, within a limit of their own: so the download of one, the conversion of another and
//! the upload of a third overlap, and what is held is never more than the two limits together.

use std::any::Any;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::Error;

/// What is counted: small enough to be fair to thumbnails, and 32 bits of it are 4 TiB.
const UNIT: u64 = 1024;

/// The memory, and whose turn it is.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    converting: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    units: u32,
}

/// Leave to hold one file, until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    _waiting: Option<OwnedSemaphorePermit>,
    /// It is this file's turn already.
    turn: Option<Arc<OwnedSemaphorePermit>>,
}

impl Turns {
    /// With so many bytes for files that wait.
    pub(crate) fn new(waiting: u64) -> Self {
        let units = u32::try_from(waiting / UNIT).unwrap_or(u32::MAX);
        let waiting = Arc::new(Semaphore::new(units as usize));
        Self { converting: Arc::new(Semaphore::new(1)), waiting, units }
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
                let waiting = Arc::clone(&self.waiting).acquire_many_owned(units).await;
                Hold { _waiting: Some(waiting.expect("the semaphore is never closed")), turn: None }
            }
            None => Hold { _waiting: None, turn: Some(self.turn().await) },
        }
    }

    /// Works on a thread that may block, when it is this file's turn. A panic there harms this picture alone.
    pub(crate) async fn take<T: Send + 'static>(
        &self,
        hold: &Hold,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = match &hold.turn {
            Some(turn) => Arc::clone(turn),
            None => self.turn().await,
        };
        // The thread goes on by itself where nobody waits any more, and keeps its turn: nothing can stop an encoder
        // half-way, and its memory is still in use.
        let working = spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        working.await.map_err(|error| Error::Panicked { message: said(&*error.into_panic()) })?
    }

    /// Nothing for more than may ever wait.
    fn units(&self, bytes: u64) -> Option<u32> {
        u32::try_from(bytes.div_ceil(UNIT)).ok().filter(|units| *units <= self.units)
    }

    async fn turn(&self) -> Arc<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.converting).acquire_owned().await;
        Arc::new(turn.expect("the semaphore is never closed"))
    }
}

/// What a panic said. A task that is never cancelled can only fail by one.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::Outcome;
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_panic_fails_its_own_picture_and_says_what_it_said() {
        let turns = Turns::new(1 << 20);
        let hold = turns.hold(1).await;
        let broken = turns.take::<()>(&hold, || panic!("index out of bounds\nin a decoder")).await;
        let reason = "a panic while converting: index out of bounds in a decoder".to_owned();
        assert_eq!(broken.unwrap_err().outcome(), Outcome::Failed { reason });
        assert!(matches!(turns.take(&hold, || Ok(1)).await, Ok(1)), "the next one is unharmed");
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_keeps_its_turn() {
        let turns = Turns::new(1 << 20);
        let hold = turns.hold(1).await;
        let (release, released) = std::sync::mpsc::channel::<()>();
        assert!(timeout(SOON, turns.take(&hold, move || Ok(released.recv()))).await.is_err());
        assert!(timeout(SOON, turns.take(&hold, || Ok(()))).await.is_err(), "it is still at work");
        drop(release);
        assert!(turns.take(&hold, || Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn files_wait_within_their_limit_and_a_larger_one_has_its_turn_first() {
        let turns = Turns::new(10 * UNIT);
        let first = turns.hold(6 * UNIT).await;
        assert!(timeout(SOON, turns.hold(5 * UNIT)).await.is_err(), "there is no room for it yet");
        let second = turns.hold(4 * UNIT).await;
        let large = turns.hold(1 << 40).await;
        assert!(timeout(SOON, turns.take(&first, || Ok(()))).await.is_err(), "the large one has its turn");
        assert!(turns.take(&large, || Ok(())).await.is_ok());
        drop(large);
        assert!(turns.take(&second, || Ok(())).await.is_ok());
        drop(first);
        assert!(timeout(SOON, turns.hold(6 * UNIT)).await.is_ok());
    }
}

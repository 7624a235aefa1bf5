//! The queue of conversions, and the memory that all files of a process share.
//!
//! The queue converts one image at a time, within the plan's limit on memory. At the same time, other source files can
//! be downloaded or wait in memory, and the variants of other files can be uploaded, within the limit of
//! `prefetch_memory`. So the download of one file, the conversion of a second file and the upload of the variants of a
//! third file can overlap, and the memory in use never exceeds the sum of the two limits.
//!
//! The time of a slow image is limited, so that enough time is left for the other images. If one file waits, the
//! running conversion is terminated after three quarters of the time until the deadline. If three files wait, it is
//! terminated after half of this time.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::sleep;

use crate::Error;
use crate::timed_conversion::{ConversionRequest, TimeBudget, TimedConversion};
use crate::worker::{Worker, WorkerProcess};

/// The number of bytes for one permit of the semaphore. The number of permits is a `u32`, so with this unit the
/// semaphore can count 4 TiB.
const BYTES_PER_PERMIT: u64 = 1024;

#[derive(Debug, Clone)]
pub(crate) struct ConversionQueue {
    /// The semaphore has one permit, because only one image at a time is converted.
    conversion_slot: Arc<Semaphore>,
    prefetch_memory: Arc<Semaphore>,
    prefetch_permits: u32,
    /// The number of files that wait for memory or for the conversion slot.
    waiting_files: watch::Sender<usize>,
    worker: Worker,
}

/// Counts a file as waiting until this value is dropped.
struct WaitingFile<'queue>(&'queue watch::Sender<usize>);

/// The memory for one file, reserved until this value is dropped.
#[derive(Debug)]
pub(crate) struct MemoryReservation {
    _prefetch_memory: Option<OwnedSemaphorePermit>,
    /// Set only for a file that is larger than the prefetch memory. Such a file uses the memory of the conversion.
    conversion_slot: Option<Arc<OwnedSemaphorePermit>>,
}

impl ConversionQueue {
    /// Creates a queue. `prefetch_memory` is in bytes.
    pub(crate) fn new(prefetch_memory: u64, worker: Worker) -> Self {
        let permits = u32::try_from(prefetch_memory / BYTES_PER_PERMIT).unwrap_or(u32::MAX);
        Self {
            conversion_slot: Arc::new(Semaphore::new(1)),
            prefetch_memory: Arc::new(Semaphore::new(permits as usize)),
            prefetch_permits: permits,
            waiting_files: watch::Sender::default(),
            worker,
        }
    }

    /// Reserves memory for a file if the memory is available now.
    pub(crate) fn try_reserve(&self, bytes: u64) -> Option<MemoryReservation> {
        let permits = self.permits(bytes)?;
        let permit = Arc::clone(&self.prefetch_memory).try_acquire_many_owned(permits).ok()?;
        Some(MemoryReservation { _prefetch_memory: Some(permit), conversion_slot: None })
    }

    /// Waits until memory for a file is available. A file that is larger than the prefetch memory waits for the
    /// conversion slot instead, and occupies the slot until the reservation is dropped.
    pub(crate) async fn reserve(&self, bytes: u64) -> MemoryReservation {
        match self.permits(bytes) {
            Some(permits) => {
                let _waiting = self.count_waiting_file();
                let permit = Arc::clone(&self.prefetch_memory).acquire_many_owned(permits).await;
                let permit = permit.expect("the semaphore is never closed");
                MemoryReservation { _prefetch_memory: Some(permit), conversion_slot: None }
            }
            None => MemoryReservation { _prefetch_memory: None, conversion_slot: Some(self.wait_for_slot().await) },
        }
    }

    /// Waits for the conversion slot, and converts a file in a child process.
    ///
    /// # Errors
    /// The error of the conversion. [`Error::TimeShareExceeded`] if the conversion used its share of the time while
    /// other files waited.
    pub(crate) async fn convert(
        &self,
        reservation: &MemoryReservation,
        bytes: Bytes,
        mut request: ConversionRequest,
        deadline: Option<Instant>,
    ) -> Result<TimedConversion, Error> {
        let slot = match &reservation.conversion_slot {
            Some(slot) => Arc::clone(slot),
            None => self.wait_for_slot().await,
        };
        let started = Instant::now();
        let time_left = time_until(deadline);
        let mut waiting_files = self.waiting_files.subscribe();
        let waiting = u32::try_from(*waiting_files.borrow()).unwrap_or(u32::MAX);
        let share = time_left.map(|left| left * 3 / waiting.saturating_add(3).max(4));
        request.time.until_deadline = time_left;
        request.time.share = share.filter(|_| waiting > 0);
        let share_used = async move {
            match share {
                Some(share) => sleep(share).await,
                None => pending().await,
            }
            // The wait fails only if the sender was dropped. The sender exists as long as any file waits.
            let _ = waiting_files.wait_for(|files| *files > 0).await;
        };
        // A file that is larger than the prefetch memory is not kept for a second conversion.
        let second_copy = reservation.conversion_slot.is_none().then(|| bytes.clone());
        let worker = self.worker.clone();
        let (mut to, result) = oneshot::channel();
        // The conversion runs in a separate task, because this future may be dropped at the deadline. The slot must
        // remain occupied until the process has ended and its memory is free.
        tokio::spawn(async move {
            let mut process = None;
            let result = tokio::select! {
                result = convert_in_process(&mut process, &worker, bytes, second_copy, request, deadline) => result,
                () = share_used => Err(Error::TimeShareExceeded { after: started.elapsed() }),
                () = to.closed() => Err(Error::TimeShareExceeded { after: started.elapsed() }),
            };
            if let Some(mut process) = process {
                process.kill().await;
            }
            drop(slot);
            // The send fails if the job's future was dropped.
            let _ = to.send(result);
        });
        result.await.unwrap_or_else(|_| Err(Error::WorkerFailed { message: "its task ended early".into() }))
    }

    /// Returns the number of permits for a file. `None` if the file is larger than the prefetch memory.
    fn permits(&self, bytes: u64) -> Option<u32> {
        u32::try_from(bytes.div_ceil(BYTES_PER_PERMIT)).ok().filter(|permits| *permits <= self.prefetch_permits)
    }

    async fn wait_for_slot(&self) -> Arc<OwnedSemaphorePermit> {
        let _waiting = self.count_waiting_file();
        let slot = Arc::clone(&self.conversion_slot).acquire_owned().await;
        Arc::new(slot.expect("the semaphore is never closed"))
    }

    fn count_waiting_file(&self) -> WaitingFile<'_> {
        self.waiting_files.send_modify(|files| *files += 1);
        WaitingFile(&self.waiting_files)
    }
}

/// Converts a file in a child process. If the quality search exceeds the limit on CPU time, a second process converts
/// `second_copy` without a search, because one encode may still stay below the limit. `process` is set to the process
/// that is running, so that the caller can kill it.
async fn convert_in_process(
    process: &mut Option<WorkerProcess>,
    worker: &Worker,
    bytes: Bytes,
    second_copy: Option<Bytes>,
    mut request: ConversionRequest,
    deadline: Option<Instant>,
) -> Result<TimedConversion, Error> {
    let first = process.insert(WorkerProcess::start(worker, &request)?);
    let result = first.run(bytes, request.clone()).await;
    match (result, second_copy) {
        (Err(Error::CpuTimeExceeded { needed: None, .. }), Some(bytes)) if first.is_searching => {
            let until_deadline = time_until(deadline);
            request.time = TimeBudget { until_deadline, is_search_disabled: true, ..request.time };
            let second = process.insert(WorkerProcess::start(worker, &request)?);
            second.run(bytes, request).await
        }
        (result, _) => result,
    }
}

fn time_until(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

impl Drop for WaitingFile<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|files| *files -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SHORT_WAIT: Duration = Duration::from_millis(20);

    fn queue(prefetch_memory: u64) -> ConversionQueue {
        ConversionQueue::new(prefetch_memory, Worker::default())
    }

    #[tokio::test]
    async fn file_waits_for_prefetch_memory_and_a_file_larger_than_this_memory_occupies_the_slot() {
        let queue = queue(10 * BYTES_PER_PERMIT);
        let first = queue.reserve(6 * BYTES_PER_PERMIT).await;
        let third = timeout(SHORT_WAIT, queue.reserve(5 * BYTES_PER_PERMIT)).await;
        assert!(third.is_err(), "the memory is not available yet");
        let second = queue.reserve(4 * BYTES_PER_PERMIT).await;
        let large = queue.reserve(1 << 40).await;
        assert!(timeout(SHORT_WAIT, queue.wait_for_slot()).await.is_err(), "the large file occupies the slot");
        assert!(large.conversion_slot.is_some());
        assert!(first.conversion_slot.is_none() && second.conversion_slot.is_none());
        drop(large);
        drop(queue.wait_for_slot().await);
        drop(first);
        assert!(timeout(SHORT_WAIT, queue.reserve(6 * BYTES_PER_PERMIT)).await.is_ok());
    }

    #[tokio::test]
    async fn files_that_wait_for_memory_or_for_the_slot_are_counted() {
        let queue = queue(10 * BYTES_PER_PERMIT);
        let waiting_files = || *queue.waiting_files.borrow();
        let (_reservation, slot) = (queue.reserve(10 * BYTES_PER_PERMIT).await, queue.wait_for_slot().await);
        {
            let mut for_memory = Box::pin(queue.reserve(BYTES_PER_PERMIT));
            let mut for_slot = Box::pin(queue.wait_for_slot());
            assert!(timeout(SHORT_WAIT, &mut for_memory).await.is_err());
            assert!(timeout(SHORT_WAIT, &mut for_slot).await.is_err());
            assert_eq!(waiting_files(), 2);
            drop(slot);
            let _slot = for_slot.await;
            assert_eq!(waiting_files(), 1);
        }
        assert_eq!(waiting_files(), 0);
    }
}

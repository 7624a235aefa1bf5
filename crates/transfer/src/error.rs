use std::any::Any;
use std::num::NonZeroU32;
use std::time::Duration;

use model::{Location, Outcome};
use thiserror::Error;

use crate::operation::Operation;
use crate::progress::Interruption;

/// Why a job did not come to its end.
#[derive(Debug, Error)]
pub enum Error {
    /// The source is not there: deleted since the event, most likely.
    #[error("{at} does not exist (any more)")]
    Missing {
        /// Where it should be.
        at: Location,
    },
    /// The object is larger than the limit, by its header or by what arrived of it.
    #[error("{at} has {bytes} bytes or more, over the limit of {limit} bytes; raise AVIF_MAX_BYTES to convert it")]
    TooLarge {
        /// The object.
        at: Location,
        /// Its size in bytes as announced, or what had arrived of it.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file alone needs more memory than there is.
    #[error("{at} has {} MiB, and the function has {} MiB for it; give it more memory", bytes >> 20, limit >> 20)]
    TooMuchMemory {
        /// The object.
        at: Location,
        /// Its size in bytes.
        bytes: u64,
        /// The memory in bytes.
        limit: u64,
    },
    /// A variant's key would be longer than S3 allows.
    #[error("{at} would be longer than the {limit} bytes that S3 allows a key; shorten the source's key or the prefix")]
    KeyTooLong {
        /// Where the variant would belong.
        at: Location,
        /// S3's limit in bytes.
        limit: usize,
    },
    /// A name that is kept for variants.
    #[error("{at} ends in .w and a number, which is kept for variants; rename it to convert it")]
    Reserved {
        /// The source.
        at: Location,
    },
    /// Where an output belongs there is an object that was not made here.
    #[error("{at} is there already and was not made by this tool, so it stays; remove it, or set AVIF_OUTPUT_PREFIX")]
    ForeignObject {
        /// The object.
        at: Location,
    },
    /// The image could not be converted.
    #[error(transparent)]
    Convert(#[from] convert::Error),
    /// The time that is left is not enough.
    #[error("needs about {needed:.1?} and {left:.1?} are left before the deadline; give the function more time")]
    OutOfTime {
        /// Time it would take, as far as can be told.
        needed: Duration,
        /// Time there is.
        left: Duration,
    },
    /// The deadline came first.
    #[error("not done after {after:.1?}, at the deadline, while {interruption}")]
    DeadlineExceeded {
        /// How long the job had been running.
        after: Duration,
        /// What it was doing.
        interruption: Interruption,
    },
    /// The source is in an archive, and the variants that are stored are not all of it.
    #[error(
        "{at} is archived{}; restore it (aws s3api restore-object): when S3 has done that, its event converts the image",
        class.as_ref().map(|class| format!(" in {class}")).unwrap_or_default()
    )]
    Archived {
        /// The source.
        at: Location,
        /// The storage class or access tier, where S3 names it.
        class: Option<String>,
    },
    /// The source is encrypted with a key that only its uploader has.
    #[error(
        "{at} is encrypted with a customer-provided key (SSE-C), which the function does not have; upload it without one"
    )]
    CustomerKey {
        /// The source.
        at: Location,
    },
    /// Converting it takes too much CPU time.
    #[error(
        "converting it takes {} {limit} s of CPU time that one image may take; raise AVIF_MAX_SECONDS, or the function's timeout \
         or memory, from which its default is derived",
        needed.map_or("more than the".into(), |needed| format!("about {:.1} s, more than the", needed.as_secs_f64()))
    )]
    CpuTime {
        /// What it would take at least, where that is known before it begins.
        needed: Option<Duration>,
        /// The limit in seconds.
        limit: NonZeroU32,
    },
    /// Other images of the function's environment wait, and this one had its share of the time.
    #[error(
        "converting it took {after:.1?} and was not done, while other images waited; it is tried again: use smaller batches, \
         or give the function more time"
    )]
    TimeShareExceeded {
        /// The time that it had.
        after: Duration,
    },
    /// Converting it takes more memory than there is.
    #[error(
        "converting it takes more than the {limit_mib} MiB of memory there are for it; give the function more memory"
    )]
    OutOfMemory {
        /// The limit in MiB.
        limit_mib: u64,
    },
    /// The system ended the process that converted it. Its own limit on memory would have shown otherwise, so there is too
    /// little for all that the function holds.
    #[error(
        "the system ended the process that converted it, most likely for want of memory; give the function more memory"
    )]
    Killed,
    /// The process that converted it ended early. The other images are not affected.
    #[error(
        "the process that converted it ended early ({status}{})",
        if stderr.is_empty() { String::new() } else { format!(": {stderr}") }
    )]
    Crashed {
        /// The exit code or the signal.
        status: String,
        /// What it wrote to its standard error.
        stderr: String,
    },
    /// The process that converts images does not start or answer.
    #[error("the process that converts images: {message}")]
    Worker {
        /// What went wrong.
        message: String,
    },
    /// The process that converts images reports why it could not.
    #[error("{reason}")]
    NotConverted {
        /// The reason, with its causes.
        reason: String,
        /// Whether a retry can help.
        can_retry: bool,
    },
    /// Something panicked on the way. The other images are not affected.
    #[error("a panic: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// The condition of a write or a deletion did not hold: something changed since it was looked up.
    #[error("{message}")]
    Conflict {
        /// The operation, the object and the answer.
        message: String,
    },
    /// The source or its outputs changed during every attempt.
    #[error("{at} or its outputs changed during each of {times} attempts; the last time: {last}")]
    Contended {
        /// The source.
        at: Location,
        /// The number of attempts.
        times: u32,
        /// What changed the last time.
        last: String,
    },
    /// An object did not arrive whole.
    #[error("{}: after {after} bytes: {message}", Operation::GetObject.cannot(at))]
    Interrupted {
        /// The object.
        at: Location,
        /// Bytes that had arrived.
        after: usize,
        /// What the connection met.
        message: String,
    },
    /// An operation of DynamoDB failed.
    #[error("{operation} failed for the item of {at} in the table {table}: {message}")]
    Catalog {
        /// The operation's name in the API.
        operation: &'static str,
        /// The table.
        table: String,
        /// The source.
        at: Location,
        /// The answer's status, code and words, or what the connection met.
        message: String,
    },
    /// An operation of S3 failed.
    #[error("{}: {message}", operation.cannot(at))]
    Storage {
        /// The operation.
        operation: Operation,
        /// The object.
        at: Location,
        /// The answer's status, code and words, or what the connection met.
        message: String,
    },
}

impl Error {
    /// Can a retry help? The one place that decides it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let reason = chain(self);
        match self {
            Self::Missing { .. }
            | Self::TooLarge { .. }
            | Self::TooMuchMemory { .. }
            | Self::KeyTooLong { .. }
            | Self::Reserved { .. }
            | Self::ForeignObject { .. }
            | Self::Archived { .. }
            | Self::CustomerKey { .. }
            // The same bytes take the same again.
            | Self::CpuTime { .. }
            | Self::OutOfMemory { .. }
            | Self::NotConverted { can_retry: false, .. } => Outcome::Rejected { reason },
            Self::OutOfTime { .. }
            | Self::DeadlineExceeded { .. }
            | Self::TimeShareExceeded { .. }
            | Self::Panicked { .. }
            | Self::Crashed { .. }
            | Self::Killed
            | Self::Worker { .. }
            | Self::NotConverted { can_retry: true, .. }
            | Self::Conflict { .. }
            | Self::Contended { .. }
            | Self::Interrupted { .. }
            | Self::Catalog { .. }
            | Self::Storage { .. } => Outcome::Failed { reason },
            Self::Convert(error) => match error {
                convert::Error::Empty
                | convert::Error::Unknown { .. }
                | convert::Error::Unread { .. }
                | convert::Error::Damaged { .. }
                | convert::Error::Unsupported { .. }
                | convert::Error::TooManyBytes { .. }
                | convert::Error::TooManyPixels { .. }
                | convert::Error::TooManyFrames { .. }
                | convert::Error::TooLong { .. }
                | convert::Error::TooMuchMemory { .. } => Outcome::Rejected { reason },
                // Ours or the machine's fault: kept for somebody to look at.
                convert::Error::Encode { .. } | convert::Error::Planes { .. } => Outcome::Failed { reason },
            },
        }
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

/// A panic's message, on one line.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").replace('\n', " ")
}

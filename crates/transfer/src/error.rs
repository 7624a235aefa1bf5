use std::num::NonZeroU32;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use model::{Location, Outcome, VariantId, error_chain};
use thiserror::Error;

use crate::operation::{Operation, permission_hint, service_error_message};
use crate::progress::InterruptedStep;

/// The error that stopped a job.
#[derive(Debug, Error)]
pub enum Error {
    /// The source does not exist. Most likely it was deleted after the event.
    #[error("{at} does not exist (any more)")]
    SourceNotFound {
        /// The source.
        at: Location,
    },
    /// The source is larger than the limit.
    #[error("{at} has {bytes} bytes or more, over the limit of {limit} bytes; raise AVIF_MAX_BYTES to convert it")]
    TooLarge {
        /// The source.
        at: Location,
        /// The Content-Length of the source in bytes, or the number of received bytes if that number is larger.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file is larger than the memory for one file.
    #[error(
        "{at} has {} MiB, more than the {} MiB of memory available for one file; give the function more memory",
        bytes >> 20, limit >> 20
    )]
    TooMuchMemory {
        /// The source.
        at: Location,
        /// The size of the source in bytes.
        bytes: u64,
        /// The available memory in bytes.
        limit: u64,
    },
    /// The key of an output would be longer than S3 allows.
    #[error(
        "{at} would be longer than the {limit} bytes that S3 allows for a key; shorten the source's key or the prefix"
    )]
    KeyTooLong {
        /// The location of the output.
        at: Location,
        /// The limit of S3 in bytes.
        limit: usize,
    },
    /// The source's key has a form that is reserved for variants.
    #[error("{at} ends like the key of a variant, in .w640, .s640x360 or .c256x256; rename it to convert it")]
    ReservedKey {
        /// The source.
        at: Location,
    },
    /// The location of an output contains an object that the function did not create.
    #[error("{at} already exists and was not created by this function; delete it, or set AVIF_OUTPUT_PREFIX")]
    ForeignObject {
        /// The object.
        at: Location,
    },
    /// The image could not be converted.
    #[error(transparent)]
    Convert(#[from] convert::Error),
    /// The time before the deadline is not enough for the conversion.
    #[error(
        "converting it takes about {needed:.1?}, and {left:.1?} are left before the deadline; give the function more time"
    )]
    OutOfTime {
        /// The estimated time of the conversion.
        needed: Duration,
        /// The available time.
        left: Duration,
    },
    /// The deadline interrupted the job.
    #[error("the job was stopped after {after:.1?}, at the deadline, while {step}")]
    DeadlineExceeded {
        /// The time since the start of the job.
        after: Duration,
        /// The step that was interrupted.
        step: InterruptedStep,
    },
    /// The source is archived, and not all of its variants are stored and up to date.
    #[error(
        "{at} is archived{}; restore it (aws s3api restore-object): the event at the end of the restore converts it",
        class.as_ref().map(|class| format!(" in {class}")).unwrap_or_default()
    )]
    Archived {
        /// The source.
        at: Location,
        /// The storage class or access tier, if S3 returned it.
        class: Option<String>,
    },
    /// The source is encrypted with a customer-provided key (SSE-C).
    #[error(
        "{at} is encrypted with a customer-provided key (SSE-C), which the function does not have; upload it without one"
    )]
    CustomerProvidedKey {
        /// The source.
        at: Location,
    },
    /// The conversion needs more CPU time than the limit.
    #[error(
        "converting it takes {} {limit} s of CPU time that one image may take; raise AVIF_MAX_SECONDS, or the function's timeout \
         or memory, from which its default is derived",
        needed.map_or("more than the".into(), |needed| format!("about {:.1} s, more than the", needed.as_secs_f64()))
    )]
    CpuTimeExceeded {
        /// The estimated CPU time, if the conversion was rejected before it started.
        needed: Option<Duration>,
        /// The limit in seconds.
        limit: NonZeroU32,
    },
    /// The conversion used its share of the time while other images of the execution environment waited.
    #[error(
        "the conversion was stopped after {after:.1?}, because other images were waiting; it is retried: use \
         smaller batches, or give the function more time"
    )]
    TimeShareExceeded {
        /// The time since the start of the conversion.
        after: Duration,
    },
    /// The conversion needs more memory than the limit.
    #[error(
        "converting it takes more than the {limit_mib} MiB of memory available for it; give the function more memory"
    )]
    OutOfMemory {
        /// The limit in MiB.
        limit_mib: u64,
    },
    /// The kernel killed the process that converted the image. The process did not exceed its own limit on memory,
    /// because that error is [`Error::OutOfMemory`]. So the whole function probably ran out of memory.
    #[error(
        "the system killed the process that converted it, most likely because memory ran out; give the function more memory"
    )]
    Killed,
    /// The process that converted the image exited before it sent a response. Other images are not affected.
    #[error(
        "the process that converted it ended early ({status}{})",
        if stderr.is_empty() { String::new() } else { format!(": {stderr}") }
    )]
    Crashed {
        /// The exit code or signal.
        status: String,
        /// The beginning of the process's standard error.
        stderr: String,
    },
    /// The process that converts images cannot be started, or its response is invalid.
    #[error("the process that converts images failed: {message}")]
    WorkerFailed {
        /// The reason.
        message: String,
    },
    /// The conversion returned no variant of a requested width and format.
    #[error("the conversion returned no variant {id}; please report this defect")]
    MissingVariant {
        /// The missing variant.
        id: VariantId,
    },
    /// The conversion returned a variant that was not requested.
    #[error("the conversion returned the variant {id}, which was not requested; please report this defect")]
    UnexpectedVariant {
        /// The unexpected variant.
        id: VariantId,
    },
    /// The process that converts images reports that the conversion failed.
    #[error("{reason}")]
    NotConverted {
        /// The reason of the failure, with the causes of the error.
        reason: String,
        /// Whether a retry may succeed.
        can_retry: bool,
    },
    /// The job panicked. Other images are not affected.
    #[error("the job panicked: {message}")]
    Panicked {
        /// The message of the panic.
        message: String,
    },
    /// An object changed after it was looked up, so the condition of a write or deletion failed.
    #[error("{message}")]
    Conflict {
        /// The object that changed. If a request failed, the message also contains the operation and the response.
        message: String,
    },
    /// The source or its outputs changed during every attempt.
    #[error("{at} or its outputs changed during each of {attempts} attempts; the last time: {last_conflict}")]
    RepeatedConflict {
        /// The source.
        at: Location,
        /// The number of attempts.
        attempts: u32,
        /// The conflict of the last attempt.
        last_conflict: String,
    },
    /// The connection ended before the whole object was received.
    #[error("{}: after {after} bytes: {message}", Operation::GetObject.describe_failure(at))]
    DownloadInterrupted {
        /// The object.
        at: Location,
        /// The number of bytes that were received.
        after: usize,
        /// The error of the connection.
        message: String,
    },
    /// A DynamoDB operation failed.
    #[error("{operation} failed for the item of {at} in the table {table}: {message}")]
    Catalog {
        /// The operation's name in the API.
        operation: &'static str,
        /// The table.
        table: String,
        /// The source.
        at: Location,
        /// HTTP status, code and message of the response, or the error of the connection.
        message: String,
    },
    /// An S3 operation failed.
    #[error("{}: {message}", operation.describe_failure(at))]
    Storage {
        /// The operation.
        operation: Operation,
        /// The object.
        at: Location,
        /// HTTP status, code and message of the response, or the error of the connection.
        message: String,
    },
}

impl Error {
    /// Returns the outcome of a job that ends with this error. This match is the only place that decides whether a
    /// retry may succeed: [`Outcome::Failed`] is retried, [`Outcome::Rejected`] is not.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let reason = error_chain(self);
        match self {
            Self::SourceNotFound { .. }
            | Self::TooLarge { .. }
            | Self::TooMuchMemory { .. }
            | Self::KeyTooLong { .. }
            | Self::ReservedKey { .. }
            | Self::ForeignObject { .. }
            | Self::Archived { .. }
            | Self::CustomerProvidedKey { .. }
            // A retry of the same bytes needs the same time and memory.
            | Self::CpuTimeExceeded { .. }
            | Self::OutOfMemory { .. }
            | Self::NotConverted { can_retry: false, .. } => Outcome::Rejected { reason },
            Self::OutOfTime { .. }
            | Self::DeadlineExceeded { .. }
            | Self::TimeShareExceeded { .. }
            | Self::Panicked { .. }
            | Self::Crashed { .. }
            | Self::Killed
            | Self::WorkerFailed { .. }
            | Self::MissingVariant { .. }
            | Self::UnexpectedVariant { .. }
            | Self::NotConverted { can_retry: true, .. }
            | Self::Conflict { .. }
            | Self::RepeatedConflict { .. }
            | Self::DownloadInterrupted { .. }
            | Self::Catalog { .. }
            | Self::Storage { .. } => Outcome::Failed { reason },
            Self::Convert(error) => match error {
                convert::Error::Empty
                | convert::Error::UnknownFormat { .. }
                | convert::Error::UnsupportedFormat { .. }
                | convert::Error::Damaged { .. }
                | convert::Error::Unsupported { .. }
                | convert::Error::TooManyBytes { .. }
                | convert::Error::TooManyPixels { .. }
                | convert::Error::TooManyFrames { .. }
                | convert::Error::SideTooLong { .. }
                | convert::Error::TooMuchMemory { .. } => Outcome::Rejected { reason },
                // The function or the machine has a defect, so the event must reach the dead-letter queue.
                convert::Error::Encode { .. }
                | convert::Error::Planes { .. }
                | convert::Error::MissingVariant { .. } => Outcome::Failed { reason },
            },
        }
    }

    /// Whether a retry may succeed.
    pub(crate) fn can_retry(&self) -> bool {
        matches!(self.outcome(), Outcome::Failed { .. })
    }

    /// Returns what is wrong with the image, for the person who requested it. The text contains no bucket and no key.
    /// `None` if the error is not about the image.
    pub(crate) fn image_problem(&self) -> Option<String> {
        match self {
            Self::Convert(_) | Self::NotConverted { can_retry: false, .. } => Some(error_chain(self)),
            Self::TooLarge { .. } | Self::TooMuchMemory { .. } => Some("the file is too large".into()),
            Self::CpuTimeExceeded { .. } | Self::OutOfMemory { .. } => {
                Some("its conversion takes too much time or memory".into())
            }
            Self::SourceNotFound { .. }
            | Self::KeyTooLong { .. }
            | Self::ReservedKey { .. }
            | Self::ForeignObject { .. }
            | Self::OutOfTime { .. }
            | Self::DeadlineExceeded { .. }
            | Self::Archived { .. }
            | Self::CustomerProvidedKey { .. }
            | Self::TimeShareExceeded { .. }
            | Self::Killed
            | Self::Crashed { .. }
            | Self::WorkerFailed { .. }
            | Self::MissingVariant { .. }
            | Self::UnexpectedVariant { .. }
            | Self::NotConverted { can_retry: true, .. }
            | Self::Panicked { .. }
            | Self::Conflict { .. }
            | Self::RepeatedConflict { .. }
            | Self::DownloadInterrupted { .. }
            | Self::Catalog { .. }
            | Self::Storage { .. } => None,
        }
    }

    /// Creates the error for an S3 request that failed. If S3 does not name the missing permissions, the error names
    /// them.
    pub(crate) fn storage<E>(operation: Operation, at: &Location, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let message = service_error_message(error) + &permission_hint(error, operation.permissions());
        Self::storage_with(operation, at, message)
    }

    /// Creates the error for an S3 request whose response cannot be used.
    pub(crate) fn storage_with(operation: Operation, at: &Location, message: impl Into<String>) -> Self {
        Self::Storage { operation, at: at.clone(), message: message.into() }
    }

    /// Creates the error for an S3 request whose condition failed.
    pub(crate) fn conflict<E>(operation: Operation, at: &Location, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Self::Conflict { message: format!("{operation} of {at}: {}", service_error_message(error)) }
    }

    /// Creates the error for a source that changed while the job ran.
    pub(crate) fn source_changed(at: &Location) -> Self {
        Self::Conflict { message: format!("{at} changed while the job ran") }
    }
}

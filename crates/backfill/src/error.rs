use std::io;
use std::path::{Path, PathBuf};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStreamError;
use thiserror::Error;

/// The error that stopped a backfill. The state directory contains the progress before the error.
#[derive(Debug, Error)]
pub enum Error {
    /// An AWS service failed or rejected a request.
    #[error("cannot {action}: {message}")]
    Service {
        /// The operation, and the object that it accesses.
        action: String,
        /// The error code and the message of the service, or the error of the connection.
        message: String,
    },
    /// An AWS service denied a request.
    #[error("cannot {action}: {message}; your credentials need {permission}")]
    Denied {
        /// The operation, and the object that it accesses.
        action: String,
        /// The error code and the message of the service.
        message: String,
        /// The IAM actions that the request needs, and their resources.
        permission: String,
    },
    /// The download of an object was interrupted.
    #[error("cannot read {at}: the download was interrupted")]
    Interrupted {
        /// The object.
        at: String,
        /// The error of the connection.
        #[source]
        source: ByteStreamError,
    },
    /// The check whether a source is already converted failed.
    #[error(transparent)]
    Check(#[from] transfer::Error),
    /// A local file cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// The operation: `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// What a prune found cannot be reported.
    #[error("cannot write the obsolete outputs")]
    Report(#[source] io::Error),
    /// The state directory belongs to another backfill.
    #[error(
        "{} contains the state of another backfill, with another bucket, prefix, suffix or setting; delete it, or choose another \
         directory with --state",
        folder.display()
    )]
    OtherSelection {
        /// The state directory.
        folder: PathBuf,
    },
    /// The inventory is damaged, or its format is not supported.
    #[error("cannot read the inventory {at}: {message}")]
    Inventory {
        /// The location of the inventory's manifest, or of one of its files.
        at: String,
        /// A description of the damaged or unsupported part of the inventory.
        message: String,
    },
}

impl Error {
    /// Creates the error for a failed request. `permission` names the IAM actions that the request needs. If the
    /// service denied the request, the error contains this text.
    pub(crate) fn service<E>(action: String, permission: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let message = transfer::service_error_message(error);
        if is_denied(error) {
            return Self::Denied { action, message, permission: permission.to_owned() };
        }
        Self::Service { action, message }
    }

    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }
}

/// Whether the service denied the request because a permission is missing. The status 403 alone does not show this,
/// because S3 also returns 403 for an expired or unknown access key. Only the error code shows the difference.
fn is_denied<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error.code() {
        Some(code) => code.contains("AccessDenied"),
        None => error.raw_response().is_some_and(|response| response.status().as_u16() == 403),
    }
}

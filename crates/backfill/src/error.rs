use std::io;
use std::path::{Path, PathBuf};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStreamError;
use thiserror::Error;

/// Why a backfill stopped. The ledger holds what was done before.
#[derive(Debug, Error)]
pub enum Error {
    /// A service failed or rejected a request.
    #[error("cannot {action}: {message}")]
    Service {
        /// The operation and its object.
        action: String,
        /// The service's code and message, or the connection's error.
        message: String,
    },
    /// A service rejected a request for lack of a permission.
    #[error("cannot {action}: {message}; your credentials need {permission}")]
    Denied {
        /// The operation and its object.
        action: String,
        /// The service's code and message.
        message: String,
        /// The IAM actions, and what they are needed on.
        permission: String,
    },
    /// An object arrived only in part.
    #[error("cannot read {at}: the download was interrupted")]
    Interrupted {
        /// The object.
        at: String,
        /// The connection's error.
        #[source]
        source: ByteStreamError,
    },
    /// It is unknown whether a source is converted already.
    #[error(transparent)]
    Look(#[from] transfer::Error),
    /// A file on this machine.
    #[error("cannot {action} {}", path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The folder holds the state of another backfill.
    #[error(
        "{} holds a backfill of something else: of another bucket or prefix, or by other suffixes or settings; remove it, or \
         name another folder",
        folder.display()
    )]
    Other {
        /// The folder.
        folder: PathBuf,
    },
    /// The inventory is of a kind that cannot be read, or damaged.
    #[error("cannot read the inventory {at}: {message}")]
    Inventory {
        /// Its manifest or one of its files.
        at: String,
        /// What is wrong with it.
        message: String,
    },
}

impl Error {
    /// `permission` is what the request needs, in IAM's terms: it is named where it is missing.
    pub(crate) fn service<E>(action: String, permission: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let message = transfer::message(error);
        if is_denied(error) {
            return Self::Denied { action, message, permission: permission.to_owned() };
        }
        Self::Service { action, message }
    }

    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }
}

/// 403 alone does not say so: S3 answers it for an expired or unknown access key, too, each with a code of its own.
fn is_denied<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error.code() {
        Some(code) => code.contains("AccessDenied"),
        None => error.raw_response().is_some_and(|response| response.status().as_u16() == 403),
    }
}

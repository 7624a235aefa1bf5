use std::io;
use std::path::{Path, PathBuf};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;

/// Why a backfill stopped. What was done until then is written down.
#[derive(Debug, Error)]
pub enum Error {
    /// A service did not do what it was asked for.
    #[error("cannot {action}: {message}")]
    Service {
        /// What was asked for, and of whom.
        action: String,
        /// The service's code and message, or what the connection met.
        message: String,
    },
    /// What is stored could not be told.
    #[error(transparent)]
    Look(#[from] transfer::Error),
    /// A file on this machine.
    #[error("cannot {action} {}", path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder is another backfill's.
    #[error("{} holds a backfill of something else, or by other settings; remove it, or name another folder", folder.display())]
    Other {
        /// The folder.
        folder: PathBuf,
    },
    /// The inventory is not of a kind that can be read.
    #[error("the inventory {at}: {message}")]
    Inventory {
        /// Its manifest or the file of it.
        at: String,
        /// What is wrong with it.
        message: String,
    },
}

impl Error {
    pub(crate) fn service<E>(action: String, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Self::Service { action, message: transfer::message(error) }
    }

    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }
}

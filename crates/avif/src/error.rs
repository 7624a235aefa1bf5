use thiserror::Error;

use crate::boxes::BoxError;

/// Why encoding or decoding failed.
#[derive(Debug, Error)]
pub enum Error {
    /// A libavif function returned an error.
    #[error("{call}: {message}")]
    Library {
        /// The name of the libavif function.
        call: &'static str,
        /// libavif's error message.
        message: String,
    },
    /// libavif could not allocate memory.
    #[error("{call}: out of memory")]
    OutOfMemory {
        /// The name of the libavif function.
        call: &'static str,
    },
    /// The name or value of a codec option contains a NUL byte.
    #[error("the codec option {0:?} contains a NUL byte")]
    InvalidOption(String),
    /// This crate cannot encode images of this format.
    #[error("encoding {0} is not supported")]
    UnsupportedInput(&'static str),
    /// libavif wrote a file whose boxes cannot be read.
    #[error("libavif wrote invalid boxes")]
    InvalidBoxes(#[from] BoxError),
    /// libavif decoded planes whose sizes do not match the image.
    #[error("libavif returned planes that do not match the image")]
    InconsistentPlanes(#[from] model::ShapeError),
    /// libavif decoded a depth or pixel format that this crate does not support.
    #[error("libavif returned the unsupported {property} {value}")]
    UnknownFormat {
        /// The unsupported property: "depth" or "pixel format".
        property: &'static str,
        /// The number that libavif returned for the property.
        value: u32,
    },
}

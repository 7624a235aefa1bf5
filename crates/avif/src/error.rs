use thiserror::Error;

/// What libavif could not do.
#[derive(Debug, Error)]
pub enum Error {
    /// A libavif call failed.
    #[error("{call}: {message}")]
    Library {
        /// The function that failed.
        call: &'static str,
        /// libavif's own words for it.
        message: String,
    },
    /// libavif could not allocate.
    #[error("{call}: out of memory")]
    OutOfMemory {
        /// The function that failed.
        call: &'static str,
    },
    /// An option's name or value holds a NUL byte.
    #[error("codec option {0:?} holds a NUL byte")]
    Option(String),
    /// The depth or chroma is one this crate reads but does not write.
    #[error("{0} is read, never written")]
    Unwritable(&'static str),
    /// The file decoded to planes that make up no image.
    #[error("libavif decoded to planes that make up no image")]
    ShapeError(#[from] model::ShapeError),
    /// The file decoded to a depth or pixel format unknown here.
    #[error("libavif decoded to {what} {value}, which is unknown here")]
    Unknown {
        /// Depth or pixel format.
        what: &'static str,
        /// Its value.
        value: u32,
    },
}

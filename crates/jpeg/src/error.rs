use thiserror::Error;

/// Why decoding failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The file is invalid or truncated before its first scan, or the separate tables are invalid. The text is
    /// libjpeg's.
    #[error("{0}")]
    Invalid(String),
    /// The file uses a feature of JPEG that this decoder does not support. The text is libjpeg's.
    #[error("{0}")]
    Unsupported(String),
    /// The samples have another size than 8 bits.
    #[error("samples with {0} bits are not supported")]
    UnsupportedPrecision(u32),
    /// The image has two components or more than four.
    #[error("{0} components are not supported")]
    UnsupportedComponents(u32),
    /// The number of components does not match the color space that the caller has set.
    #[error("the image has {components} components, but its color space needs {expected}")]
    ColorSpaceMismatch {
        /// The components of the file.
        components: u32,
        /// The components of the color space.
        expected: u32,
    },
    /// The file has too many scans.
    #[error("it has over {limit} scans, which is the limit")]
    TooManyScans {
        /// The limit that the caller has set.
        limit: u32,
    },
    /// The caller has requested planes, but [`Header::has_planes`](crate::Header::has_planes) is false.
    #[error("the file has no planes in 4:2:0")]
    NoPlanes,
    /// libjpeg could not allocate memory.
    #[error("out of memory")]
    OutOfMemory,
}

//! Reads the header and the pixels of a source file.

pub(crate) mod av1;
pub(crate) mod avif;
pub(crate) mod format;
pub(crate) mod header;
pub(crate) mod heif;
pub(crate) mod jpeg;
pub(crate) mod metadata;
pub(crate) mod png;
pub(crate) mod tiff;
pub(crate) mod webp;

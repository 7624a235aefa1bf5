//! The output formats: their encoders, and the memory that these take.

pub(crate) mod avif;
pub(crate) mod memory;

//! Decodes JPEGs of other encoders through the public API of `jpeg`, and compares the results with the TurboJPEG API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod color;
mod damage;
mod fixtures;
mod formats;
mod limits;
mod tables;
mod truncation;

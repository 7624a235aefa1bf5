//! Encodes and decodes images through the public API of `avif`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod round_trip;
mod sequence;

//! The real `avif-extension` beside real functions, under the emulator.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::float_cmp, reason = "counts are whole")]

mod backend;
mod beside;
mod cadence;
mod deployment;
mod numbers;
mod outage;
mod reception;
mod shutdown;
mod signals;

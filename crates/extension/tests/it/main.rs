//! Tests the real `avif-extension` with real functions, in the emulator.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::float_cmp, reason = "the compared values are whole numbers")]

mod any_function;
mod backend;
mod deployment;
mod missing_telemetry;
mod numbers;
mod outage;
mod schedule;
mod shutdown;
mod signals;

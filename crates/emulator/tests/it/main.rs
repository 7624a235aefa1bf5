//! Tests the emulated protocols with real clients: `lambda_runtime` and the AWS SDK.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod extensions;
mod faults;
mod runtime_api;
mod s3;

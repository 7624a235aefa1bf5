//! The protocols, spoken by the clients that people use: `lambda_runtime` and the AWS SDK.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod extensions_api;
mod faults;
mod runtime_api;
mod s3;

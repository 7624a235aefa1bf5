//! Emulates the parts of AWS around a function, on loopback.
//!
//! - [`Lambda`] runs a function behind Lambda's Runtime, Extensions and Telemetry APIs. The function is its real binary,
//!   started as a child process with the environment variables that Lambda sets.
//! - [`S3`] serves a folder over S3's protocol and emits a notification for each write. An additional [`Endpoint`] of it can
//!   inject faults.
//! - [`connect_notifications`] invokes a function asynchronously for each notification, as a bucket's notification
//!   configuration does.
//!
//! The CLI uses this crate to run the function locally, and tests use it to check programs against the real protocols.
//!
//! **Architecture invariant:** no knowledge of what the function does.

#![forbid(unsafe_code)]

mod lambda;
mod notifications;
mod s3;

pub use lambda::{AsyncInvocation, Extensions, Function, FunctionError, Invocation, Lambda, TelemetryApi};
pub use notifications::connect_notifications;
pub use s3::{
    ACCESS_KEY, Call, Endpoint, FaultRates, Faults, InjectedResponse, S3, SECRET_KEY, Settings,
    load_or_create_secret_key, s3_client,
};

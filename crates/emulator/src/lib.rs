//! Emulates Lambda, S3 and S3's notifications on loopback.
//!
//! - [`Lambda`] runs a function behind Lambda's Runtime, Extensions and Telemetry APIs. It starts the function's real
//!   binary as a child process with the environment variables that Lambda sets.
//! - [`S3`] serves a folder over S3's protocol and emits a notification for each write. An additional [`Endpoint`] of
//!   the server can inject faults.
//! - [`connect_notifications`] invokes a function asynchronously for each notification, as a bucket's notification
//!   configuration does.
//!
//! The CLI uses this crate to run the function locally, and tests use it to check programs against the real protocols.
//!
//! **Architecture invariant:** this crate contains no code that is specific to one function.

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

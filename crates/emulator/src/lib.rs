//! What AWS does around a function, on loopback: Lambda's Runtime, Extensions and Telemetry APIs with the execution
//! environments behind them ([`Lambda`]), and an S3 that tells of what is written to it ([`S3`]), and whose [`Door`]s can
//! be made to fail. [`wire`] is the bucket's notification configuration: what S3 tells becomes asynchronous invocations.
//!
//! The function is its real binary, started as a child process with the environment that Lambda gives it. Programs use
//! this crate to show the function at work on one machine, tests to hold it to the real protocols.
//!
//! **Architecture invariant:** nothing in here knows what the function does.

#![forbid(unsafe_code)]

mod lambda;
mod s3;
mod wire;

pub use lambda::{Beside, Delivery, Function, FunctionError, Invocation, Lambda, TelemetryApi};
pub use s3::{ACCESS_KEY, Call, Door, Faults, Rates, Refusal, S3, SECRET_KEY, Settings, folder_secret};
pub use wire::wire;

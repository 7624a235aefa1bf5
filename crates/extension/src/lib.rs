//! What Lambda starts beside a function, ours or any other: telemetry comes in, metrics, logs and traces go out.
//!
//! Records of the Telemetry API are read ([`record`]) and put together into what they say ([`ledger`]): samples of the
//! metrics that [`metric`] lists, spans and log lines. These go to standard output as CloudWatch metrics ([`emf`]), to an
//! OpenTelemetry backend ([`otlp`]), or, unread, into a file. [`agent`] decides when, [`lambda`] speaks with Lambda.
//!
//! **Architecture invariant:** neither libavif nor the S3 SDK, and nothing in here can fail or delay an invocation: what
//! cannot be delivered waits in a queue that is bounded, and what falls out of it is counted.

#![forbid(unsafe_code)]

pub mod agent;
pub mod config;
pub mod dashboard;
pub mod emf;
mod file;
pub mod lambda;
pub mod ledger;
mod listener;
pub mod metric;
pub mod otlp;
mod queue;
mod reception;
pub mod record;

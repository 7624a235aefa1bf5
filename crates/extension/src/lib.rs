//! A Lambda extension that converts telemetry to metrics, logs and traces. It works with any function.
//!
//! Input: records of the Telemetry API ([`record`]). Output: CloudWatch metrics on standard output ([`emf`]), and
//! metrics, traces and logs for an OpenTelemetry backend ([`otlp`]).
//!
//! [`lambda`] registers the extension and receives events. [`tracker`] assigns each record to its invocation and
//! derives signals ([`signal`]): samples of the metrics in [`metric`], spans and log lines. [`pipeline`] queues the
//! signals and decides when to write and export them.
//!
//! **Architecture invariant:** this crate does not depend on libavif or the S3 SDK. The extension cannot fail an
//! invocation, and it delays the next event only by a bounded time. Signals that cannot be exported stay in bounded
//! queues. Dropped signals are counted.

#![forbid(unsafe_code)]

mod arrival;
pub mod config;
pub mod dashboard;
pub mod emf;
pub mod lambda;
mod listener;
mod log;
pub mod metric;
pub mod otlp;
pub mod pipeline;
mod queue;
pub mod record;
mod samples;
pub mod signal;
pub mod span;
pub mod trace_context;
pub mod tracker;
mod unix_time;

//! A Lambda extension that turns telemetry into metrics, logs and traces. It works with any function.
//!
//! In: records of the Telemetry API ([`record`]). Out: CloudWatch metrics on standard output ([`emf`]), and metrics, traces
//! and logs for an OpenTelemetry backend ([`otlp`]).
//!
//! [`lambda`] registers the extension and receives events. [`tracker`] assigns each record to its invocation and derives
//! signals ([`signal`]): samples of the metrics in [`metric`], spans and log lines. [`pipeline`] queues the signals and
//! decides when to write and export them.
//!
//! **Architecture invariant:** no dependency on libavif or the S3 SDK. The extension cannot fail an invocation, and delays
//! the next event by a bounded time only. Signals that cannot be exported wait in bounded queues; dropped ones are counted.

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

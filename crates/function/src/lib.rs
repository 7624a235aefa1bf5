//! The Lambda function `bootstrap`.
//!
//! In: an event. Out: a response that the sender of the event expects. The function parses the event into jobs, runs
//! each job with the crate `transfer`, and writes a report of each job to the log. If the event is an HTTP request, the
//! response is a variant.
//!
//! **Architecture invariant:** this crate does not process images, and its event parser does no I/O.

#![forbid(unsafe_code)]

pub mod event;
pub mod handler;
pub mod http;
pub mod log;
mod memory;
pub mod shutdown;

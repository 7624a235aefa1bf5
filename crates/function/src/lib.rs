//! The Lambda function `bootstrap`.
//!
//! In: an event. Out: a response that the sender of the event expects. In between, the event becomes jobs, `transfer` runs
//! each job, and the log gets a report of each.
//!
//! **Architecture invariant:** no pixels. The event parser does no I/O.

#![forbid(unsafe_code)]

pub mod event;
pub mod handler;
pub mod log;
mod memory;
pub mod shutdown;

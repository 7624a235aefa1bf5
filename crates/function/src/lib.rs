//! What Lambda starts: an event comes in, jobs come out of it, each is done and reported, and the reports become the
//! answer that the event's sender understands.
//!
//! **Architecture invariant:** no pixels.

#![forbid(unsafe_code)]

pub mod event;
pub mod handler;
pub mod log;
mod memory;
pub mod stop;

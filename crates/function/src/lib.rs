//! What Lambda starts: an event comes in, jobs come out of it, each is done and reported, and the reports become the
//! answer that the event's sender understands.
//!
//! **Architecture invariant:** no pixels. The environment is read in [`config`] and nowhere else in the workspace.

#![forbid(unsafe_code)]

pub mod config;
pub mod event;
pub mod handler;
pub mod log;
mod memory;
pub mod stop;

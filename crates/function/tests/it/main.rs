//! The real `bootstrap`, over the real Runtime API protocol, against a real S3 protocol server.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod bombs;
mod bootstrap;
mod catalog;
mod concurrent;
mod cut_short;
mod deployment;
mod envelopes;
mod events;
mod images;
mod isolation;
mod managed;
mod moto;
mod notification;
mod order;
mod permissions;
mod reasons;
mod regions;
mod settings;
mod sqs;
mod stored;
mod terminate;
mod throttled;
mod unreadable;

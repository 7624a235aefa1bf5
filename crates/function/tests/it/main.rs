//! The real `bootstrap`, over the real Runtime API protocol, against a real S3 protocol server.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod bootstrap;
mod catalog;
mod concurrent_invocations;
mod decompression_bombs;
mod deployment;
mod envelopes;
mod event_order;
mod events;
mod images;
mod interrupted_search;
mod isolation;
mod managed_instance;
mod moto;
mod notification;
mod output_metadata;
mod permissions;
mod reasons;
mod regions;
mod settings;
mod shutdown;
mod sqs;
mod throttling;
mod unreadable_sources;

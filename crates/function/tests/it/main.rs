//! Runs the real `bootstrap` over the Runtime API protocol, against a server with the S3 protocol.

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

//! Runs the real `bootstrap` binary. It uses the protocol of the Runtime API, and a server that implements the protocol
//! of S3.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod bootstrap;
mod catalog;
mod concurrent_invocations;
mod crops;
mod decompression_bombs;
mod deployment;
mod envelopes;
mod event_order;
mod events;
mod http;
mod http_client;
mod http_hostile;
mod http_redirects;
mod http_writers;
mod images;
mod interrupted_search;
mod isolation;
mod managed_instance;
mod manifest_fields;
mod moto;
mod notification;
mod output_formats;
mod output_metadata;
mod permissions;
mod reasons;
mod regions;
mod rules;
mod settings;
mod shutdown;
mod sqs;
mod throttling;
mod unreadable_sources;

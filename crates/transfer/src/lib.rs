//! Runs whole jobs: fetch a source, convert it, store its variants, report the outcome.
//!
//! [`run`] returns a report and never an error: it converts every error into an [`Outcome`](model::Outcome). Whether a
//! retry may succeed is decided only in [`Error::outcome`]. [`convert_with_timings`] converts a file without S3.
//!
//! **Architecture invariant:** this crate does not depend on Lambda or on any event format.

#![forbid(unsafe_code)]

mod bucket_name;
mod catalog;
mod conversion_queue;
mod convert_source;
mod error;
mod existence;
mod fetch;
mod former_outputs;
#[cfg(test)]
mod golden;
mod job_run;
mod key_decision;
mod layout;
mod listed_key;
mod obsolete_output;
mod operation;
mod output;
mod output_set;
mod output_status;
mod panic;
mod plan;
mod progress;
mod provenance;
mod requested_variant;
mod rules;
mod run;
mod skip_reason;
mod source_headers;
mod source_link;
mod stage;
mod store;
mod stored_outputs;
mod timed_conversion;
pub mod worker;

pub use bucket_name::{BucketName, InvalidBucketName};
pub use error::Error;
pub use key_decision::KeyDecision;
pub use layout::{Layout, OutputLocations, Role, VariantLocation};
pub use listed_key::decode_listed_key;
pub use obsolete_output::{Obsolescence, ObsoleteOutput, check_obsolescence};
pub use operation::{Operation, service_error_message};
pub use output_status::{OutputStatus, check_outputs};
pub use plan::{Deadline, InvalidStorageClass, Plan, StorageClass, StorageOptions};
pub use progress::InterruptedStep;
pub use requested_variant::{Answer, RequestedVariant, StoredVariant, provide_variant};
pub use rules::{KeyPattern, Rule, RuleEffect};
pub use run::run;
pub use source_link::{SourceLink, link_to_source, link_to_variant};
pub use store::{Store, StoreOptions, load_aws_config};
pub use timed_conversion::{ConversionRequest, TimeBudget, TimedConversion, convert_with_timings};

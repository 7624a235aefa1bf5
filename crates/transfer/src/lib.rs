//! One job whole: fetch a source, convert it, store its variants, report what came of it.
//!
//! [`run`] cannot fail. Whatever happens becomes an [`Outcome`](model::Outcome), and whether a retry can help is decided
//! here, in one exhaustive match, and nowhere else. [`work`] is the part of it that needs no network, for programs that
//! have the file at hand.
//!
//! **Architecture invariant:** it knows neither Lambda nor any event's format.

#![forbid(unsafe_code)]

mod bucket_name;
mod catalog;
mod convert_source;
mod error;
mod existence;
mod fetch;
#[cfg(test)]
mod golden;
mod layout;
mod manifest;
mod operation;
mod output;
mod output_set;
mod output_status;
mod panic;
mod plan;
mod progress;
mod provenance;
mod run;
mod source_headers;
mod stage;
mod store;
mod stored_outputs;
mod turn;
mod work;
pub mod worker;

pub use bucket_name::{BucketName, InvalidBucketName};
pub use error::Error;
pub use layout::{Layout, OutputLocations, Role, VariantLocation};
pub use operation::{Operation, service_error_message};
pub use output_status::{OutputStatus, check_outputs};
pub use plan::{Deadline, InvalidStorageClass, Plan, StorageClass, StorageOptions};
pub use progress::InterruptedStep;
pub use run::run;
pub use store::{Store, StoreOptions, load_aws_config};
pub use work::{Request, Time, Work, work};

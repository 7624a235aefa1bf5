//! Converts the images that are already in a bucket. The keys come from a listing of the bucket or from an S3
//! Inventory. [`select_sources`] writes the sources that are not converted yet into a [`Manifest`]. Then
//! [`BatchOperations`] creates an S3 Batch Operations job from the manifest, or [`QueueSender`] sends a message for
//! each source to an SQS queue.
//!
//! [`State`] saves the progress in a directory. After an interrupted or killed run, the next run continues from the
//! saved progress. When all sources are processed, another run does nothing.
//!
//! [`prune`] deletes the outputs that the settings do not contain any more.
//!
//! **Architecture invariant:** this crate does not read images, and only [`transfer`] decides whether a source is
//! already converted and which outputs are obsolete. Only one page of keys is in memory, regardless of the number of keys.

#![forbid(unsafe_code)]

mod batch_operations;
mod error;
mod estimate;
#[cfg(test)]
mod golden;
mod inventory;
mod listing;
mod manifest;
mod page;
mod prune;
mod queue;
mod select;
mod state;

pub use batch_operations::{BatchOperations, Job, JobSettings};
pub use error::Error;
pub use estimate::{Estimate, PRICES, Workload};
pub use manifest::Manifest;
pub use page::{Cursor, Entry, Origin, Page};
pub use prune::{PruneCounts, PruneEvent, prune};
pub use queue::QueueSender;
pub use select::select_sources;
pub use state::{Counts, Selection, State};

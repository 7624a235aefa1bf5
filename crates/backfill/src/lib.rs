//! What is in a bucket already, handed to the function. A [`Listing`] of the bucket or of an S3 Inventory goes in; what of
//! it is still to do comes out as a [`Manifest`] on this machine, which then becomes a job of S3 Batch Operations
//! ([`Batch`]) or the messages of a queue ([`Feed`]).
//!
//! Everything is written down as it is done ([`Ledger`]): whoever is stopped, or killed, goes on from there, and whoever is
//! done does nothing.
//!
//! **Architecture invariant:** no pixels, and no opinion of its own on what is stored: that is [`transfer`]'s. What is held
//! in memory is one page, however many keys there are.

#![forbid(unsafe_code)]

mod batch;
mod error;
mod estimate;
mod feed;
#[cfg(test)]
mod golden;
mod inventory;
mod ledger;
mod list;
mod listing;
mod manifest;

pub use batch::{Batch, Job, Order};
pub use error::Error;
pub use estimate::{Estimate, Work};
pub use feed::Feed;
pub use ledger::{Counts, Ledger, Task};
pub use list::list;
pub use listing::{Cursor, Entry, Listing, Origin, Page};
pub use manifest::Manifest;

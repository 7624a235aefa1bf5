//! The words every other crate speaks: what is to be done ([`Job`]), how ([`Recipe`], [`Limits`]), what is carried
//! between the steps ([`PlanarImage`]) and what came of it ([`Report`]).
//!
//! Plain data goes in and out. A type whose values must agree has private fields and one constructor, so that nobody
//! downstream can hold a wrong one.
//!
//! **Architecture invariant:** no I/O and no dependency beyond serde and thiserror, so that a program which only reads
//! reports links neither a codec nor an SDK.

#![forbid(unsafe_code)]

mod color;
mod job;
mod limits;
mod location;
mod planar_image;
mod quality;
mod recipe;
mod report;
mod sequencer;
mod speed;
mod widths;

pub use color::{Cicp, Color};
pub use job::{Change, Job, Source};
pub use limits::Limits;
pub use location::Location;
pub use planar_image::{Chroma, Depth, PlanarImage, Samples, Shape, ShapeError};
pub use quality::{FixedQuality, InvalidQuality, Quality, Score};
pub use recipe::{InvalidMetadata, Metadata, Recipe};
pub use report::{Outcome, Report, SourceInfo, Timings, VariantReport, VariantStatus};
pub use sequencer::{InvalidSequencer, Sequencer};
pub use speed::{InvalidSpeed, Speed};
pub use widths::{InvalidWidths, Width, Widths};

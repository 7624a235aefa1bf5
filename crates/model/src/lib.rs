//! The types that all other crates share: the work ([`Job`]), its settings ([`Recipe`], [`Limits`]), the pixels between
//! the steps ([`PlanarImage`]) and the result ([`Report`]).
//!
//! Most types are plain data. A type with an invariant has private fields and one constructor, so an invalid value
//! cannot exist.
//!
//! **Architecture invariant:** this crate does no I/O, and has no dependencies except serde and thiserror. A program
//! that only reads reports links neither a codec nor an SDK.

#![forbid(unsafe_code)]

mod area;
mod background;
mod color;
mod error_chain;
mod focal_point;
mod job;
mod limits;
mod location;
mod manifest;
mod modes;
mod output_format;
mod peak_memory;
mod planar_image;
mod quality;
mod recipe;
mod report;
mod sequencer;
mod sizes;
mod speed;
mod text;

pub use area::Area;
pub use background::{Background, InvalidBackground};
pub use color::{Cicp, Color};
pub use error_chain::error_chain;
pub use focal_point::{FocalPoint, InvalidFocalPoint};
pub use job::{Change, Job, Source};
pub use limits::Limits;
pub use location::Location;
pub use manifest::{Manifest, ManifestSource, ManifestVariant, Placeholder};
pub use modes::{ChromaMode, ColorMode, DamagedMode, ManifestMode, Metadata, UnknownWord};
pub use output_format::{Formats, InvalidFormats, InvalidVariantId, OutputFormat, VariantId};
pub use peak_memory::peak_memory_kib;
pub use planar_image::{Chroma, Depth, PlanarImage, Samples, Shape, ShapeError};
pub use quality::{FixedQuality, InvalidQuality, Quality, Score};
pub use recipe::Recipe;
pub use report::{Outcome, Report, SourceInfo, Timings, VariantReport, VariantStatus};
pub use sequencer::{InvalidSequencer, Sequencer};
pub use sizes::{BoxSize, InvalidSizes, Size, Sizes};
pub use speed::{InvalidSpeed, Speed};

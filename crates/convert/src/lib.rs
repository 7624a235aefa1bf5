//! A picture file's bytes in, AVIF variants out.
//!
//! ```text
//! bytes -> OpenedImage -> Decoded -> TransformedImage -> Vec<Variant>
//!         open    decode    transform     encode
//! ```
//!
//! Each step consumes the one before, so that none can be skipped or swapped, and a caller with a clock can time each.
//! [`convert`] is all four in a row.
//!
//! - **open** reads the header alone, and refuses what is over a limit before anything of its size is allocated.
//! - **decode** makes pixels of it, once, in sRGB where the file's own colors cannot travel in an AVIF.
//! - **transform** turns it upright, makes the sizes, and separates luma from chroma.
//! - **encode** writes the variants, two side by side, the largest first.
//!
//! **Architecture invariant:** no clock, no environment, no file, no network, no async. The same bytes and recipe make
//! the same variants.

#![forbid(unsafe_code)]

mod adobe;
mod av1;
mod avif_file;
mod content;
mod decode;
mod describe;
mod encode;
mod error;
mod estimate;
mod format;
mod gain_map;
mod header;
mod heif;
mod icc_tags;
mod jpeg;
mod metadata;
mod motion;
mod open;
mod planes;
mod png;
mod png_file;
mod profile;
mod raster;
mod resize;
mod search;
mod segments;
mod sizes;
mod structure;
mod tiff;
mod transform;
mod turbo;
mod webp;
mod webp_codes;
mod ycbcr;

use std::num::NonZeroUsize;

use model::{Limits, Recipe};

pub use decode::Decoded;
pub use describe::{Channels, Description, describe};
pub use encode::Variant;
pub use error::Error;
pub use format::Format;
pub use open::{OpenedImage, SearchObstacle};
pub use transform::TransformedImage;

/// What one picture became.
#[derive(Debug, Clone)]
pub struct Conversion {
    /// The variants, in the recipe's order.
    pub variants: Vec<Variant>,
    /// Why they were encoded at a fixed quality, where the recipe asks for a search.
    pub search_obstacle: Option<SearchObstacle>,
    /// What a person should know about them: a profile that was left out, say.
    pub notes: Vec<String>,
}

/// Converts a picture file: the four steps in a row, on up to `threads` threads.
///
/// # Errors
/// [`Error`] where the file is no picture, is damaged, is over a limit, or cannot be encoded.
pub fn convert(bytes: &[u8], recipe: &Recipe, limits: &Limits, threads: NonZeroUsize) -> Result<Conversion, Error> {
    OpenedImage::open(bytes, recipe, limits)?.decode()?.transform(recipe)?.encode(recipe, threads)
}

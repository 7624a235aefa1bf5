//! Decides which color description a variant gets, and converts pixels whose color space the variant cannot contain.

pub(crate) mod cmyk;
pub(crate) mod embedded;
mod gray;
pub(crate) mod icc;
pub(crate) mod plan;
mod replacement;
mod to_srgb;
mod tone_map;

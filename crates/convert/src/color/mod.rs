//! Decides which color description an AVIF gets, and converts pixels whose color space an AVIF cannot contain.

pub(crate) mod cmyk;
mod gray;
pub(crate) mod icc;
pub(crate) mod plan;
mod replacement;
mod to_srgb;

//! Decides which color description an AVIF gets, and converts pixels whose color space an AVIF cannot contain.

pub(crate) mod icc_tags;
pub(crate) mod profile;

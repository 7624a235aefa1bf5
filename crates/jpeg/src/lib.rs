//! A safe Rust API over the decoder of libjpeg-turbo. JPEG bytes go in: [`Decoder::open`] reads the header, and
//! [`Decoder::decode`] returns pixels or the stored planes, in the way that browsers decode them.
//!
//! Browsers show what a damaged file contains, and so does this crate: a decoded image has a [`Damage`] if a part of it
//! is missing. An image without damage is complete.
//!
//! **Architecture invariant:** this crate contains no policy. The caller limits the number of pixels and of scans, and
//! decides whether it accepts damage. There are no segments of metadata (Exif, ICC, XMP), and no color management:
//! samples are gray, RGB or CMYK without a profile. All unsafe code of the crate is in `native`.

mod decoded;
mod decoder;
mod error;
mod header;
mod native;
mod options;

pub use decoded::{Damage, Decoded, Intact, Samples};
pub use decoder::Decoder;
pub use error::Error;
pub use header::{ColorSpace, Header, Sampling};
pub use options::{Options, Output};

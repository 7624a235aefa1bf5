//! Converts the bytes of an image file to AVIF, WebP and JPEG variants.
//!
//! ```text
//! bytes -> OpenedImage -> DecodedImage -> TransformedImage -> Conversion
//!     open           decode         transform           encode
//! ```
//!
//! Each step consumes the result of the previous step, so that no step can be skipped or swapped, and the caller can
//! time each step. [`convert`] runs all four.
//!
//! - **open** reads only the header. It rejects a file that exceeds a limit before it allocates memory for the pixels.
//! - **decode** decodes the pixels once. It converts them to sRGB if an AVIF cannot contain their color space,
//!   or if the recipe requires sRGB.
//! - **transform** applies the orientation, resizes, and separates luma from chroma.
//! - **encode** encodes the variants, two at a time, AVIF and the largest first.
//!
//! **Architecture invariant:** this crate uses no clock, no environment variables, no files, no network and no async
//! code. The same bytes, the same recipe and the same number of threads always produce the same variants. With another number of
//! threads, libaom's files differ a little, which can change what a search chooses.

#![forbid(unsafe_code)]

mod animation;
mod color;
mod copyright;
mod damage;
mod decode;
mod describe;
mod encode;
mod error;
mod format;
mod gain_map;
mod limits;
mod open;
mod pixels;
mod preview;
mod read;
mod search;
mod transform;
mod write;
mod xmp;

use std::num::NonZeroUsize;

use model::{Limits, Recipe};

pub use decode::DecodedImage;
pub use describe::{Channels, Description, describe};
pub use encode::Variant;
pub use error::{EncodeError, Error};
pub use format::Format;
pub use open::{OpenedImage, SearchObstacle};
pub use preview::Preview;
pub use transform::TransformedImage;

/// The result of converting one image.
#[derive(Debug, Clone)]
pub struct Conversion {
    /// The variants, in the recipe's order.
    pub variants: Vec<Variant>,
    /// Why the variants were encoded at a fixed quality, although the recipe asks for a search.
    pub search_obstacle: Option<SearchObstacle>,
    /// Messages for the user, for example that a color profile was omitted.
    pub notes: Vec<String>,
}

/// Converts an image file on up to `threads` threads.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use model::{Limits, Recipe};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A BMP of one red pixel: file header, image header, pixel.
/// let mut bmp = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0".to_vec();
/// bmp.extend(b"\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
/// bmp.extend([0, 0, 255, 0]);
/// let recipe = Recipe { sizes: "full,640".parse()?, quality: "60".parse()?, ..Recipe::default() };
/// let conversion = convert::convert(&bmp, &recipe, &Limits::default(), NonZeroUsize::MIN)?;
/// assert_eq!(conversion.variants.len(), 2);
/// assert_eq!((conversion.variants[0].width, conversion.variants[0].height), (1, 1));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Returns an [`Error`] if the file is not a supported image, is damaged, exceeds a limit, or cannot be encoded.
pub fn convert(bytes: &[u8], recipe: &Recipe, limits: &Limits, threads: NonZeroUsize) -> Result<Conversion, Error> {
    OpenedImage::open(bytes, recipe, limits)?.decode()?.transform()?.encode(threads)
}

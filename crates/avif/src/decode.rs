use model::PlanarImage;

use crate::error::Error;
use crate::file::{DecodedFile, Header, Pixels};
use crate::native::decoder::Decoder;
use crate::native::image::Image;

/// Reads an AVIF file's boxes without decoding pixels.
///
/// # Errors
/// Returns the error of libavif. libavif rejects images above its own limits: 2^28 pixels in total, 2^15 pixels per
/// side.
pub fn header(bytes: &[u8]) -> Result<Header, Error> {
    Decoder::new(u32::MAX)?.read_header(bytes)
}

/// Decodes an AVIF file. If the file is a sequence, decodes its first frame.
///
/// # Errors
/// Returns the error of libavif, for example if the image has more than `max_pixels` pixels.
pub fn decode(bytes: &[u8], max_pixels: u32) -> Result<DecodedFile, Error> {
    Decoder::new(max_pixels)?.decode(bytes)
}

/// Converts an image to RGB with the matrix and the range of its color description. Chroma is interpolated in the same
/// way as in browsers.
///
/// # Errors
/// Returns the error of libavif, for example if it does not support the matrix.
pub fn pixels(image: &PlanarImage) -> Result<Pixels, Error> {
    Image::from_planar(image)?.to_pixels()
}

impl DecodedFile {
    /// Converts the image to RGB with the matrix and the range of its color description. The resulting colors are not
    /// multiplied by alpha.
    ///
    /// # Errors
    /// Returns the error of libavif, for example if it does not support the matrix.
    pub fn pixels(&self) -> Result<Pixels, Error> {
        let mut image = Image::from_planar(&self.image)?;
        if self.is_premultiplied {
            image.set_premultiplied();
        }
        image.to_pixels()
    }
}

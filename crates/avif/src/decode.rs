use model::{Color, PlanarImage, Shape};

use crate::native::{Decoder, Image};
use crate::{Attached, Error};

/// What an AVIF file's boxes tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Dimensions and sample format, as stored: neither cut nor turned.
    pub shape: Shape,
    /// Whether it has alpha.
    pub alpha: bool,
    /// What its samples mean.
    pub color: Color,
    /// Its Exif and XMP.
    pub attached: Attached,
    /// What a viewer is to show of it; all, where nothing is said.
    pub aperture: Option<Aperture>,
    /// How a viewer is to turn it, after it was cut.
    pub orientation: Orientation,
    /// How many images the file holds; more than 1 in a sequence.
    pub frames: u32,
}

/// What an AVIF file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Its (first) image, as stored: neither cut nor turned.
    pub image: PlanarImage,
    /// Whether the colors were multiplied by their alpha.
    pub premultiplied: bool,
    /// Its Exif and XMP.
    pub attached: Attached,
    /// How a viewer is to turn it.
    pub orientation: Orientation,
    /// How many images the file holds; more than 1 in a sequence.
    pub frames: u32,
}

/// The part of an image that is to be shown, in fractions of pixels as the file's `clap` property has them (ISO/IEC
/// 14496-12, 12.1.4): numerator and denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aperture {
    /// Its width.
    pub width: (i32, i32),
    /// Its height.
    pub height: (i32, i32),
    /// How far its center lies right of the image's.
    pub right: (i32, i32),
    /// How far its center lies below the image's.
    pub down: (i32, i32),
}

/// The turns that the file's `irot` and `imir` properties ask for (ISO/IEC 23008-12, 6.5.10 and 6.5.12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orientation {
    /// Quarter turns anticlockwise, 0 to 3.
    pub quarter_turns: u8,
    /// Mirrored after turning: 0 swaps top and bottom, 1 swaps left and right.
    pub mirror_axis: Option<u8>,
}

/// Interleaved pixels, row by row without padding: red, green and blue, and alpha where the image has any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pixels {
    /// Of 8 bits a sample.
    Eight(Vec<u8>),
    /// Of more; 65,535 is full.
    Sixteen(Vec<u16>),
}

impl Orientation {
    /// Whether a viewer shows the image as it is stored.
    #[must_use]
    pub fn is_upright(self) -> bool {
        self == Self::default()
    }
}

impl Decoded {
    /// The image as RGB by its own matrix and range; colors that were multiplied by their alpha are whole again.
    ///
    /// # Errors
    /// What libavif reported: it knows no inverse of some matrices.
    pub fn pixels(&self) -> Result<Pixels, Error> {
        if !self.premultiplied {
            return pixels(&self.image);
        }
        let mut image = Image::borrowing(&self.image)?;
        image.set_premultiplied();
        image.pixels()
    }
}

/// An image as RGB by its own matrix and range, chroma interpolated as viewers do it.
///
/// # Errors
/// What libavif reported: it knows no inverse of some matrices.
pub fn pixels(image: &PlanarImage) -> Result<Pixels, Error> {
    Image::borrowing(image)?.pixels()
}

/// Reads an AVIF file's boxes, and no pixel.
///
/// # Errors
/// What libavif reported, its refusal of an image above its own limits included: 2^28 pixels, 2^15 a side.
pub fn header(bytes: &[u8]) -> Result<Header, Error> {
    Decoder::new(u32::MAX)?.header(bytes)
}

/// Reads an AVIF file of at most `max_pixels` pixels.
///
/// # Errors
/// What libavif reported, its refusal of an image above the limit included.
pub fn decode(bytes: &[u8], max_pixels: u32) -> Result<Decoded, Error> {
    Decoder::new(max_pixels)?.read(bytes)
}

//! The output formats: their encoders, and the memory that these take.

pub(crate) mod avif;
pub(crate) mod jpeg;
pub(crate) mod memory;
pub(crate) mod webp;

use ::avif::{Quantizer, QuantizerStep};
use image::DynamicImage;
use model::{OutputFormat, PlanarImage};

use crate::error::EncodeError;
use crate::pixels::content::Content;

/// Encodes one image at any quantizer, and decodes its own files. A search compares these files with the image.
pub(crate) trait Encoder: Sync {
    fn format(&self) -> OutputFormat;

    /// The kind of the image.
    fn content(&self) -> Content;

    /// The distance between the quantizers that the encoder accepts.
    fn step(&self) -> QuantizerStep;

    fn encode(&self, quantizer: Quantizer) -> Result<Vec<u8>, EncodeError>;

    /// Decodes a file that this encoder returned, as viewers decode it.
    fn decode(&self, file: &[u8]) -> Result<DecodedFile, EncodeError>;
}

/// The decoded pixels of an encoded file.
pub(crate) enum DecodedFile {
    Planar(PlanarImage),
    Interleaved(DynamicImage),
}

/// The data in a WebP or JPEG file besides its pixels.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileMetadata {
    /// The ICC profile. `None` means sRGB.
    pub(crate) icc: Option<Vec<u8>>,
    /// Exif, starting at its TIFF header. Its orientation is 1.
    pub(crate) exif: Option<Vec<u8>>,
    /// The XMP packet.
    pub(crate) xmp: Option<Vec<u8>>,
}

/// Returns the quality, 0 to 100, that WebP and JPEG encoders use for a quantizer. The qualities are distributed evenly
/// over the quantizers: quantizer 0 is quality 100, and quantizer 63 is quality 0.
pub(crate) fn quality(quantizer: Quantizer) -> f32 {
    100.0 - quantizer.value() * (100.0 / Quantizer::COARSEST.value())
}

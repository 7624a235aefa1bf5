//! Encodes WebP with libwebp.

use avif::{Quantizer, QuantizerStep};
use image::{DynamicImage, ImageBuffer};
use model::{OutputFormat, Speed};
use webpx::{EncoderConfig, EncodingError, Unstoppable};

use super::{DecodedFile, Encoder, FileMetadata, quality};
use crate::error::EncodeError;
use crate::pixels::chroma_detail::chroma_detail;
use crate::pixels::content::Content;

/// From this chroma detail on, libwebp's iterative chroma subsampling ("sharp YUV") makes files smaller at the same score: a
/// screenshot by 12 %. It takes 0.05 s of CPU time per megapixel. It made photographs at most 1 % smaller or larger.
const MIN_SHARP_CHROMA_DETAIL: f64 = 3.0;

/// An encoder for one image of 8 bits per channel.
pub(crate) struct WebpEncoder<'a> {
    pixels: &'a DynamicImage,
    content: Content,
    config: EncoderConfig,
}

impl<'a> WebpEncoder<'a> {
    /// Creates the encoder. `pixels` are RGB, with or without alpha.
    pub(crate) fn new(pixels: &'a DynamicImage, content: Content, speed: Speed, metadata: &FileMetadata) -> Self {
        let is_sharp = content == Content::Graphic || chroma_detail(pixels) >= MIN_SHARP_CHROMA_DETAIL;
        let mut config = EncoderConfig::new().method(method(speed)).sharp_yuv(is_sharp);
        let FileMetadata { icc, exif, xmp } = metadata.clone();
        if let Some(icc) = icc {
            config = config.icc_profile(icc);
        }
        if let Some(exif) = exif {
            config = config.exif(exif);
        }
        if let Some(xmp) = xmp {
            config = config.xmp(xmp);
        }
        Self { pixels, content, config }
    }

    /// Encodes the image so that decoding returns every visible pixel unchanged.
    pub(crate) fn encode_lossless(&self) -> Result<Vec<u8>, EncodeError> {
        // For lossless files, the quality is the effort. 75 is libwebp's default.
        self.encode_with(&self.config.clone().lossless(true).quality(75.0))
    }

    fn encode_with(&self, config: &EncoderConfig) -> Result<Vec<u8>, EncodeError> {
        let (width, height) = (self.pixels.width(), self.pixels.height());
        let file = match self.pixels {
            DynamicImage::ImageRgba8(pixels) => config.encode_rgba(pixels, width, height, Unstoppable),
            DynamicImage::ImageRgb8(pixels) => config.encode_rgb(pixels, width, height, Unstoppable),
            other => config.encode_rgb(&other.to_rgb8(), width, height, Unstoppable),
        };
        file.map_err(|error| failed(error.error()))
    }
}

impl Encoder for WebpEncoder<'_> {
    fn format(&self) -> OutputFormat {
        OutputFormat::Webp
    }

    fn content(&self) -> Content {
        self.content
    }

    fn step(&self) -> QuantizerStep {
        QuantizerStep::Quarter
    }

    fn encode(&self, quantizer: Quantizer) -> Result<Vec<u8>, EncodeError> {
        if quantizer.is_lossless() {
            return self.encode_lossless();
        }
        self.encode_with(&self.config.clone().quality(quality(quantizer)))
    }

    fn decode(&self, file: &[u8]) -> Result<DecodedFile, EncodeError> {
        let missing = || failed(&webpx::Error::InvalidWebP);
        let image = if self.pixels.color().has_alpha() {
            let (pixels, width, height) = webpx::decode_rgba(file).map_err(|error| failed(error.error()))?;
            DynamicImage::ImageRgba8(ImageBuffer::from_raw(width, height, pixels).ok_or_else(missing)?)
        } else {
            let (pixels, width, height) = webpx::decode_rgb(file).map_err(|error| failed(error.error()))?;
            DynamicImage::ImageRgb8(ImageBuffer::from_raw(width, height, pixels).ok_or_else(missing)?)
        };
        Ok(DecodedFile::Interleaved(image))
    }
}

fn failed(error: &webpx::Error) -> EncodeError {
    let is_out_of_memory = matches!(
        error,
        webpx::Error::OutOfMemory
            | webpx::Error::EncodeFailed(EncodingError::OutOfMemory | EncodingError::BitstreamOutOfMemory)
    );
    EncodeError::Webp { message: error.to_string(), is_out_of_memory }
}

/// Returns libwebp's method, 0 (fastest) to 6 (smallest files). 4 is the default of libwebp and of `sharp`. Method 6 makes
/// files 5 % smaller than method 4 and takes 2.7 times the CPU time.
fn method(speed: Speed) -> u8 {
    match speed.number() {
        ..=2 => 6,
        3..=4 => 5,
        5..=8 => 4,
        _ => 2,
    }
}

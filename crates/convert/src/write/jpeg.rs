//! Encodes progressive JPEG with optimized Huffman tables and trellis quantization.

use avif::{Quantizer, QuantizerStep};
use image::{DynamicImage, ImageBuffer};
use jpeg::{Decoder, Options, Output, Samples};
use model::OutputFormat;
use mozjpeg_rs::{Encoder as JpegWriter, Subsampling};

use super::{DecodedFile, Encoder, FileMetadata, quality};
use crate::error::EncodeError;
use crate::pixels::content::Content;

/// The maximum number of bytes of a segment's content (ITU-T T.81, B.1.1.4: two of 65,535 bytes are the length).
const MAX_SEGMENT_BYTES: usize = 65_533;
/// The first bytes of the segments of Exif and XMP (Exif 2.32, 4.7.2; XMP specification part 3, 1.1.3).
const EXIF_START: &[u8] = b"Exif\0\0";
const XMP_START: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// The quantization table at quality 50, for luma and chroma: Nicolas Robidoux's, which `mozjpeg` uses (jcparam.c).
#[rustfmt::skip]
const QUANTIZATION_TABLE: [u16; 64] = [
    16, 16,  16,  18,  25,  37,  56,  85,
    16, 17,  20,  27,  34,  40,  53,  75,
    16, 20,  24,  31,  43,  62,  91, 135,
    18, 27,  31,  40,  53,  74, 106, 156,
    25, 34,  43,  53,  69,  94, 131, 189,
    37, 40,  62,  74,  94, 124, 169, 238,
    56, 53,  91, 106, 131, 169, 226, 311,
    85, 75, 135, 156, 189, 238, 311, 418,
];
/// This encoder writes 9 scans.
const MAX_SCANS: u32 = 100;

/// The resolution of the chroma planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JpegChroma {
    /// Half the width and half the height of luma.
    Half,
    /// The width and height of luma.
    Full,
}

/// An encoder for one image of 8 bits per channel, without alpha.
pub(crate) struct JpegEncoder<'a> {
    pixels: &'a DynamicImage,
    content: Content,
    writer: JpegWriter,
}

impl<'a> JpegEncoder<'a> {
    /// Creates the encoder. `pixels` are gray or RGB. Exif and XMP must fit into a segment ([`fits_segment`]).
    pub(crate) fn new(pixels: &'a DynamicImage, content: Content, chroma: JpegChroma, metadata: &FileMetadata) -> Self {
        let subsampling = match chroma {
            JpegChroma::Half => Subsampling::S420,
            JpegChroma::Full => Subsampling::S444,
        };
        // Trying other progressions saves 0.5 % of the bytes and doubles the CPU time.
        let mut writer =
            JpegWriter::progressive_balanced().fast_color(true).force_baseline(true).subsampling(subsampling);
        let FileMetadata { icc, exif, xmp } = metadata.clone();
        if let Some(exif) = exif {
            writer = writer.exif_data(exif);
        }
        if let Some(icc) = icc {
            writer = writer.icc_profile(icc);
        }
        if let Some(xmp) = xmp {
            writer = writer.add_marker(1, [XMP_START, &xmp].concat());
        }
        Self { pixels, content, writer }
    }
}

/// Whether a JPEG can contain this metadata.
pub(crate) fn fits_segment(metadata: &FileMetadata) -> bool {
    let fits = |block: &Option<Vec<u8>>, start: &[u8]| {
        block.as_ref().is_none_or(|block| start.len() + block.len() <= MAX_SEGMENT_BYTES)
    };
    fits(&metadata.exif, EXIF_START) && fits(&metadata.xmp, XMP_START)
}

impl Encoder for JpegEncoder<'_> {
    fn format(&self) -> OutputFormat {
        OutputFormat::Jpeg
    }

    fn content(&self) -> Content {
        self.content
    }

    fn step(&self) -> QuantizerStep {
        QuantizerStep::Quarter
    }

    fn encode(&self, quantizer: Quantizer) -> Result<Vec<u8>, EncodeError> {
        let table = quantization_table(quality(quantizer));
        // At quality 50, the table is used as it is.
        let writer = self.writer.clone().quality(50).custom_luma_qtable(table).custom_chroma_qtable(table);
        let (width, height) = (self.pixels.width(), self.pixels.height());
        let file = match self.pixels {
            DynamicImage::ImageLuma8(pixels) => writer.encode_gray(pixels, width, height),
            DynamicImage::ImageRgb8(pixels) => writer.encode_rgb(pixels, width, height),
            other => writer.encode_rgb(&other.to_rgb8(), width, height),
        };
        file.map_err(|error| {
            let is_out_of_memory = matches!(error, mozjpeg_rs::Error::AllocationFailed);
            EncodeError::Jpeg { message: error.to_string(), is_out_of_memory }
        })
    }

    fn decode(&self, file: &[u8]) -> Result<DecodedFile, EncodeError> {
        let failed = |message: String| EncodeError::Jpeg { message, is_out_of_memory: false };
        let options = Options { max_scans: MAX_SCANS, color_space: None, tables: None };
        let decoded = Decoder::open(file, options).and_then(|decoder| decoder.decode(Output::Pixels));
        let jpeg::Decoded { width, height, samples, .. } = decoded.map_err(|error| failed(error.to_string()))?;
        let Samples::Pixels(pixels) = samples else { return Err(failed("the decoder returned planes".into())) };
        let image = match self.pixels {
            DynamicImage::ImageLuma8(_) => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
            _ => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        };
        image.map(DecodedFile::Interleaved).ok_or_else(|| failed("the decoder returned too few pixels".into()))
    }
}

/// Returns the quantization table for a quality, 1 to 100. Whole qualities have the same tables as in libjpeg
/// (jcparam.c, `jpeg_quality_scaling`). Fractions of a quality have tables between these.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of an entry")]
fn quantization_table(quality: f32) -> [u16; 64] {
    let quality = quality.max(1.0);
    let percent = if quality < 50.0 { 5000.0 / quality } else { 200.0 - 2.0 * quality };
    QUANTIZATION_TABLE.map(|entry| ((f32::from(entry) * percent + 50.0) / 100.0).floor().clamp(1.0, 255.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_qualities_have_the_tables_of_libjpeg() {
        assert_eq!(quantization_table(100.0), [1; 64]);
        assert_eq!(quantization_table(50.0).map(u32::from), QUANTIZATION_TABLE.map(|entry| u32::from(entry).min(255)));
        // (16 * 40 + 50) / 100 and (418 * 40 + 50) / 100, rounded down.
        let table = quantization_table(80.0);
        assert_eq!((table[0], table[63]), (6, 167));
        assert_eq!(quantization_table(0.0)[0], 255);
    }
}

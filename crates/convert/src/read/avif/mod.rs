//! AVIF files as sources. The variant that has the width of the source is a copy of the source. Only narrower variants
//! are encoded.

mod av1;
mod heif;

use std::mem;

use heif::Container;
use model::{Metadata, Recipe, Shape};

use crate::error::brief;
use crate::pixels::decoded_avif::pixels_to_image;
use crate::read::heif::{brands, cicp, color_type, crop_rect, orientation};
use crate::read::metadata::MetadataBlocks;
use crate::read::{CopiedSource, Decode, DecodeRequest, Decoded, DecodedPixels, Header, ReadOptions, Reader, Source};
use crate::{Error, Format};

impl Format {
    /// AVIF. Of a sequence, only the first frame is encoded.
    pub const AVIF: Self = Self { name: "AVIF", extensions: &["avif"] };
}

pub(crate) const READER: Reader = Reader { format: Format::AVIF, recognize, open };

/// An AVIF whose boxes were read.
struct AvifFile<'bytes> {
    /// The bytes of the source, if all metadata is kept.
    source: Option<&'bytes [u8]>,
    metadata: Metadata,
    /// The rewritten file. The codec decodes only this file.
    container: Container,
    shape: Shape,
    has_alpha: bool,
    frames: u32,
    /// The visible rectangle (clean aperture): left, top, width, height.
    crop: [u32; 4],
}

/// Whether a brand of the file is AVIF's (AVIF 1.2, 6). The brand of a still image may be that of HEIF in general.
fn recognize(bytes: &[u8]) -> bool {
    brands(bytes).iter().any(|brand| matches!(brand, b"avif" | b"avis"))
}

/// Bytes per pixel that an AV1 decoder allocates in addition to the pixels. AV1 is decoded to planes. The planes are
/// copied once, and the decoder stores additional data for every block.
const AV1_DECODER_BYTES_PER_PIXEL: u64 = 30;

fn open<'bytes>(bytes: &'bytes [u8], options: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    let (mut file, file_header) = AvifFile::open(bytes, options.recipe)?;
    let MetadataBlocks { exif, xmp, .. } = mem::take(&mut file.container.metadata);
    let mut header = Header::new(file.size(), color_type(file.shape, file.has_alpha));
    header.orientation = orientation(file_header.orientation);
    header.icc = file_header.color.icc;
    header.cicp = cicp(file_header.color.cicp);
    (header.exif, header.xmp) = (exif, xmp);
    header.is_copied = true;
    header.is_sequence = file.frames > 1;
    header.cost.held_bytes = file.sample_table_bytes();
    // The cells of a small grid image may be larger than the image.
    let pixels = u64::from(header.width) * u64::from(header.height);
    header.cost.decoding_bytes =
        pixels.max(heif::SMALL_IMAGE_PIXELS.into()).saturating_mul(AV1_DECODER_BYTES_PER_PIXEL);
    // The copies are the source, the file without metadata, and either a variant or the data from which the file without
    // metadata is written.
    header.cost.file_copies = 3;
    Ok(Source { format: Format::AVIF, header, decoder: Box::new(file) })
}

impl<'bytes> AvifFile<'bytes> {
    /// Reads the boxes, and rewrites the container without the metadata that the recipe does not keep. With
    /// [`Metadata::Keep`], a copied variant is the unchanged source, not the rewritten file.
    fn open(bytes: &'bytes [u8], recipe: &Recipe) -> Result<(Self, avif::Header), Error> {
        let container = heif::read(bytes, recipe)?;
        let header = avif::header(&container.file).map_err(from_avif_error)?;
        let metadata = recipe.metadata;
        let source = match metadata {
            Metadata::Keep => Some(bytes),
            Metadata::Strip | Metadata::Copyright => None,
        };
        let (shape, has_alpha, frames) = (header.shape, header.has_alpha, header.frames);
        let whole = [0, 0, shape.width, shape.height];
        let size = (shape.width, shape.height);
        let crop = header.aperture.and_then(|aperture| crop_rect(aperture, size)).unwrap_or(whole);
        Ok((Self { source, metadata, container, shape, has_alpha, frames, crop }, header))
    }

    /// Width and height in pixels, after cropping and before the orientation is applied.
    fn size(&self) -> (u32, u32) {
        (self.crop[2], self.crop[3])
    }

    /// Returns the maximum size in bytes of the sample tables, in this crate and in libavif.
    fn sample_table_bytes(&self) -> u64 {
        /// The maximum number of bytes per sample. In a measurement, the tables of this crate and of libavif had 130
        /// bytes per sample. The maximum also covers the growth of the copies: the memory estimate assumes three copies
        /// of the file that are as long as the source. A copy may be longer than the source, because it contains an
        /// offset and a size for each sample, and a size field in the last OBU of each sample.
        const BYTES_PER_SAMPLE: u64 = 512;
        self.container.samples as u64 * BYTES_PER_SAMPLE
    }
}

impl Decode for AvifFile<'_> {
    /// Decodes the image even if no variant is encoded, to check that it is complete.
    fn decode(self: Box<Self>, request: &DecodeRequest) -> Result<Decoded, Error> {
        let Container { file, mut notes, has_gain_map, .. } = self.container;
        // `heif::read` already checked the sizes of the images. A gain map may be larger than the image, but it is not
        // decoded.
        let max_pixels = self
            .shape
            .width
            .saturating_mul(self.shape.height)
            .max(heif::SMALL_IMAGE_PIXELS)
            .saturating_mul(heif::MAX_DECODED_PIXEL_RATIO);
        let decoded = avif::decode(&file, max_pixels).map_err(from_avif_error)?;
        let shape = decoded.image.shape();
        if (shape.width, shape.height) != (self.shape.width, self.shape.height) {
            return Err(damaged("its decoded size differs from the declared size"));
        }
        let copied_source = request.copied_size.map(|size| {
            let note = match self.metadata {
                Metadata::Keep => "",
                Metadata::Copyright => ", metadata removed except for creator, copyright, credit and usage terms",
                Metadata::Strip => ", metadata removed",
            };
            notes.push(format!("the source is already AVIF: copied without re-encoding{note}"));
            CopiedSource { file: self.source.unwrap_or(&file).into(), size }
        });
        drop(file);
        if !request.is_encoded {
            return Ok(Decoded { pixels: None, copied_source, notes });
        }
        if self.frames > 1 {
            notes.push(format!("narrower variants show only the first of its {} frames", self.frames));
        }
        if has_gain_map {
            let from = if copied_source.is_some() { " from narrower variants" } else { "" };
            notes.push(format!("its gain map was omitted{from}"));
        }
        let pixels = decoded.pixels().map_err(|error| Error::Unsupported {
            format: Format::AVIF,
            message: format!("matrix {}: {}", decoded.image.color().cicp.matrix, brief(&error.to_string())),
        })?;
        drop(decoded);
        let image =
            pixels_to_image(pixels, shape, self.has_alpha).ok_or_else(|| damaged("some of its pixels are missing"))?;
        let [left, top, width, height] = self.crop;
        let whole = (width, height) == (shape.width, shape.height);
        let image = if whole { image } else { image.crop_imm(left, top, width, height) };
        Ok(Decoded { pixels: Some(DecodedPixels::Interleaved(image)), copied_source, notes })
    }
}

fn from_avif_error(error: avif::Error) -> Error {
    match error {
        avif::Error::UnknownFormat { .. } => {
            Error::Unsupported { format: Format::AVIF, message: brief(&error.to_string()) }
        }
        avif::Error::Library { message, .. } => damaged(&message),
        error => damaged(&error.to_string()),
    }
}

fn damaged(message: &str) -> Error {
    Error::Damaged { format: Format::AVIF, message: brief(message) }
}

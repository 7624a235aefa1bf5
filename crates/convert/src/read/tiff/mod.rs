//! Reads TIFF 6.0 and `BigTIFF` files, with the supplements by Adobe and libtiff. Only the first page is read.
//!
//! The crate `tiff` reads the directory and its tags. It does not decode the pixels, because version 0.11 rejects many
//! of them (palettes, gray with alpha, CIE L*a*b*, subsampled chroma, T.4 faxes), ignores `FillOrder`, and panics if
//! planes are cut into tiles that extend beyond the image. Here, every tag that changes the meaning of the samples is
//! read or rejected, and each compression has a library of its own, which decompresses no more than the rows it is
//! asked for.

mod alpha;
mod chunks;
mod colors;
mod compression;
mod directory;
mod header;
mod lab;
mod levels;
mod names;
mod palette;
mod pixels;
mod predictor;
mod samples;
mod tags;
mod ycbcr;

use image::{ColorType, DynamicImage, ImageBuffer};
use model::Metadata;
use tiff::tags::{Predictor, Tag};

use crate::copyright::ExifFields;
use crate::read::{Decode, DecodeRequest, Decoded, DecodedPixels, Header, ReadOptions, Reader, Source, metadata};
use crate::{Error, Format};
use alpha::unpremultiply;
use chunks::Chunks;
use colors::{Colors, color_samples};
use compression::{ChunkFormat, Compression};
use directory::Directory;
use pixels::PixelReader;
use predictor::read_predictor;
use samples::{SampleKind, Samples};

impl Format {
    /// TIFF and `BigTIFF`. Only the first page is converted.
    pub const TIFF: Self = Self { name: "TIFF", extensions: &["tif", "tiff"] };
}

pub(crate) const READER: Reader = Reader { format: Format::TIFF, recognize, open };

/// Whether the bytes are the start of a TIFF or a `BigTIFF`.
fn recognize(bytes: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| bytes.starts_with(&magic[..]))
}

/// Reads the tags of the first page.
fn open<'bytes>(bytes: &'bytes [u8], options: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    let mut directory = Directory::read(bytes)?;
    let mut notes = vec![];
    let (width, height) = directory.image_size()?;
    let compression = Compression::read(&mut directory)?;
    let photometric = directory.photometric_interpretation()?;
    let is_gray_jpeg = compression == Compression::Jpeg && directory.samples_per_pixel()? == 1;
    let samples = Samples::read(&mut directory, color_samples(photometric, is_gray_jpeg)?, &mut notes)?;
    compression.check_samples(&samples)?;
    let colors = Colors::read(&mut directory, photometric, &samples, compression)?;
    directory.check_other_tags()?;
    let predictor = read_predictor(&mut directory, compression, &samples)?;
    let chunks = Chunks::read(&mut directory, (width, height), &samples, compression)?;
    let format = ChunkFormat {
        compression,
        size: (chunks.width, chunks.height),
        samples: samples.per_chunk(),
        has_reversed_bits: directory.has_reversed_bits()?,
        file_bytes: bytes.len(),
    };
    let subsampling = read_subsampling(&mut directory, &colors, &samples, predictor)?;
    let is_float = matches!(samples.kind, SampleKind::Float(_));
    let (icc, xmp) = read_metadata(&mut directory, &colors, is_float, &mut notes);
    let exif = match options.recipe.metadata {
        Metadata::Copyright => read_copyright(&mut directory, &mut notes),
        Metadata::Strip | Metadata::Keep => None,
    };
    if directory.has_next_page() {
        notes.push("only its first page was converted".into());
    }
    let (orientation, size) = (directory.orientation(), (width, height));
    let is_cmyk = matches!(colors, Colors::Inks);
    let reader = PixelReader { directory, size, samples, photometric, colors, chunks, format, predictor, subsampling };
    let color = color_type(&reader);
    let mut header = Header::new(size, color);
    header.orientation = orientation;
    header.is_cmyk = is_cmyk;
    (header.icc, header.exif, header.xmp, header.notes) = (icc, exif, xmp, notes);
    // The memory estimate of a conversion already contains a second copy of the pixels.
    let copy = u64::from(width).saturating_mul(height.into()).saturating_mul(color.bytes_per_pixel().into());
    header.cost.decoding_bytes = reader.allocated_bytes().saturating_sub(copy);
    Ok(Source { format: Format::TIFF, header, decoder: Box::new(TiffFile { size, color, is_cmyk, reader }) })
}

/// The first page of a file, whose pixels have not been decoded yet.
struct TiffFile<'bytes> {
    /// Width and height in pixels, before the orientation is applied.
    size: (u32, u32),
    /// The type of the decoded pixels; `Rgba8` for inks.
    color: ColorType,
    is_cmyk: bool,
    reader: PixelReader<'bytes>,
}

impl Decode for TiffFile<'_> {
    /// Colors that are premultiplied by alpha are divided by it.
    fn decode(self: Box<Self>, _: &DecodeRequest) -> Result<Decoded, Error> {
        let Self { size: (width, height), color, is_cmyk, reader } = *self;
        if is_cmyk {
            return Ok(DecodedPixels::Cmyk { size: (width, height), inks: reader.read()? }.into());
        }
        let is_premultiplied = reader.samples.alpha.is_some_and(|alpha| alpha.is_premultiplied);
        let image: Option<DynamicImage> = match color {
            ColorType::L8 => ImageBuffer::from_raw(width, height, reader.read()?).map(DynamicImage::ImageLuma8),
            ColorType::La8 => ImageBuffer::from_raw(width, height, reader.read()?).map(DynamicImage::ImageLumaA8),
            ColorType::Rgb8 => ImageBuffer::from_raw(width, height, reader.read()?).map(DynamicImage::ImageRgb8),
            ColorType::Rgba8 => ImageBuffer::from_raw(width, height, reader.read()?).map(DynamicImage::ImageRgba8),
            ColorType::L16 => ImageBuffer::from_raw(width, height, reader.read()?).map(DynamicImage::ImageLuma16),
            ColorType::La16 => ImageBuffer::from_raw(width, height, reader.read()?).map(DynamicImage::ImageLumaA16),
            ColorType::Rgb16 => ImageBuffer::from_raw(width, height, reader.read()?).map(DynamicImage::ImageRgb16),
            ColorType::Rgba16 => ImageBuffer::from_raw(width, height, reader.read()?).map(DynamicImage::ImageRgba16),
            _ => None,
        };
        let image = image.ok_or_else(|| damaged("its strips contain fewer pixels than its dimensions"))?;
        Ok(if is_premultiplied { unpremultiply(image) } else { image }.into())
    }
}

/// Returns the type of the decoded pixels.
fn color_type(reader: &PixelReader<'_>) -> ColorType {
    let is_deep = reader.colors.is_deep(reader.samples.kind);
    match (reader.channels(), is_deep) {
        (1, false) => ColorType::L8,
        (1, true) => ColorType::L16,
        (2, false) => ColorType::La8,
        (2, true) => ColorType::La16,
        (3, false) => ColorType::Rgb8,
        (3, true) => ColorType::Rgb16,
        (_, false) => ColorType::Rgba8,
        (_, true) => ColorType::Rgba16,
    }
}

/// Reads the chroma subsampling of luma and chroma that no JPEG decoder converts; else (1, 1).
fn read_subsampling(
    directory: &mut Directory<'_>,
    colors: &Colors,
    samples: &Samples,
    predictor: Predictor,
) -> Result<(u8, u8), Error> {
    if !matches!(colors, Colors::YCbCr(_)) {
        return Ok((1, 1));
    }
    let (across, down) = directory.ycbcr_subsampling()?.unwrap_or((2, 2));
    if (across, down) != (1, 1) && (samples.is_planar || samples.count != 3 || predictor != Predictor::None) {
        return Err(unsupported(format!(
            "its chroma is subsampled (YCbCrSubSampling {across}, {down}) and is planar, has a predictor or has alpha"
        )));
    }
    Ok((across, down))
}

/// Reads the ICC profile and the XMP packet. Adds a note if colors are not shown as the tags describe them.
fn read_metadata(
    directory: &mut Directory<'_>,
    colors: &Colors,
    is_float: bool,
    notes: &mut Vec<String>,
) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let icc = directory.block(Tag::IccProfile, metadata::MAX_BLOCK_BYTES);
    let xmp = directory.block(tags::XMP, metadata::MAX_BLOCK_BYTES);
    let ignored = directory.ignored_color_tags();
    if matches!(colors, Colors::Lab(_)) {
        // The pixels become sRGB. A profile would describe the L*a*b* colors.
        return (None, xmp);
    }
    if icc.is_none() && !ignored.is_empty() {
        notes.push(format!("its {} was ignored; the image was treated as sRGB", ignored.join(", ")));
    }
    if icc.is_none() && is_float {
        notes.push("its floating-point levels from 0 to 1 were treated as sRGB".into());
    }
    (icc, xmp)
}

/// Reads the artist and the copyright, and returns them as Exif. The other Exif of a TIFF is not read.
fn read_copyright(directory: &mut Directory<'_>, notes: &mut Vec<String>) -> Option<Vec<u8>> {
    let mut text = |tag: Tag| match directory.block(tag, metadata::MAX_BLOCK_BYTES) {
        Some(text) if text.is_empty() => {
            notes.push(format!(
                "its {tag:?} was omitted: it is damaged or over {} MiB",
                metadata::MAX_BLOCK_BYTES >> 20
            ));
            text
        }
        text => text.unwrap_or_default(),
    };
    let fields = ExifFields::new(&text(Tag::Artist), &text(Tag::Copyright));
    fields.write().unwrap_or_else(|reason| {
        notes.push(format!("its Artist and Copyright were omitted: {reason}"));
        None
    })
}

fn damaged(message: impl Into<String>) -> Error {
    Error::Damaged { format: Format::TIFF, message: message.into() }
}

fn unsupported(message: impl Into<String>) -> Error {
    Error::Unsupported { format: Format::TIFF, message: message.into() }
}

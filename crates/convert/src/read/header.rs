//! The header of a source file of any format: its properties before the pixels are decoded.

use std::error::Error as _;
use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageReader};
use model::{Cicp, Limits, Metadata, Recipe};

use crate::animation::{AnimationHeader, MAX_OVERSIZED_FRAME_BYTES};
use crate::color::profile;
use crate::error::brief;
use crate::gain_map::{self, OpenedGainMap};
use crate::pixels::sizes::variant_sizes;
use crate::read::avif::{self as avif_file, AvifFile, AvifVariants};
use crate::read::jpeg::JpegFile;
use crate::read::metadata;
use crate::read::png::chunks;
use crate::read::png::{self, PngFile};
use crate::read::tiff::TiffFile;
use crate::read::webp;
use crate::{Error, Format};

/// The header of a source file.
pub(crate) struct Header<'bytes> {
    pub(crate) format: Format,
    /// Width in pixels, before the orientation is applied.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) orientation: Orientation,
    pub(crate) icc: Option<Vec<u8>>,
    pub(crate) cicp: Option<Cicp>,
    pub(crate) exif: Option<Vec<u8>>,
    pub(crate) xmp: Option<Vec<u8>>,
    pub(crate) reader: Reader<'bytes>,
    /// The gain map, or the reason why it cannot be used.
    pub(crate) gain_map: Option<Result<OpenedGainMap<'bytes>, String>>,
    /// Messages for the user about parts that are not read.
    pub(crate) notes: Vec<String>,
    /// Bytes that the decoder allocates in addition to the pixels.
    pub(crate) decoder_bytes: u64,
}

/// The decoder for the pixels.
pub(crate) enum Reader<'bytes> {
    /// JPEG is decoded without the `image` crate, because only its underlying decoder can output unconverted CMYK.
    Jpeg(Box<JpegFile<'bytes>>),
    Tiff(Box<TiffFile<'bytes>>),
    /// AVIF is decoded by libavif.
    Avif(Box<AvifFile<'bytes>>, AvifVariants),
    Other(Box<dyn ImageDecoder + 'bytes>),
    /// An animation is decoded frame by frame.
    Animation {
        header: AnimationHeader,
        bytes: &'bytes [u8],
        color: ColorType,
    },
}

impl<'bytes> Header<'bytes> {
    pub(crate) fn read(bytes: &'bytes [u8], recipe: &Recipe, limits: &Limits) -> Result<Self, Error> {
        let format = Format::detect(bytes)?;
        let mut header = match format {
            Format::Jpeg => Self::read_jpeg(bytes),
            Format::Avif => Self::read_avif(bytes, recipe),
            Format::Tiff => Self::read_tiff(bytes, recipe),
            Format::Png | Format::WebP | Format::Gif | Format::Bmp => {
                Self::read_with_image_crate(format, bytes, recipe, limits)
            }
        }?;
        if recipe.metadata == Metadata::Strip {
            header.icc = header.icc.map(profile::without_private_tags);
        }
        Ok(header)
    }

    /// Width and height in pixels, after the orientation is applied.
    pub(crate) fn size(&self) -> (u32, u32) {
        if self.is_transposed() { (self.height, self.width) } else { (self.width, self.height) }
    }

    /// The number of frames to encode; 1 for a still image.
    pub(crate) fn frames(&self) -> u32 {
        self.animation().map_or(1, AnimationHeader::frames)
    }

    /// The animation, unless the image is still.
    pub(crate) fn animation(&self) -> Option<&AnimationHeader> {
        match &self.reader {
            Reader::Animation { header, .. } => Some(header),
            // Only the first frame of an AVIF sequence is ever encoded.
            Reader::Avif(..) | Reader::Jpeg(_) | Reader::Tiff(_) | Reader::Other(_) => None,
        }
    }

    /// The pixel type in the file.
    pub(crate) fn color_type(&self) -> ColorType {
        match &self.reader {
            Reader::Jpeg(jpeg) => jpeg.color_type(),
            Reader::Tiff(tiff) => tiff.color,
            Reader::Avif(avif, _) => avif.color_type(),
            Reader::Other(decoder) => decoder.color_type(),
            // Frames are decoded to 8 bits.
            Reader::Animation { color, .. } => *color,
        }
    }

    /// Whether the samples are CMYK inks.
    pub(crate) fn is_cmyk(&self) -> bool {
        match &self.reader {
            Reader::Jpeg(jpeg) => jpeg.is_cmyk(),
            Reader::Tiff(tiff) => tiff.is_cmyk,
            Reader::Avif(..) | Reader::Other(_) | Reader::Animation { .. } => false,
        }
    }

    /// The number of passes over the image that decoding takes.
    pub(crate) fn scans(&self) -> u32 {
        match &self.reader {
            Reader::Jpeg(jpeg) => jpeg.scans(),
            Reader::Tiff(_) | Reader::Avif(..) | Reader::Other(_) | Reader::Animation { .. } => 1,
        }
    }

    /// The sizes of the variants in pixels, without duplicates, the widest first.
    pub(crate) fn sizes(&self, recipe: &Recipe) -> Vec<(u32, u32)> {
        variant_sizes(self.size(), recipe.widths.iter())
    }

    /// The sizes of the variants that must be encoded.
    pub(crate) fn encoded_sizes(&self, recipe: &Recipe) -> Vec<(u32, u32)> {
        let mut sizes = self.sizes(recipe);
        if let Reader::Avif(_, AvifVariants { copied_size: Some(copied), .. }) = self.reader {
            sizes.retain(|size| *size != copied);
        }
        sizes
    }

    /// Whether applying the orientation swaps width and height.
    pub(crate) fn is_transposed(&self) -> bool {
        self.orientation.to_exif() > 4
    }

    fn read_jpeg(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let jpeg = JpegFile::open(bytes)?;
        let (width, height) = jpeg.size();
        let (icc, exif, xmp) = (jpeg.icc(), jpeg.exif(), jpeg.xmp());
        Ok(Self {
            format: Format::Jpeg,
            width,
            height,
            orientation: exif.as_deref().map_or(Orientation::NoTransforms, metadata::orientation),
            icc,
            cicp: None,
            exif,
            xmp,
            decoder_bytes: jpeg.decoder_bytes(),
            reader: Reader::Jpeg(Box::new(jpeg)),
            gain_map: gain_map::find(bytes),
            notes: vec![],
        })
    }

    fn read_avif(bytes: &'bytes [u8], recipe: &Recipe) -> Result<Self, Error> {
        let (avif, header) = AvifFile::open(bytes, recipe)?;
        let (width, height) = avif.size();
        let mut header = Self {
            format: Format::Avif,
            width,
            height,
            orientation: avif_file::orientation(header.orientation),
            icc: header.color.icc,
            cicp: avif_file::cicp(header.color.cicp),
            exif: header.attachments.exif,
            xmp: header.attachments.xmp,
            decoder_bytes: avif.sample_table_bytes(),
            reader: Reader::Avif(Box::new(avif), AvifVariants { copied_size: None, has_narrower: false }),
            gain_map: None,
            notes: vec![],
        };
        let (size, sizes) = (header.size(), header.sizes(recipe));
        if let Reader::Avif(_, variants) = &mut header.reader {
            variants.copied_size = sizes.contains(&size).then_some(size);
            variants.has_narrower = sizes.iter().any(|narrower| *narrower != size);
        }
        Ok(header)
    }

    fn read_tiff(bytes: &'bytes [u8], recipe: &Recipe) -> Result<Self, Error> {
        let mut tiff = TiffFile::open(bytes)?;
        let mut notes = std::mem::take(&mut tiff.notes);
        let xmp = metadata::select_block("XMP", tiff.xmp.take(), recipe, &mut notes);
        Ok(Self {
            format: Format::Tiff,
            width: tiff.width,
            height: tiff.height,
            orientation: tiff.orientation,
            icc: tiff.icc.take(),
            cicp: None,
            exif: None,
            xmp,
            decoder_bytes: tiff.decoder_bytes,
            reader: Reader::Tiff(Box::new(tiff)),
            gain_map: None,
            notes,
        })
    }

    fn read_with_image_crate(
        format: Format,
        bytes: &'bytes [u8],
        recipe: &Recipe,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let mut decoder: Box<dyn ImageDecoder + 'bytes> = match format {
            Format::Png => Box::new(PngFile::open(bytes)?),
            Format::Jpeg | Format::WebP | Format::Gif | Format::Tiff | Format::Bmp | Format::Avif => {
                let mut reader = ImageReader::with_format(Cursor::new(bytes), format.image_format());
                let mut allocation = image::Limits::no_limits();
                allocation.max_alloc = Some(limits.memory);
                reader.limits(allocation);
                Box::new(reader.into_decoder().map_err(|error| decoder_error(format, error))?)
            }
        };
        let (width, height) = decoder.dimensions();
        if format == Format::Gif {
            // The memory is estimated from the size of the image, which is the size of the logical screen. A frame may
            // be larger than the logical screen, so the memory for the pixels of a frame is limited here.
            let mut allocation = image::Limits::no_limits();
            allocation.max_alloc = Some(decoder.total_bytes().max(MAX_OVERSIZED_FRAME_BYTES).min(limits.memory));
            decoder.set_limits(allocation).map_err(|error| decoder_error(format, error))?;
        }
        let (mut icc, exif, xmp) = match format {
            Format::Png => {
                // The XMP may be compressed. It is decompressed only if metadata is kept.
                let xmp = chunks::find_xmp(bytes).filter(|_| recipe.metadata == Metadata::Keep);
                let xmp = xmp.map(|chunk| png::read_xmp(bytes, chunk, metadata::MAX_BLOCK_BYTES));
                (decoder.icc_profile().ok().flatten(), chunks::find_exif(bytes), xmp)
            }
            Format::WebP => {
                let [icc, exif, xmp] = [*b"ICCP", *b"EXIF", *b"XMP "].map(|name| webp::find_chunk(bytes, name));
                (icc.map(metadata::copy_block), exif, xmp.map(metadata::copy_block))
            }
            // The image is converted even if its metadata cannot be read.
            Format::Jpeg | Format::Gif | Format::Tiff | Format::Bmp | Format::Avif => {
                (decoder.icc_profile().ok().flatten(), None, decoder.xmp_metadata().ok().flatten())
            }
        };
        let mut cicp = None;
        if format == Format::Png {
            let is_gray = !decoder.color_type().has_color();
            cicp = chunks::read_cicp(bytes);
            cicp = cicp.or_else(|| {
                chunks::linear_cicp(bytes, is_gray).filter(|_| icc.is_none() && !chunks::has_profile(bytes))
            });
            // If the file has a profile that cannot be read, an empty profile replaces it. The empty profile is later
            // reported as damaged.
            icc = icc.or_else(|| chunks::has_profile(bytes).then(Vec::new));
            icc = icc.or_else(|| chunks::gamma_profile(bytes, is_gray)).filter(|_| cicp.is_none());
        }
        let exif = exif.map(metadata::strip_exif_prefix);
        let orientation = match exif {
            Some(exif) => metadata::orientation(exif),
            None if format == Format::WebP => Orientation::NoTransforms,
            None => decoder.orientation().unwrap_or(Orientation::NoTransforms),
        };
        let mut notes = vec![];
        let exif = metadata::select_block("Exif", exif.map(metadata::copy_block), recipe, &mut notes);
        let xmp = metadata::select_block("XMP", xmp, recipe, &mut notes);
        let animation = AnimationHeader::read(format, bytes, (width, height), limits)?;
        // Two encoders read the animation at the same time.
        let encoders = if animation.is_some() { 2 } else { 1 };
        let decoder_bytes =
            if format == Format::WebP { encoders * webp::table_bytes(bytes, (width, height))? } else { 0 };
        let color = decoder.color_type();
        Ok(Self {
            format,
            width,
            height,
            orientation,
            icc,
            cicp,
            exif,
            xmp,
            reader: match animation {
                Some(header) => Reader::Animation { header, bytes, color },
                None => Reader::Other(decoder),
            },
            gain_map: None,
            notes,
            decoder_bytes,
        })
    }
}

/// Converts an error of the `image` crate's decoders.
pub(crate) fn decoder_error(format: Format, error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(error) => Error::Unsupported { format, message: brief(&error.to_string()) },
        // The crate's text, "Memory limit exceeded", names no limit. The cause is the size that the file declares, so
        // the error is `Damaged`.
        ImageError::Limits(error) => Error::Damaged { format, message: format!("it needs too much memory: {error}") },
        // Takes only the cause: the rest of the text is the format's name, which our error contains already.
        ImageError::Decoding(error) => {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            Error::Damaged { format, message: brief(&cause) }
        }
        error => Error::Damaged { format, message: brief(&error.to_string()) },
    }
}

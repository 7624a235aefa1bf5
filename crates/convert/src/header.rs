//! What a file says before its pixels, whatever its format.

use std::error::Error as _;
use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageReader};
use model::{Cicp, Limits, Metadata, Recipe};

use crate::avif_file::{self, AvifFile, Uses};
use crate::error::brief;
use crate::gain_map::{self, Found};
use crate::jpeg::Jpeg;
use crate::motion::{LARGEST_FRAME, Motion};
use crate::png_file::{self, PngFile};
use crate::sizes::variant_sizes;
use crate::{Error, Format, metadata, png, profile, tiff, webp};

/// A file's header.
pub(crate) struct Header<'bytes> {
    pub(crate) format: Format,
    /// As it is stored, in pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) orientation: Orientation,
    pub(crate) icc: Option<Vec<u8>>,
    pub(crate) cicp: Option<Cicp>,
    pub(crate) exif: Option<Vec<u8>>,
    pub(crate) xmp: Option<Vec<u8>>,
    pub(crate) reader: Reader<'bytes>,
    /// Or why it is of no use.
    pub(crate) gain_map: Option<Result<Found<'bytes>, String>>,
    /// What a person should know of what is not read.
    pub(crate) notes: Vec<String>,
    /// Bytes that its decoder keeps beside the pixels.
    pub(crate) decoder_bytes: u64,
}

/// What will read the pixels.
pub(crate) enum Reader<'bytes> {
    /// JPEG goes past the `image` crate to the decoder beneath it, which can give CMYK as it is.
    Jpeg(Box<Jpeg<'bytes>>),
    /// So does a TIFF of inks.
    TiffInks(&'bytes [u8]),
    /// The codec itself reads AVIF.
    Avif(Box<AvifFile<'bytes>>, Uses),
    Other {
        decoder: Box<dyn ImageDecoder + 'bytes>,
        premultiplied: bool,
    },
    /// What moves is drawn frame by frame.
    Moving {
        motion: Motion,
        bytes: &'bytes [u8],
        color: ColorType,
    },
}

impl<'bytes> Header<'bytes> {
    pub(crate) fn read(bytes: &'bytes [u8], recipe: &Recipe, limits: &Limits) -> Result<Self, Error> {
        let format = Format::detect(bytes)?;
        let mut header = match format {
            Format::Jpeg => Self::jpeg(bytes),
            Format::Avif => Self::avif(bytes, recipe),
            Format::Png | Format::WebP | Format::Gif | Format::Tiff | Format::Bmp => {
                Self::other(format, bytes, recipe, limits)
            }
        }?;
        if recipe.metadata == Metadata::Strip {
            header.icc = header.icc.map(profile::without_private_tags);
        }
        Ok(header)
    }

    /// Width and height in pixels, upright.
    pub(crate) fn size(&self) -> (u32, u32) {
        if self.is_transposed() { (self.height, self.width) } else { (self.width, self.height) }
    }

    /// How many pictures are encoded one after the other; 1 where nothing moves.
    pub(crate) fn frames(&self) -> u32 {
        self.motion().map_or(1, Motion::frames)
    }

    /// What moves, if anything does.
    pub(crate) fn motion(&self) -> Option<&Motion> {
        match &self.reader {
            Reader::Moving { motion, .. } => Some(motion),
            // Of an AVIF sequence, only the first is ever encoded.
            Reader::Avif(..) | Reader::Jpeg(_) | Reader::TiffInks(_) | Reader::Other { .. } => None,
        }
    }

    /// How the pixels are stored.
    pub(crate) fn color_type(&self) -> ColorType {
        match &self.reader {
            Reader::Jpeg(jpeg) => jpeg.color_type(),
            Reader::TiffInks(_) => ColorType::Rgba8,
            Reader::Avif(avif, _) => avif.color_type(),
            Reader::Other { decoder, .. } => decoder.color_type(),
            // Frame by frame it is decoded to eight bits.
            Reader::Moving { color, .. } => *color,
        }
    }

    /// Whether the samples are amounts of ink.
    pub(crate) fn is_cmyk(&self) -> bool {
        match &self.reader {
            Reader::Jpeg(jpeg) => jpeg.is_cmyk(),
            Reader::TiffInks(_) => true,
            Reader::Avif(..) | Reader::Other { .. } | Reader::Moving { .. } => false,
        }
    }

    /// How often a decoder of it walks over the picture.
    pub(crate) fn scans(&self) -> u32 {
        match &self.reader {
            Reader::Jpeg(jpeg) => jpeg.scans(),
            Reader::TiffInks(_) | Reader::Avif(..) | Reader::Other { .. } | Reader::Moving { .. } => 1,
        }
    }

    /// The variants' sizes in pixels, each once, the widest first.
    pub(crate) fn sizes(&self, recipe: &Recipe) -> Vec<(u32, u32)> {
        variant_sizes(self.size(), recipe.widths.iter())
    }

    /// Those of them that have to be encoded.
    pub(crate) fn encoded_sizes(&self, recipe: &Recipe) -> Vec<(u32, u32)> {
        let mut sizes = self.sizes(recipe);
        if let Reader::Avif(_, Uses { kept: Some(kept), .. }) = self.reader {
            sizes.retain(|size| *size != kept);
        }
        sizes
    }

    /// Whether turning it upright swaps width and height.
    pub(crate) fn is_transposed(&self) -> bool {
        self.orientation.to_exif() > 4
    }

    fn jpeg(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let jpeg = Jpeg::open(bytes)?;
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
            decoder_bytes: jpeg.kept_bytes(),
            reader: Reader::Jpeg(Box::new(jpeg)),
            gain_map: gain_map::find(bytes),
            notes: vec![],
        })
    }

    fn avif(bytes: &'bytes [u8], recipe: &Recipe) -> Result<Self, Error> {
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
            decoder_bytes: avif.table_bytes(),
            reader: Reader::Avif(Box::new(avif), Uses { kept: None, narrower: false }),
            gain_map: None,
            notes: vec![],
        };
        let (size, sizes) = (header.size(), header.sizes(recipe));
        if let Reader::Avif(_, uses) = &mut header.reader {
            uses.kept = sizes.contains(&size).then_some(size);
            uses.narrower = sizes.iter().any(|narrower| *narrower != size);
        }
        Ok(header)
    }

    fn other(format: Format, bytes: &'bytes [u8], recipe: &Recipe, limits: &Limits) -> Result<Self, Error> {
        let tiff = if format == Format::Tiff { Some(tiff::header(bytes)?) } else { None };
        let mut decoder: Box<dyn ImageDecoder + 'bytes> = match format {
            Format::Png => Box::new(PngFile::open(bytes)?),
            Format::Jpeg | Format::WebP | Format::Gif | Format::Tiff | Format::Bmp | Format::Avif => {
                let mut reader = ImageReader::with_format(Cursor::new(bytes), format.image_format());
                let mut allocation = image::Limits::no_limits();
                allocation.max_alloc = Some(limits.memory);
                reader.limits(allocation);
                Box::new(reader.into_decoder().map_err(|error| decoding(format, error))?)
            }
        };
        let (width, height) = decoder.dimensions();
        if format == Format::Gif {
            // A frame may be larger than the screen, by which the picture's size is told and its memory estimated.
            let mut allocation = image::Limits::no_limits();
            allocation.max_alloc = Some(decoder.total_bytes().max(LARGEST_FRAME).min(limits.memory));
            decoder.set_limits(allocation).map_err(|error| decoding(format, error))?;
        }
        let samples = tiff.as_ref().map_or(tiff::Samples::Plain, |tiff| tiff.samples);
        let (mut icc, exif, xmp) = match format {
            Format::Png => {
                // It may have to be inflated.
                let xmp = png::xmp(bytes).filter(|_| recipe.metadata == Metadata::Keep);
                let xmp = xmp.map(|chunk| png_file::xmp(bytes, chunk, metadata::MAX_BLOCK_BYTES));
                (decoder.icc_profile().ok().flatten(), png::exif(bytes), xmp)
            }
            Format::WebP => {
                let [icc, exif, xmp] = [*b"ICCP", *b"EXIF", *b"XMP "].map(|name| webp::chunk(bytes, name));
                (icc.map(metadata::copy_block), exif, xmp.map(metadata::copy_block))
            }
            Format::Tiff => tiff.map_or((None, None, None), |tiff| (tiff.icc, None, tiff.xmp)),
            // Metadata that cannot be read is no reason to lose the picture.
            Format::Jpeg | Format::Gif | Format::Bmp | Format::Avif => {
                (decoder.icc_profile().ok().flatten(), None, decoder.xmp_metadata().ok().flatten())
            }
        };
        let mut cicp = None;
        if format == Format::Png {
            let gray = !decoder.color_type().has_color();
            cicp = png::cicp(bytes);
            cicp = cicp.or_else(|| png::linear(bytes, gray).filter(|_| icc.is_none() && !png::has_profile(bytes)));
            // One that is there and could not be read is told as damaged, as an empty one is.
            icc = icc.or_else(|| png::has_profile(bytes).then(Vec::new));
            icc = icc.or_else(|| png::profile(bytes, gray)).filter(|_| cicp.is_none());
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
        let motion = Motion::find(format, bytes, (width, height), limits)?;
        // Two encoders at work read what moves.
        let readers = if motion.is_some() { 2 } else { 1 };
        let decoder_bytes =
            if format == Format::WebP { readers * webp::table_bytes(bytes, (width, height))? } else { 0 };
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
            reader: match samples {
                _ if let Some(motion) = motion => Reader::Moving { motion, bytes, color },
                tiff::Samples::Inks => Reader::TiffInks(bytes),
                tiff::Samples::Premultiplied | tiff::Samples::Plain => {
                    let premultiplied = samples == tiff::Samples::Premultiplied;
                    Reader::Other { decoder, premultiplied }
                }
            },
            gain_map: None,
            notes,
            decoder_bytes,
        })
    }
}

/// What the `image` crate's decoders report, in our words.
pub(crate) fn decoding(format: Format, error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(error) => Error::Unsupported { format, message: brief(&error.to_string()) },
        // Its own words for this, "Memory limit exceeded", would name no limit: the claim itself is the damage.
        ImageError::Limits(error) => Error::Damaged { format, message: format!("it asks for too much: {error}") },
        // The cause alone: before it stands but the format's name, and that is told already.
        ImageError::Decoding(error) => {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            Error::Damaged { format, message: brief(&cause) }
        }
        error => Error::Damaged { format, message: brief(&error.to_string()) },
    }
}

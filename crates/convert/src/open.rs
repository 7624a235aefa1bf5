use std::error::Error as _;
use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageReader};
use model::{Cicp, Limits, Recipe, Width};

use crate::avif_file::{self, AvifFile, Uses};
use crate::error::brief;
use crate::estimate::Estimate;
use crate::gain_map::{self, Found};
use crate::jpeg::{Jpeg, Need};
use crate::motion::{LARGEST_FRAME, Motion};
use crate::ycbcr::YCbCr;
use crate::{Error, Format, metadata, png, tiff, webp};

/// A file whose header was read and found within the limits. No pixel was touched.
pub struct Opened<'bytes> {
    pub(crate) format: Format,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) orientation: Orientation,
    pub(crate) icc: Option<Vec<u8>>,
    pub(crate) cicp: Option<Cicp>,
    pub(crate) exif: Option<Vec<u8>>,
    pub(crate) xmp: Option<Vec<u8>>,
    pub(crate) reader: Reader<'bytes>,
    pub(crate) need: Need,
    /// Or why it is of no use.
    pub(crate) gain_map: Option<Result<Found<'bytes>, String>>,
    bytes: usize,
    encoded_pixels: u64,
    /// Why the quality is not searched for, where the recipe asks for that.
    pub(crate) unsearched: Option<&'static str>,
}

/// The most bytes that a PNG's profile and a few rows may take; the largest profiles in use have 4 MiB.
const PNG_EXTRAS: u64 = 16 << 20;

/// What will read the pixels.
pub(crate) enum Reader<'bytes> {
    /// JPEG goes past the `image` crate to the decoder beneath it, which can give CMYK as it is.
    Jpeg(Box<Jpeg<'bytes>>),
    /// So does a TIFF of inks.
    TiffInks(&'bytes [u8]),
    /// The codec itself reads AVIF.
    Avif(AvifFile<'bytes>, Uses),
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

impl<'bytes> Opened<'bytes> {
    /// Reads a file's header and holds it against the limits.
    ///
    /// # Errors
    /// What is wrong with the file, or which limit it is over and by how much.
    pub fn open(bytes: &'bytes [u8], recipe: &Recipe, limits: &Limits) -> Result<Self, Error> {
        if bytes.len() as u64 > limits.bytes {
            return Err(Error::TooManyBytes { bytes: bytes.len() as u64, limit: limits.bytes });
        }
        let format = Format::of(bytes)?;
        let mut opened = match format {
            Format::Jpeg => Self::jpeg(bytes)?,
            Format::Avif => Self::avif(bytes, recipe)?,
            Format::Png | Format::WebP | Format::Gif | Format::Tiff | Format::Bmp => {
                Self::other(format, bytes, limits)?
            }
        };
        opened.check_pixels(limits)?;
        if let Some(&(width, height)) =
            opened.sizes(recipe).iter().find(|(width, height)| *width.max(height) > Width::MAX)
        {
            return Err(Error::TooLong { width, height });
        }
        let widest = opened.sizes(recipe).first().copied().unwrap_or(opened.size());
        let bear = YCbCr::bears(opened.orientation, (opened.width, opened.height));
        opened.need = Need::of(opened.size(), widest, bear && !recipe.quality.is_lossless());
        let estimate = Estimate::of(&opened, recipe);
        opened.encoded_pixels = estimate.encoded_pixels;
        let map = opened.gain_map.as_ref().and_then(|map| map.as_ref().ok()).map(|map| map.memory(recipe.speed));
        let beside_map = limits.memory.saturating_sub(map.unwrap_or(0));
        if map.is_some() && estimate.memory > beside_map {
            opened.gain_map = Some(Err("there is no memory for it".into()));
        }
        if estimate.memory_to_search > beside_map {
            opened.unsearched = Some("there is no memory for it");
        }
        if estimate.memory > limits.memory {
            let (width, height) = opened.size();
            let (needed, limit) = (estimate.memory.div_ceil(1 << 20), limits.memory >> 20);
            return Err(Error::TooMuchMemory { width, height, needed, limit });
        }
        Ok(opened)
    }

    /// The file's format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Width and height in pixels, upright.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        if self.is_transposed() { (self.height, self.width) } else { (self.width, self.height) }
    }

    /// How many pictures are encoded one after the other; 1 where nothing moves.
    #[must_use]
    pub fn frames(&self) -> u32 {
        match &self.reader {
            Reader::Moving { motion, .. } => motion.frames(),
            // Of an AVIF sequence, only the first is ever encoded.
            Reader::Avif(..) | Reader::Jpeg(_) | Reader::TiffInks(_) | Reader::Other { .. } => 1,
        }
    }

    /// How many pixels the recipe's variants have together, all frames counted: what encoding them costs is in proportion
    /// to it.
    #[must_use]
    pub fn encoded_pixels(&self) -> u64 {
        self.encoded_pixels
    }

    /// The same, to be encoded at a fixed quality even where the recipe asks for a search, and why.
    #[must_use]
    pub fn unsearched(self, why: &'static str) -> Self {
        Self { unsearched: Some(why), ..self }
    }

    /// The file's size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
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

    /// The variants' sizes in pixels, each once, the widest first.
    pub(crate) fn sizes(&self, recipe: &Recipe) -> Vec<(u32, u32)> {
        sizes(self.size(), recipe.widths.iter())
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
            reader: Reader::Jpeg(Box::new(jpeg)),
            need: Need::Planes,
            gain_map: gain_map::find(bytes),
            bytes: bytes.len(),
            encoded_pixels: 0,
            unsearched: None,
        })
    }

    fn avif(bytes: &'bytes [u8], recipe: &Recipe) -> Result<Self, Error> {
        let (avif, header) = AvifFile::open(bytes, recipe)?;
        let (width, height) = avif.size();
        let mut opened = Self {
            format: Format::Avif,
            width,
            height,
            orientation: avif_file::orientation(header.orientation),
            icc: header.color.icc,
            cicp: avif_file::cicp(header.color.cicp),
            exif: header.attached.exif,
            xmp: header.attached.xmp,
            reader: Reader::Avif(avif, Uses { kept: None, narrower: false }),
            need: Need::Planes,
            gain_map: None,
            bytes: bytes.len(),
            encoded_pixels: 0,
            unsearched: None,
        };
        let (size, sizes) = (opened.size(), opened.sizes(recipe));
        if let Reader::Avif(_, uses) = &mut opened.reader {
            uses.kept = sizes.contains(&size).then_some(size);
            uses.narrower = sizes.iter().any(|narrower| *narrower != size);
        }
        Ok(opened)
    }

    fn other(format: Format, bytes: &'bytes [u8], limits: &Limits) -> Result<Self, Error> {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format.decoder());
        let mut allocation = image::Limits::no_limits();
        allocation.max_alloc = Some(match format {
            // What a PNG inflates besides its rows: a profile of a few hundred bytes may claim to be gigabytes.
            Format::Png => PNG_EXTRAS.min(limits.memory),
            Format::Jpeg | Format::WebP | Format::Gif | Format::Tiff | Format::Bmp | Format::Avif => limits.memory,
        });
        reader.limits(allocation);
        let mut decoder = reader.into_decoder().map_err(|error| decoding(format, error))?;
        let (width, height) = decoder.dimensions();
        if format == Format::Gif {
            // A frame may be larger than the screen, by which the picture's size is told and its memory estimated.
            let mut allocation = image::Limits::no_limits();
            allocation.max_alloc = Some(decoder.total_bytes().max(LARGEST_FRAME).min(limits.memory));
            decoder.set_limits(allocation).map_err(|error| decoding(format, error))?;
        }
        // Metadata that cannot be read is no reason to lose the picture.
        let (mut icc, xmp) = match format {
            Format::WebP => (webp::chunk(bytes, *b"ICCP"), webp::chunk(bytes, *b"XMP ")),
            Format::Jpeg | Format::Png | Format::Gif | Format::Tiff | Format::Bmp | Format::Avif => {
                (decoder.icc_profile().ok().flatten(), decoder.xmp_metadata().ok().flatten())
            }
        };
        let (mut exif, mut cicp, mut samples) = (None, None, tiff::Samples::Plain);
        match format {
            Format::Png => {
                let grey = !decoder.color_type().has_color();
                exif = png::exif(bytes);
                cicp = png::cicp(bytes);
                cicp = cicp.or_else(|| png::linear(bytes, grey).filter(|_| icc.is_none() && !png::has_profile(bytes)));
                // One that is there and could not be read is told as damaged, as an empty one is.
                icc = icc.or_else(|| png::has_profile(bytes).then(Vec::new));
                icc = icc.or_else(|| png::profile(bytes, grey)).filter(|_| cicp.is_none());
            }
            Format::Tiff => (samples, icc) = tiff::header(bytes),
            Format::WebP => exif = webp::chunk(bytes, *b"EXIF"),
            Format::Jpeg | Format::Gif | Format::Bmp | Format::Avif => exif = decoder.exif_metadata().ok().flatten(),
        }
        let exif = exif.map(metadata::without_prefix);
        let orientation = match &exif {
            Some(exif) => metadata::orientation(exif),
            None if format == Format::WebP => Orientation::NoTransforms,
            None => decoder.orientation().unwrap_or(Orientation::NoTransforms),
        };
        let motion = Motion::find(format, bytes, (width, height), limits)?;
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
                    Reader::Other { decoder: Box::new(decoder), premultiplied }
                }
            },
            need: Need::Planes,
            gain_map: None,
            bytes: bytes.len(),
            encoded_pixels: 0,
            unsearched: None,
        })
    }

    fn check_pixels(&self, limits: &Limits) -> Result<(), Error> {
        let (width, height) = (self.width, self.height);
        if width == 0 || height == 0 {
            return Err(Error::Damaged { format: self.format, message: format!("{width}x{height} has no pixels") });
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > limits.pixels {
            return Err(Error::TooManyPixels { width, height, pixels, limit: limits.pixels });
        }
        Ok(())
    }
}

/// The sizes that `widths` make of a picture of this size, each once, the widest first.
pub(crate) fn sizes((width, height): (u32, u32), widths: impl Iterator<Item = Width>) -> Vec<(u32, u32)> {
    let mut sizes: Vec<_> = widths.map(|asked| size((width, height), asked)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    sizes
}

/// The size that an asked width makes of a picture of this size: the same proportions, never larger.
pub(crate) fn size((width, height): (u32, u32), asked: Width) -> (u32, u32) {
    let narrowed = asked.of(width);
    let rounded = (u64::from(height) * u64::from(narrowed) + u64::from(width) / 2) / u64::from(width);
    // A very wide picture keeps one row.
    (narrowed, u32::try_from(rounded).unwrap_or(height).clamp(1, height))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_variant_fits_its_box_and_keeps_its_proportions(
            width in 1..=Width::MAX, height in 1..=Width::MAX, asked in 1..=Width::MAX,
        ) {
            let asked: Width = asked.to_string().parse().unwrap();
            let (narrow, low) = size((width, height), asked);
            prop_assert!(narrow <= width && low <= height && narrow >= 1 && low >= 1);
            prop_assert_eq!(narrow, asked.of(width));
            let exact = f64::from(height) * f64::from(narrow) / f64::from(width);
            prop_assert!((f64::from(low) - exact).abs() <= 0.5 || (low == 1 && exact < 1.0), "{low} for {exact}");
        }
    }

    #[test]
    fn widths_beyond_the_source_are_one_size() {
        let widths: model::Widths = "full,4000,2000,100".parse().unwrap();
        assert_eq!(sizes((1000, 500), widths.iter()), [(1000, 500), (100, 50)]);
    }
}

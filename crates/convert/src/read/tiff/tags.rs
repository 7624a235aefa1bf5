//! The tags that describe the samples. Each function reads one tag of TIFF 6.0, returns its default value if it is
//! missing, and rejects values that change the meaning of the samples in a way that this reader does not implement.

use image::metadata::Orientation;
use tiff::tags::{ExtraSamples, PhotometricInterpretation, PlanarConfiguration, Predictor, SampleFormat, Tag};

use crate::Error;
use crate::read::tiff::directory::Directory;
use crate::read::tiff::names::photometric_name;
use crate::read::tiff::{damaged, unsupported};

pub(super) const XMP: Tag = Tag::Unknown(700);
pub(super) const T4_OPTIONS: Tag = Tag::Unknown(292);
const TRANSFER_FUNCTION: Tag = Tag::Unknown(301);
const WHITE_POINT: Tag = Tag::Unknown(318);
const PRIMARY_CHROMATICITIES: Tag = Tag::Unknown(319);
const INK_SET: Tag = Tag::Unknown(332);
const DOT_RANGE: Tag = Tag::Unknown(336);
const INDEXED: Tag = Tag::Unknown(346);
const YCBCR_COEFFICIENTS: Tag = Tag::Unknown(529);
const REFERENCE_BLACK_WHITE: Tag = Tag::Unknown(532);
/// Older names of `ExtraSamples` = 1 and `SampleFormat` (libtiff, "Private Tags").
const MATTEING: Tag = Tag::Unknown(32_995);
const DATA_TYPE: Tag = Tag::Unknown(32_996);
const IMAGE_DEPTH: Tag = Tag::Unknown(32_997);
const TILE_DEPTH: Tag = Tag::Unknown(32_998);

/// The tags that describe colors and that this reader ignores if there is no ICC profile.
const COLOR_TAGS: [(Tag, &str); 4] = [
    (Tag::GrayResponseCurve, "GrayResponseCurve"),
    (TRANSFER_FUNCTION, "TransferFunction"),
    (WHITE_POINT, "WhitePoint"),
    (PRIMARY_CHROMATICITIES, "PrimaryChromaticities"),
];

impl Directory<'_> {
    /// Width and height in pixels; neither is 0.
    pub(super) fn image_size(&mut self) -> Result<(u32, u32), Error> {
        let mut side = |tag| self.number::<u32>(tag)?.ok_or_else(|| damaged(format!("it has no {tag:?}")));
        let (width, height) = (side(Tag::ImageWidth)?, side(Tag::ImageLength)?);
        if width == 0 || height == 0 {
            return Err(damaged(format!("{width}x{height} has no pixels")));
        }
        Ok((width, height))
    }

    /// The number of bits of every sample.
    pub(super) fn bits_per_sample(&mut self) -> Result<u16, Error> {
        let bits = self.sample_values(Tag::BitsPerSample)?.unwrap_or_else(|| vec![1]);
        match bits.split_first() {
            Some((first, others)) if others.iter().all(|bits| bits == first) => Ok(*first),
            Some(_) => Err(unsupported(format!("its samples have different sizes (BitsPerSample {})", list(&bits)))),
            None => Err(damaged("its BitsPerSample has no value")),
        }
    }

    /// Reads a tag with one value per sample; `None` if the tag is missing. Further values have no meaning.
    fn sample_values(&mut self, tag: Tag) -> Result<Option<Vec<u16>>, Error> {
        let samples = self.samples_per_pixel()?.max(1);
        let values = self.numbers::<u16>(tag)?;
        Ok(values.map(|values| values.into_iter().take(samples.into()).collect()))
    }

    pub(super) fn samples_per_pixel(&mut self) -> Result<u16, Error> {
        Ok(self.number(Tag::SamplesPerPixel)?.unwrap_or(1))
    }

    /// The format of every sample. `Void` is also returned for samples without a known format (TIFF 6.0, section 19).
    pub(super) fn sample_format(&mut self) -> Result<SampleFormat, Error> {
        let formats = self.sample_values(Tag::SampleFormat)?.or(self.data_type()?).unwrap_or_else(|| vec![1]);
        match formats.split_first() {
            Some((first, others)) if others.iter().all(|format| format == first) => {
                Ok(SampleFormat::from_u16_exhaustive(*first))
            }
            Some(_) => Err(unsupported(format!("its samples have different types (SampleFormat {})", list(&formats)))),
            None => Err(damaged("its SampleFormat has no value")),
        }
    }

    /// The values of `DataType`, converted to the ones of `SampleFormat`; `None` if the tag is missing.
    fn data_type(&mut self) -> Result<Option<Vec<u16>>, Error> {
        let sample_format = |data_type| match data_type {
            0 => SampleFormat::Void.to_u16(),
            1 => SampleFormat::Int.to_u16(),
            2 => SampleFormat::Uint.to_u16(),
            other => other,
        };
        let values = self.numbers::<u16>(DATA_TYPE)?;
        Ok(values.map(|values| values.into_iter().map(sample_format).collect()))
    }

    pub(super) fn photometric_interpretation(&mut self) -> Result<PhotometricInterpretation, Error> {
        // Readers disagree about the default.
        let value = self.number::<u16>(Tag::PhotometricInterpretation)?;
        let value = value.ok_or_else(|| unsupported("it has no PhotometricInterpretation"))?;
        PhotometricInterpretation::from_u16(value).ok_or_else(|| {
            unsupported(format!("its samples are {} (PhotometricInterpretation {value})", photometric_name(value)))
        })
    }

    /// The meaning of the samples after the color samples; `None` if the tag is missing.
    pub(super) fn extra_samples(&mut self) -> Result<Option<Vec<ExtraSamples>>, Error> {
        /// Corel's programs write this value for unassociated alpha.
        const COREL: u16 = 999;
        let Some(values) = self.numbers::<u16>(Tag::ExtraSamples)? else {
            let is_matted = self.number::<u16>(MATTEING)? == Some(1);
            return Ok(is_matted.then(|| vec![ExtraSamples::AssociatedAlpha]));
        };
        let meaning = |value| match ExtraSamples::from_u16(value) {
            Some(meaning) => Ok(meaning),
            None if value == COREL => Ok(ExtraSamples::UnassociatedAlpha),
            None => Err(unsupported(format!("its extra samples have an unknown meaning (ExtraSamples {value})"))),
        };
        values.into_iter().map(meaning).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn planar_configuration(&mut self) -> Result<PlanarConfiguration, Error> {
        let value = self.number::<u16>(Tag::PlanarConfiguration)?.unwrap_or(1);
        PlanarConfiguration::from_u16(value)
            .ok_or_else(|| unsupported(format!("its samples have an unknown order (PlanarConfiguration {value})")))
    }

    /// Whether the first pixel is in the lowest bit of a byte (`FillOrder` = 2).
    pub(super) fn has_reversed_bits(&mut self) -> Result<bool, Error> {
        match self.number::<u16>(Tag::FillOrder)?.unwrap_or(1) {
            1 => Ok(false),
            2 => Ok(true),
            other => Err(unsupported(format!("its bits have an unknown order (FillOrder {other})"))),
        }
    }

    pub(super) fn predictor(&mut self) -> Result<Predictor, Error> {
        let value = self.number::<u16>(Tag::Predictor)?.unwrap_or(1);
        Predictor::from_u16(value).ok_or_else(|| unsupported(format!("its samples have an unknown Predictor {value}")))
    }

    /// The orientation. Unknown values are ignored, as in other readers.
    pub(super) fn orientation(&mut self) -> Orientation {
        let value = self.number::<u8>(Tag::Orientation).ok().flatten();
        value.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
    }

    /// Checks that four inks are cyan, magenta, yellow and black, from no ink to full ink.
    pub(super) fn check_inks(&mut self, bits: u16) -> Result<(), Error> {
        let ink_set = self.number::<u16>(INK_SET)?.unwrap_or(1);
        if ink_set != 1 {
            return Err(unsupported(format!("its inks are not CMYK (InkSet {ink_set})")));
        }
        let full = 1_u64.checked_shl(bits.into()).map_or(u64::MAX, |levels| levels - 1);
        let range: Vec<u64> = self.numbers(DOT_RANGE)?.unwrap_or_default();
        // Some writers declare the range of 8 bits for any number of bits.
        if range.as_chunks().0.iter().any(|range| *range != [0, full] && *range != [0, 255]) {
            return Err(unsupported(format!(
                "its inks have a range other than 0 to {full} (DotRange {})",
                list(&range)
            )));
        }
        Ok(())
    }

    /// Rejects tags that change the meaning of the samples and that no other function reads.
    pub(super) fn check_other_tags(&mut self) -> Result<(), Error> {
        for (tag, name) in [(INDEXED, "Indexed"), (IMAGE_DEPTH, "ImageDepth"), (TILE_DEPTH, "TileDepth")] {
            let default = u16::from(tag != INDEXED);
            let value = self.number(tag)?.unwrap_or(default);
            if value != default {
                return Err(unsupported(format!("it has the unsupported tag {name} with the value {value}")));
            }
        }
        Ok(())
    }

    /// The names of the tags that describe colors other than sRGB and that are ignored.
    pub(super) fn ignored_color_tags(&mut self) -> Vec<&'static str> {
        // GIMP writes the white and the primaries of sRGB, for example.
        let is_close = |one: f32, other: f32| (one - other).abs() < 0.002;
        let white = self.fractions::<2>(WHITE_POINT).ok().flatten();
        let has_srgb_white = white.is_some_and(|[x, y]| is_close(x, 0.3127) && is_close(y, 0.3290));
        let primaries = self.fractions::<6>(PRIMARY_CHROMATICITIES).ok().flatten();
        let srgb = [0.64, 0.33, 0.30, 0.60, 0.15, 0.06];
        let has_srgb_primaries =
            primaries.is_some_and(|primaries| primaries.into_iter().zip(srgb).all(|(one, other)| is_close(one, other)));
        let is_ignored = |tag| match tag {
            WHITE_POINT => !has_srgb_white,
            PRIMARY_CHROMATICITIES => !has_srgb_primaries,
            _ => true,
        };
        let tags = COLOR_TAGS.into_iter().filter(|(tag, _)| self.contains(*tag) && is_ignored(*tag));
        tags.map(|(_, name)| name).collect()
    }

    /// The number of columns and rows that share a chroma sample; `None` if the tag is missing.
    pub(super) fn ycbcr_subsampling(&mut self) -> Result<Option<(u8, u8)>, Error> {
        match self.numbers::<u16>(Tag::ChromaSubsampling)?.as_deref() {
            None => Ok(None),
            Some(&[across @ (1 | 2 | 4), down @ (1 | 2 | 4)]) => {
                Ok(Some((across.to_le_bytes()[0], down.to_le_bytes()[0])))
            }
            Some(other) => Err(damaged(format!("its YCbCrSubSampling is {} instead of two of 1, 2, 4", list(other)))),
        }
    }

    /// The shares of red, green and blue in luma (TIFF 6.0, section 21).
    pub(super) fn ycbcr_coefficients(&mut self) -> Result<[f32; 3], Error> {
        let [red, green, blue] = self.fractions(YCBCR_COEFFICIENTS)?.unwrap_or([0.299, 0.587, 0.114]);
        // Green is divided by its share.
        if green <= 0.0 {
            return Err(damaged("its YCbCrCoefficients contain no green"));
        }
        Ok([red, green, blue])
    }

    /// The black and the white level of luma, and the neutral and the highest level of each chroma channel. libtiff's
    /// default for 8 bits is the full range.
    pub(super) fn reference_black_white(&mut self) -> Result<[[f32; 2]; 3], Error> {
        let levels = self.fractions(REFERENCE_BLACK_WHITE)?.unwrap_or([0.0, 255.0, 128.0, 255.0, 128.0, 255.0]);
        let ranges = [[levels[0], levels[1]], [levels[2], levels[3]], [levels[4], levels[5]]];
        if ranges.iter().any(|[low, high]| high - low < 1.0) {
            return Err(damaged("its ReferenceBlackWhite has an empty range"));
        }
        Ok(ranges)
    }
}

fn list<T: ToString>(values: &[T]) -> String {
    let shown: Vec<String> = values.iter().take(8).map(ToString::to_string).collect();
    shown.join(", ")
}

//! Gain maps. A gain map is a second, smaller image: it defines how much brighter an HDR display shows each part of the
//! first image, which is called the base image.
//!
//! The reader of a format finds the gain map and its metadata. In Ultra HDR files, the metadata is XMP. In ISO 21496-1
//! files, it is a segment of binary numbers. In Apple's files, it is XMP with other properties, and the headroom is in the
//! maker note of the base image. If a gain map is damaged, the base image is still converted.

mod apple;
mod iso;
mod tiff_reader;
mod xmp;

use avif::{GainMap, GainMapMetadata};
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView};
use model::{Cicp, Color, Depth, PlanarImage, Recipe, Speed};

use crate::Error;
use crate::color::icc::{IccProfile, ProfileChannels};
use crate::color::plan;
use crate::pixels::framing::{Framing, scaled_area};
use crate::pixels::planes::{self, PlaneFormat};
use crate::pixels::resize::FilterImage;
use crate::write::memory;

pub(crate) use iso::SEGMENT_NAME as ISO_SEGMENT_NAME;
pub(crate) use tiff_reader::TiffReader;
use xmp::ParsedMetadata;

/// An image of a file that is a gain map. Its header was read.
pub(crate) struct GainMapImage<'bytes> {
    /// Width and height in pixels.
    pub(crate) size: (u32, u32),
    /// The ICC profile of the HDR image. It is empty if the profile cannot be read.
    pub(crate) icc: Option<Vec<u8>>,
    /// Bytes that the decoder allocates in addition to the pixels.
    pub(crate) decoding_bytes: u64,
    /// Decodes the pixels to gray or RGB.
    pub(crate) decode: Box<dyn FnOnce() -> Result<DynamicImage, Error> + 'bytes>,
}

/// A gain map whose header and metadata were read.
pub(crate) struct OpenedGainMap<'bytes> {
    image: GainMapImage<'bytes>,
    metadata: ResolvedMetadata,
}

/// The metadata of a gain map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResolvedMetadata {
    standard: GainMapMetadata,
    /// The headroom, if the gain map has Apple's format. In this format, the levels encode linear gains, not
    /// logarithmic gains.
    apple_headroom: Option<f64>,
}

/// A decoded gain map, before its orientation is applied.
pub(crate) struct DecodedGainMap {
    image: DynamicImage,
    metadata: GainMapMetadata,
    /// The colors of the HDR image, if the gain map has a profile of its own.
    color: Option<Color>,
}

/// A gain map with the same orientation as its base image.
pub(crate) struct OrientedGainMap {
    map: DecodedGainMap,
    /// Width and height of the base image.
    base_size: (u32, u32),
}

/// The metadata that a file contains about an image that may be a gain map.
pub(crate) struct StoredMetadata<'bytes> {
    /// The binary numbers of ISO 21496-1.
    pub(crate) iso: Vec<&'bytes [u8]>,
    /// The XMP packet of the image. One packet contains all properties (XMP specification, part 3, 1.1.3).
    pub(crate) xmp: Option<&'bytes [u8]>,
    /// The Exif of the base image, starting at the TIFF header.
    pub(crate) base_exif: Option<&'bytes [u8]>,
}

impl StoredMetadata<'_> {
    /// Parses the metadata. Returns `None` if the image is not a gain map. Returns an error with the reason if the gain
    /// map cannot be used.
    pub(crate) fn resolve(&self) -> Option<Result<ResolvedMetadata, &'static str>> {
        // The binary numbers are exact, so they are preferred to the text in XMP.
        let numbers = self.iso.iter().find_map(|data| iso::read_metadata(data));
        let parsed = numbers
            .map(|metadata| Ok(ParsedMetadata::Standard(metadata)))
            .or_else(|| self.xmp.and_then(xmp::read_metadata))?;
        Some(parsed.and_then(|parsed| self.resolve_headroom(parsed)))
    }

    /// Reads the headroom from the base image, if the metadata has Apple's format and does not contain the headroom.
    fn resolve_headroom(&self, parsed: ParsedMetadata) -> Result<ResolvedMetadata, &'static str> {
        const INVALID: &str = "its metadata is invalid";
        let (standard, apple_headroom) = match parsed {
            ParsedMetadata::Standard(metadata) => (metadata, None),
            ParsedMetadata::Apple(headroom) => {
                let headroom = headroom.or_else(|| self.base_exif.and_then(apple::read_headroom));
                let headroom = headroom.ok_or("its headroom is missing")?;
                if headroom <= 1.0 {
                    return Err("its headroom is not above 1");
                }
                (apple::to_metadata(headroom).ok_or(INVALID)?, Some(headroom))
            }
        };
        if standard.is_valid() { Ok(ResolvedMetadata { standard, apple_headroom }) } else { Err(INVALID) }
    }
}

impl<'bytes> OpenedGainMap<'bytes> {
    /// # Errors
    /// The library cannot write gain maps.
    pub(crate) fn new(image: GainMapImage<'bytes>, metadata: ResolvedMetadata) -> Result<Self, String> {
        if !avif::can_write_gain_maps() {
            return Err(format!("the bundled libavif {} cannot write gain maps", avif::library().version));
        }
        Ok(Self { image, metadata })
    }

    /// Returns the maximum memory that the gain map takes, in bytes. The memory consists of the pixels, their rotated
    /// and resized copies, the planes, and two encoders.
    pub(crate) fn memory(&self, speed: Speed) -> u64 {
        let (width, height) = self.image.size;
        let pixels = u64::from(width) * u64::from(height);
        pixels
            .saturating_mul(4 * 3 + 2 * memory::bytes_per_pixel(Depth::Eight, speed))
            .saturating_add(self.image.decoding_bytes)
    }

    /// Decodes the gain map. If the map has no usable profile, the profile of the base image applies.
    pub(crate) fn decode(self, recipe: &Recipe, notes: &mut Vec<String>) -> Result<DecodedGainMap, String> {
        let color = self.image.icc.and_then(|icc| match IccProfile::read(&icc) {
            Ok(profile) if profile.channels == ProfileChannels::Rgb => Some(plan::profile_color(profile, &icc, recipe)),
            Ok(_) | Err(_) => {
                notes.push("the ICC profile of its gain map cannot be used and was omitted".into());
                None
            }
        });
        let mut image = (self.image.decode)().map_err(|error| error.to_string())?;
        if let Some(headroom) = self.metadata.apple_headroom {
            apple::convert_to_log_levels(&mut image, headroom);
        }
        Ok(DecodedGainMap { image, metadata: self.metadata.standard, color })
    }
}

impl DecodedGainMap {
    /// Applies the orientation of the base image, whose upright width and height are `base_size`.
    pub(crate) fn orient(mut self, orientation: Orientation, base_size: (u32, u32)) -> OrientedGainMap {
        self.image.apply_orientation(orientation);
        OrientedGainMap { map: self, base_size }
    }
}

impl OrientedGainMap {
    /// Crops the gain map like the variant, and scales it by the ratio of the variant's size to the size of the base image.
    /// The result is never larger than the variant.
    pub(crate) fn framed(
        &self,
        framing: Framing,
        variant: &PlanarImage,
        format: PlaneFormat,
    ) -> Result<GainMap, Error> {
        let DecodedGainMap { image, metadata, color: own } = &self.map;
        let cropped;
        let (image, base_size) = match framing.crop {
            None => (image, self.base_size),
            Some(crop) => {
                let area = scaled_area(crop, self.base_size, image.dimensions());
                cropped = image.crop_imm(area.x, area.y, area.width, area.height);
                (&cropped, (crop.width, crop.height))
            }
        };
        let (shape, (width, height)) = (variant.shape(), image.dimensions());
        let size = (scaled_side(width, shape.width, base_size.0), scaled_side(height, shape.height, base_size.1));
        // The filter averages the levels without converting them to linear light, because the levels are gains, not
        // light.
        let levels = Cicp { transfer: 8, ..Cicp::ICC };
        let scaled = if size == (width, height) {
            None
        } else {
            Some(FilterImage::from_pixels(image, levels)?.resize(size)?.to_pixels()?)
        };
        let color = Color { cicp: Cicp::ICC, icc: None };
        let planar = planes::to_planar(scaled.as_ref().unwrap_or(image), &color, format)?;
        // Unless the metadata declares a different color space for the HDR image, this image differs from the base
        // image only in its transfer function.
        let colors = own.as_ref().filter(|_| !metadata.uses_base_color_space).unwrap_or(variant.color());
        let alternate = Color { cicp: Cicp { transfer: PQ, ..colors.cicp }, icc: colors.icc.clone() };
        Ok(GainMap { image: planar, metadata: *metadata, alternate })
    }
}

/// PQ, the transfer characteristics with the largest brightness range (ITU-T H.273, table 3).
const PQ: u16 = 16;

/// Scales one side of the gain map by the ratio of the variant's side to the source's side. The result is not longer
/// than the variant's side.
fn scaled_side(side: u32, variant: u32, source: u32) -> u32 {
    let rounded = (u64::from(side) * u64::from(variant) + u64::from(source) / 2) / u64::from(source);
    u32::try_from(rounded).unwrap_or(side).clamp(1, side.min(variant))
}

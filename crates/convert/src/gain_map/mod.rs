//! Gain maps in JPEGs: a second, smaller picture that says how much brighter each part is on a display that can show it.
//!
//! Ultra HDR and ISO 21496-1 name it in its own XMP or in a segment of numbers, Apple in XMP of another name and, of the
//! picture itself, in its maker's note; all list it as a further picture of a multi-picture file. Whatever is wrong with one, the picture itself is none the worse for it.

mod apple;
mod iso;
mod numbers;
mod pictures;
mod xmp;

use avif::{GainMap, GainMapMetadata};
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView};
use model::{Cicp, Color, Depth, PlanarImage, Speed};

use crate::jpeg::Jpeg;
use crate::planes::{self, PlaneFormat};
use crate::resize::FilterImage;
use crate::segments::{APP1, APP2, segments};
use crate::{Error, encoder_memory, icc_tags};

use xmp::Told;

/// A gain map whose header was read.
pub(crate) struct Found<'bytes> {
    jpeg: Jpeg<'bytes>,
    gain: GainMapMetadata,
    /// The headroom, where the levels are as Apple's, whose gains are not logarithms.
    apple: Option<f64>,
}

/// A gain map as it was stored, not yet turned.
pub(crate) struct Decoded {
    image: DynamicImage,
    gain: GainMapMetadata,
    /// The profile of the brighter picture.
    icc: Option<Vec<u8>>,
}

/// A gain map turned as its picture was.
pub(crate) struct Upright {
    map: Decoded,
    /// Width and height of its picture.
    picture: (u32, u32),
}

/// Finds a JPEG's gain map, if it has one; else why that is of no use.
pub(crate) fn find(jpeg: &[u8]) -> Option<Result<Found<'_>, String>> {
    let further = pictures::further(jpeg);
    further.into_iter().find_map(|place| {
        let map = &jpeg[place];
        Some(
            told(map)?
                .and_then(|told| gain(jpeg, told))
                .map_err(str::to_owned)
                .and_then(|(gain, apple)| Found::open(map, gain, apple)),
        )
    })
}

/// What a picture says of itself as a gain map.
fn told(map: &[u8]) -> Option<Result<Told, &'static str>> {
    // Numbers are exact, and win over text.
    let numbers = segments(map).filter_map(|segment| segment.of(APP2, iso::NAME)).find_map(iso::gain);
    // One packet has it all (XMP specification, part 3, 1.1.3).
    let text = || segments(map).find_map(|segment| segment.of(APP1, xmp::NAME)).and_then(xmp::told);
    numbers.map(|gain| Ok(Told::Gain(gain))).or_else(text)
}

/// What that means, given the picture whose map it is: gains, and the headroom where the levels are as Apple's.
fn gain(jpeg: &[u8], told: Told) -> Result<(GainMapMetadata, Option<f64>), &'static str> {
    const NONSENSE: &str = "its metadata makes no sense";
    let (gain, apple) = match told {
        Told::Gain(gain) => (gain, None),
        Told::Apple(headroom) => {
            let headroom = headroom.or_else(|| apple::headroom(jpeg)).ok_or("its headroom is not told")?;
            if headroom <= 1.0 {
                return Err("it makes nothing brighter");
            }
            (apple::gain(headroom).ok_or(NONSENSE)?, Some(headroom))
        }
    };
    if gain.is_valid() { Ok((gain, apple)) } else { Err(NONSENSE) }
}

impl<'bytes> Found<'bytes> {
    fn open(map: &'bytes [u8], gain: GainMapMetadata, apple: Option<f64>) -> Result<Self, String> {
        if !avif::can_write_gain_maps() {
            return Err(format!("the bundled libavif {} writes none", avif::library().version));
        }
        let jpeg = Jpeg::open(map).map_err(|error| error.to_string())?;
        if jpeg.is_cmyk() {
            return Err("it is CMYK".into());
        }
        Ok(Self { jpeg, gain, apple })
    }

    /// Bytes that it takes at most: as pixels, turned and resized, as planes, and in two encoders.
    pub(crate) fn memory(&self, speed: Speed) -> u64 {
        let (width, height) = self.jpeg.size();
        let pixels = u64::from(width) * u64::from(height);
        pixels
            .saturating_mul(4 * 3 + 2 * encoder_memory::bytes_per_pixel(Depth::Eight, speed))
            .saturating_add(self.jpeg.kept_bytes())
    }

    pub(crate) fn decode(self) -> Result<Decoded, String> {
        // Without one that can be read, it is as its picture's.
        let mut icc = self.jpeg.icc().filter(|icc| !icc.is_empty());
        let mut image = self.jpeg.decode_all(&mut icc, &mut vec![]).map_err(|error| error.to_string())?;
        if let Some(headroom) = self.apple {
            apple::to_stops(&mut image, headroom);
        }
        Ok(Decoded { image, gain: self.gain, icc })
    }
}

impl Decoded {
    /// The same, where metadata is stripped. A damaged profile gives way to the picture's.
    pub(crate) fn without_private_tags(self) -> Self {
        Self { icc: self.icc.as_deref().and_then(icc_tags::without_private_tags), ..self }
    }

    /// Turns it as its picture is turned, to that width and height.
    pub(crate) fn upright(mut self, orientation: Orientation, picture: (u32, u32)) -> Upright {
        self.image.apply_orientation(orientation);
        Upright { map: self, picture }
    }
}

impl Upright {
    /// The map of a variant: as much smaller as that is, and never larger than it.
    pub(crate) fn scaled(&self, variant: &PlanarImage, format: PlaneFormat) -> Result<GainMap, Error> {
        let Decoded { image, gain, icc } = &self.map;
        let (shape, (width, height)) = (variant.shape(), image.dimensions());
        let size = (part(width, shape.width, self.picture.0), part(height, shape.height, self.picture.1));
        // Levels are averaged as they are, for gains are no light.
        let levels = Cicp { transfer: 8, ..Cicp::ICC };
        let scaled = if size == (width, height) {
            None
        } else {
            Some(FilterImage::from_pixels(image, levels)?.resize(size)?.to_pixels()?)
        };
        let color = Color { cicp: Cicp::ICC, icc: None };
        let picture = planes::to_planar(scaled.as_ref().unwrap_or(image), &color, format)?;
        // The brighter picture differs by its curve alone, unless it says otherwise.
        let base = variant.color();
        let alternate = Color {
            cicp: Cicp { transfer: PQ, ..base.cicp },
            icc: if gain.uses_base_color_space { base.icc.clone() } else { icc.clone().or_else(|| base.icc.clone()) },
        };
        Ok(GainMap { image: picture, metadata: *gain, alternate })
    }
}

/// The transfer characteristics that say nothing against any brightness (ITU-T H.273, table 3).
const PQ: u16 = 16;

/// As much of a side as a variant keeps of its source's, and no more than the variant has.
fn part(side: u32, variant: u32, source: u32) -> u32 {
    let rounded = (u64::from(side) * u64::from(variant) + u64::from(source) / 2) / u64::from(source);
    u32::try_from(rounded).unwrap_or(side).clamp(1, side.min(variant))
}

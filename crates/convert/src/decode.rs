use image::metadata::Orientation;
use image::{ColorType, DynamicImage, RgbImage};
use model::Color;

use crate::avif_file::Kept;
use crate::header::{Header, Reader, decoding};
use crate::motion::Moving;
use crate::open::OpenedImage;
use crate::raster::Raster;
use crate::{Error, SearchObstacle, gain_map, profile, tiff};

/// A picture as it was stored, not yet turned.
pub struct Decoded {
    /// None where a kept source is all that is wanted; of what moves, the first frame.
    pub(crate) raster: Option<(Raster, Color)>,
    /// The file itself, where it is a variant of its own.
    pub(crate) kept: Option<Kept>,
    /// Width and height, upright; the raster may have half of it.
    pub(crate) source: (u32, u32),
    pub(crate) orientation: Orientation,
    pub(crate) exif: Option<Vec<u8>>,
    pub(crate) xmp: Option<Vec<u8>>,
    pub(crate) unsearched: Option<SearchObstacle>,
    pub(crate) gain_map: Option<gain_map::Decoded>,
    pub(crate) notes: Vec<String>,
    pub(crate) moving: Option<Moving>,
}

impl OpenedImage<'_> {
    /// Decodes the picture, the only time that this is done; of what moves, every frame, to see that all are whole.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the pixels are not all there, however little is missing.
    pub fn decode(self) -> Result<Decoded, Error> {
        let source = self.size();
        let Self { header, need, unsearched, .. } = self;
        let Header {
            format, width, height, orientation, mut icc, cicp, exif, xmp, reader, gain_map, mut notes, ..
        } = header;
        let (mut kept, mut moving) = (None, None);
        let raster = match reader {
            Reader::Jpeg(jpeg) => Some(jpeg.decode(need, &mut icc, &mut notes)?),
            Reader::TiffInks(bytes) => {
                let pixels = profile::cmyk_to_srgb(&tiff::inks(bytes)?, icc.take().as_deref(), &mut notes);
                let image = RgbImage::from_raw(width, height, pixels).ok_or_else(|| Error::Damaged {
                    format,
                    message: "its strips fill less than its dimensions".into(),
                })?;
                Some(Raster::Pixels(image.into()))
            }
            Reader::Avif(avif, uses) => {
                let (image, file) = avif.decode(uses, &mut notes)?;
                kept = file;
                image.map(|image| Raster::Pixels(without_needless_alpha(image)))
            }
            Reader::Other { decoder, premultiplied } => {
                let image = DynamicImage::from_decoder(decoder).map_err(|error| decoding(format, error))?;
                let image = integers(image);
                let image = if premultiplied { tiff::unpremultiplied(image) } else { image };
                Some(Raster::Pixels(without_needless_alpha(image)))
            }
            Reader::Moving { motion, bytes, color } => {
                let (frames, first) =
                    Moving::decode(motion, bytes, !color.has_color(), orientation, icc.clone(), cicp)?;
                moving = Some(frames);
                Some(Raster::Pixels(first))
            }
        };
        let raster = raster.map(|raster| match raster {
            Raster::Pixels(image) => {
                let (image, color) = profile::settle(image, icc, cicp, &mut notes);
                (Raster::Pixels(image), color)
            }
            Raster::Planes(planes) => (Raster::Planes(planes), profile::of_planes(icc, &mut notes)),
        });
        // The picture is the same without it, where displays have no brightness to spare.
        let gain_map = gain_map.and_then(|found| match found.and_then(gain_map::Found::decode) {
            Ok(map) => Some(map),
            Err(reason) => {
                notes.push(format!("its gain map was left out: {reason}"));
                None
            }
        });
        Ok(Decoded { raster, kept, source, orientation, exif, xmp, unsearched, gain_map, notes, moving })
    }
}

/// Floating-point samples as 16-bit ones.
fn integers(image: DynamicImage) -> DynamicImage {
    match image.color() {
        ColorType::Rgb32F => image.into_rgb16().into(),
        ColorType::Rgba32F => image.into_rgba16().into(),
        _ => image,
    }
}

/// An alpha channel that hides nothing costs a second encode and says nothing.
fn without_needless_alpha(image: DynamicImage) -> DynamicImage {
    match image {
        DynamicImage::ImageLumaA8(image) if image.pixels().all(|pixel| pixel.0[1] == u8::MAX) => {
            DynamicImage::from(image).into_luma8().into()
        }
        DynamicImage::ImageLumaA16(image) if image.pixels().all(|pixel| pixel.0[1] == u16::MAX) => {
            DynamicImage::from(image).into_luma16().into()
        }
        DynamicImage::ImageRgba8(image) if image.pixels().all(|pixel| pixel.0[3] == u8::MAX) => {
            DynamicImage::from(image).into_rgb8().into()
        }
        DynamicImage::ImageRgba16(image) if image.pixels().all(|pixel| pixel.0[3] == u16::MAX) => {
            DynamicImage::from(image).into_rgb16().into()
        }
        image => image,
    }
}

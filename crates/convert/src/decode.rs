use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};
use model::{Color, Recipe};

use crate::animation::Animation;
use crate::color::profile;
use crate::open::OpenedImage;
use crate::pixels::source_pixels::SourcePixels;
use crate::read::avif::CopiedSource;
use crate::read::header::{Header, Reader, decoder_error};
use crate::read::tiff::TiffPixels;
use crate::{Error, SearchObstacle, gain_map};

/// A decoded image. Its orientation is not applied yet.
pub struct DecodedImage {
    pub(crate) recipe: Recipe,
    /// The pixels, or the first frame of an animation. `None` if the only variant is a copy of the source.
    pub(crate) pixels: Option<(SourcePixels, Color)>,
    /// The source file, if one variant is a copy of it.
    pub(crate) copied_source: Option<CopiedSource>,
    /// Width and height of the source after the orientation is applied. The decoded pixels may have half the width and
    /// height.
    pub(crate) source_size: (u32, u32),
    pub(crate) orientation: Orientation,
    pub(crate) exif: Option<Vec<u8>>,
    pub(crate) xmp: Option<Vec<u8>>,
    pub(crate) search_obstacle: Option<SearchObstacle>,
    pub(crate) gain_map: Option<gain_map::DecodedGainMap>,
    pub(crate) notes: Vec<String>,
    pub(crate) animation: Option<Animation>,
}

impl OpenedImage<'_> {
    /// Decodes the image. If it is an animation, all frames are decoded, to check that no frame is damaged.
    ///
    /// # Errors
    /// [`Error::Damaged`] if any pixels are missing.
    pub fn decode(self) -> Result<DecodedImage, Error> {
        let source_size = self.size();
        let Self { header, recipe, jpeg_output, search_obstacle, .. } = self;
        let Header {
            format, width, height, orientation, mut icc, cicp, exif, xmp, reader, gain_map, mut notes, ..
        } = header;
        let (mut copied_source, mut animation) = (None, None);
        let pixels = match reader {
            Reader::Jpeg(jpeg) => Some(jpeg.decode(jpeg_output, &mut icc, &mut notes)?),
            Reader::Tiff(tiff) => Some(SourcePixels::Interleaved(match tiff.decode()? {
                TiffPixels::Interleaved(image) => without_opaque_alpha(image),
                TiffPixels::Inks(inks) => {
                    let pixels = profile::cmyk_to_srgb(&inks, icc.take().as_deref(), &mut notes);
                    let image = RgbImage::from_raw(width, height, pixels);
                    let missing = || Error::Damaged { format, message: "its strips contain too few pixels".into() };
                    image.ok_or_else(missing)?.into()
                }
            })),
            Reader::Avif(avif, variants) => {
                let (image, file) = avif.decode(variants, &mut notes)?;
                copied_source = file;
                image.map(|image| SourcePixels::Interleaved(without_opaque_alpha(image)))
            }
            Reader::Other(decoder) => {
                let image = DynamicImage::from_decoder(decoder).map_err(|error| decoder_error(format, error))?;
                Some(SourcePixels::Interleaved(without_opaque_alpha(image)))
            }
            Reader::Animation { header, bytes, color } => {
                let (frames, first) =
                    Animation::decode(header, bytes, !color.has_color(), orientation, icc.clone(), cicp)?;
                animation = Some(frames);
                Some(SourcePixels::Interleaved(first))
            }
        };
        let pixels = pixels.map(|pixels| match pixels {
            SourcePixels::Interleaved(image) => {
                let (image, color) = profile::resolve_colors(image, icc, cicp, &mut notes);
                (SourcePixels::Interleaved(image), color)
            }
            SourcePixels::Planar(planes) => {
                (SourcePixels::Planar(planes), profile::resolve_planar_color(icc, &mut notes))
            }
        });
        // A damaged gain map is not an error, because SDR displays do not use it.
        let gain_map = gain_map.and_then(|map| match map.and_then(gain_map::OpenedGainMap::decode) {
            Ok(map) => Some(map),
            Err(reason) => {
                notes.push(format!("its gain map was omitted: {reason}"));
                None
            }
        });
        Ok(DecodedImage {
            recipe,
            pixels,
            copied_source,
            source_size,
            orientation,
            exif,
            xmp,
            search_obstacle,
            gain_map,
            notes,
            animation,
        })
    }
}

/// Removes the alpha channel if all pixels are opaque. Encoding this channel would take time and not change the visible
/// image.
fn without_opaque_alpha(image: DynamicImage) -> DynamicImage {
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

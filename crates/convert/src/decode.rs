use std::sync::Arc;

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};
use model::{Color, Recipe};

use crate::animation::{Animation, FrameColors};
use crate::color::cmyk;
use crate::damage::Damage;
use crate::open::OpenedImage;
use crate::pixels::framing::SourceGeometry;
use crate::pixels::source_pixels::SourcePixels;
use crate::read::{CopiedSource, DecodeRequest, Decoded, DecodedPixels, Header, Source};
use crate::{Error, SearchObstacle, gain_map};

/// A decoded image. Its orientation is not applied yet.
pub struct DecodedImage {
    pub(crate) recipe: Recipe,
    /// The pixels, or the first frame of an animation. `None` if the only variant is a copy of the source.
    pub(crate) pixels: Option<(SourcePixels, Color)>,
    /// The source file, if one variant is a copy of it.
    pub(crate) copied_source: Option<CopiedSource>,
    /// The source after the orientation is applied. The decoded pixels may have half the width and height.
    pub(crate) geometry: SourceGeometry,
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
        let geometry = self.source.header.geometry();
        let Self { source, recipe, form, colors, search_obstacle, .. } = self;
        let Source { format, header, decoder } = source;
        let request = DecodeRequest {
            form,
            damaged: recipe.damaged,
            copied_size: header.copied_size(&recipe),
            is_encoded: !header.encoded_framings(&recipe).is_empty(),
        };
        let Header { orientation, color, icc, exif, xmp, gain_map, mut notes, .. } = header;
        let Decoded { pixels, copied_source, notes: decoding_notes } = decoder.decode(&request)?;
        notes.extend(decoding_notes);
        if let (Some(animation), Some(pixels)) = (&header.animation, &pixels)
            && !matches!(pixels, DecodedPixels::Frames(_))
        {
            // The first frame is damaged. The reader may have added a note about the frames that it found.
            let found = Damage::FramesAfter(animation.frames() as usize).note(format);
            notes.retain(|note| *note != found);
            notes.push(Damage::FramesAfter(1).note(format));
        }
        let mut animation = None;
        let pixels = match pixels {
            Some(DecodedPixels::Interleaved(image)) => Some(SourcePixels::Interleaved(without_opaque_alpha(image))),
            Some(DecodedPixels::Planar(planes)) => Some(SourcePixels::Planar(planes)),
            Some(DecodedPixels::Cmyk { size: (width, height), inks }) => {
                let pixels = cmyk::cmyk_to_srgb(&inks, icc.as_deref(), &mut notes);
                let image = RgbImage::from_raw(width, height, pixels).ok_or_else(|| Error::Damaged {
                    format,
                    message: "it has fewer pixels than its dimensions".into(),
                })?;
                Some(SourcePixels::Interleaved(image.into()))
            }
            Some(DecodedPixels::Frames(frames)) => {
                let header =
                    header.animation.ok_or_else(|| Error::Damaged { format, message: "it has no frames".into() })?;
                let colors = FrameColors { is_gray: !color.has_color(), orientation, plan: Arc::clone(&colors) };
                let first;
                (animation, first) = Animation::decode(header, frames, colors, recipe.damaged, &mut notes)?;
                Some(SourcePixels::Interleaved(first))
            }
            None => None,
        };
        let pixels = pixels.map(|pixels| match pixels {
            SourcePixels::Interleaved(image) => SourcePixels::Interleaved(colors.apply(image)),
            SourcePixels::Planar(planes) => SourcePixels::Planar(planes),
        });
        let pixels = pixels.map(|pixels| (pixels, colors.color.clone()));
        // A damaged gain map is not an error, because SDR displays do not use it.
        let gain_map = gain_map.and_then(|map| match map.and_then(|map| map.decode(&recipe, &mut notes)) {
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
            geometry,
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

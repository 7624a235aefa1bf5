use avif::{Attachments, SequenceEncoder};
use image::{DynamicImage, GenericImageView};
use model::{Color, PlanarImage, Shape};

use super::Moving;
use super::narrow::narrow;
use crate::encoder::EncoderSettings;
use crate::planes::{self, PlaneFormat};
use crate::resize::FilterImage;
use crate::{Error, encode};

impl Moving {
    /// Encodes the frames as one AVIF, at the size and in the style of the first.
    pub(crate) fn encode(
        &self,
        first: &PlanarImage,
        format: PlaneFormat,
        attachments: &Attachments,
        settings: &EncoderSettings,
    ) -> Result<Vec<u8>, Error> {
        let shape = first.shape();
        let failed = |source| encode::encode_error(shape, source);
        let timing = &self.motion.timing;
        let mut sequence =
            SequenceEncoder::new(shape, attachments, &settings.for_sequence(), timing.playback).map_err(failed)?;
        let rest = self.rest()?.map(|frame| frame.and_then(|(frame, color)| picture(&frame, &color, shape, format)));
        for (frame, &ticks) in std::iter::once(Ok(first.clone())).chain(rest).zip(&timing.ticks) {
            let frame = frame?;
            // Lossless is lossless in full range alone.
            let frame =
                if format.is_lossless { frame } else { narrow(&frame).map_err(|misfit| failed(misfit.into()))? };
            sequence.add_frame(&frame, ticks).map_err(failed)?;
        }
        sequence.finish().map_err(failed)
    }
}

/// A frame at its size.
fn picture(frame: &DynamicImage, color: &Color, shape: Shape, format: PlaneFormat) -> Result<PlanarImage, Error> {
    let size = (shape.width, shape.height);
    if frame.dimensions() == size {
        return planes::to_planar(frame, color, format);
    }
    planes::to_planar(&FilterImage::from_pixels(frame, color.cicp)?.resize(size)?.to_pixels()?, color, format)
}

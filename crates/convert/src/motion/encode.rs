use avif::{Attached, Sequence, Settings};
use image::{DynamicImage, GenericImageView};
use model::{Color, PlanarImage, Shape};

use super::Moving;
use super::narrow::narrow;
use crate::planes::{self, Style};
use crate::resize::Light;
use crate::{Error, encode};

impl Moving {
    /// Encodes the frames as one AVIF, at the size and in the style of the first.
    pub(crate) fn encode(
        &self,
        first: &PlanarImage,
        style: Style,
        attached: &Attached,
        settings: &Settings,
    ) -> Result<Vec<u8>, Error> {
        let shape = first.shape();
        let failed = |source| encode::failed(shape, source);
        let timing = &self.motion.timing;
        let mut sequence = Sequence::begin(shape, attached, settings, timing.playback).map_err(failed)?;
        let rest = self.rest()?.map(|frame| frame.and_then(|(frame, color)| picture(&frame, &color, shape, style)));
        for (frame, &ticks) in std::iter::once(Ok(first.clone())).chain(rest).zip(&timing.ticks) {
            let frame = frame?;
            // Lossless is lossless in full range alone.
            let frame = if style.lossless { frame } else { narrow(&frame).map_err(|misfit| failed(misfit.into()))? };
            sequence.add(&frame, ticks).map_err(failed)?;
        }
        sequence.finish().map_err(failed)
    }
}

/// A frame at its size.
fn picture(frame: &DynamicImage, color: &Color, shape: Shape, style: Style) -> Result<PlanarImage, Error> {
    let size = (shape.width, shape.height);
    if frame.dimensions() == size {
        return planes::picture(frame, color, style);
    }
    planes::picture(&Light::of(frame, color.cicp)?.resized(size)?.pixels()?, color, style)
}

use avif::{Attached, Sequence, Settings};
use image::GenericImageView;
use model::Picture;

use super::Moving;
use crate::planes::{self, Style};
use crate::resize::Light;
use crate::{Error, encode};

impl Moving {
    /// Encodes the frames as one AVIF, at the size and in the style of the first.
    pub(crate) fn encode(
        &self,
        first: &Picture,
        style: Style,
        attached: &Attached,
        settings: &Settings,
    ) -> Result<Vec<u8>, Error> {
        let shape = first.shape();
        let failed = |source| encode::failed(shape, source);
        let timing = &self.motion.timing;
        let mut sequence = Sequence::begin(shape, attached, settings, timing.playback).map_err(failed)?;
        let mut ticks = timing.ticks.iter();
        for (&ticks, frame) in ticks.by_ref().take(1).zip([first]) {
            sequence.add(frame, ticks).map_err(failed)?;
        }
        for (&ticks, frame) in ticks.zip(self.rest()?) {
            let (frame, color) = frame?;
            let size = (shape.width, shape.height);
            let frame = if frame.dimensions() == size {
                frame
            } else {
                Light::of(&frame, color.cicp)?.resized(size)?.pixels()?
            };
            let frame = planes::picture(&frame, &color, style)?;
            sequence.add(&frame, ticks).map_err(failed)?;
        }
        sequence.finish().map_err(failed)
    }
}

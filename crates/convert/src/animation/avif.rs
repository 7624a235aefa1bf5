use avif::SequenceEncoder;
use image::DynamicImage;
use model::{Color, OutputFormat, PlanarImage};

use super::limited_range::to_limited_range;
use super::{Animation, crop_and_resize};
use crate::Error;
use crate::pixels::alpha::fill_transparent;
use crate::pixels::framing::Framing;
use crate::pixels::planes::{self, PlaneFormat};
use crate::transform::Rendition;
use crate::write::avif::EncoderSettings;

impl Animation {
    /// Encodes the frames as one AVIF, cropped and resized like the first frame, and with its plane format.
    pub(crate) fn encode_avif(
        &self,
        first: &Rendition,
        format: PlaneFormat,
        settings: &EncoderSettings,
    ) -> Result<Vec<u8>, Error> {
        let Rendition { framing, planar: first, attachments, .. } = first;
        let shape = first.shape();
        let failed = |source: avif::Error| Error::encode(OutputFormat::Avif, (shape.width, shape.height), source);
        let timing = &self.header.timing;
        let mut sequence =
            SequenceEncoder::new(shape, attachments, &settings.for_sequence(), timing.playback).map_err(failed)?;
        let rest = self
            .frames_after_first()?
            .map(|frame| frame.and_then(|(frame, color)| to_planar(frame, &color, *framing, format)));
        for (frame, &ticks) in std::iter::once(Ok(first.clone())).chain(rest).zip(&timing.ticks) {
            let frame = frame?;
            // Lossless encoding keeps full range, because limited range has fewer levels.
            let frame = if format.is_lossless {
                frame
            } else {
                to_limited_range(&frame).map_err(|error| failed(error.into()))?
            };
            sequence.add_frame(&frame, ticks).map_err(failed)?;
        }
        sequence.finish().map_err(failed)
    }
}

/// Crops and resizes a frame and converts it to planes.
fn to_planar(frame: DynamicImage, color: &Color, framing: Framing, format: PlaneFormat) -> Result<PlanarImage, Error> {
    let mut frame = crop_and_resize(frame, color, framing)?;
    if !format.is_lossless {
        fill_transparent(&mut frame);
    }
    planes::to_planar(&frame, color, format)
}

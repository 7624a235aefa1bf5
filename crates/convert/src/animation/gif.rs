//! The frames of a GIF.

use std::io::Cursor;

use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, DisposalMethod, Repeat};
use image::RgbaImage;

use super::canvas::{BlendMode, FrameDisposal, StoredFrame};
use super::frame_budget::FrameBudget;
use super::timing::Delay;
use super::{FrameTimings, damaged};
use crate::error::brief;
use crate::{Error, Format};

/// The maximum size in bytes of a decoded frame that is larger than the logical screen.
pub(crate) const MAX_OVERSIZED_FRAME_BYTES: u64 = 16 << 20;

/// Reads the delay of each frame without decoding the frames. Returns `None` for a still image.
pub(super) fn read_timings(bytes: &[u8], budget: &mut FrameBudget) -> Result<Option<FrameTimings>, Error> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(|error| decoder_error(&error))?;
    let mut delays = vec![];
    loop {
        match decoder.next_frame_info().map(|frame| frame.map(|frame| (frame.width, frame.height, frame.delay))) {
            Ok(Some((width, height, hundredths))) => {
                budget.add(width.into(), height.into())?;
                delays.push(Delay::new(hundredths.into(), 100));
            }
            Ok(None) => break,
            // A file with at most one complete frame and no repetition is a still image, even if damaged data follows
            // the frame.
            Err(_) if delays.len() < 2 && decoder.repeat() == Repeat::default() => return Ok(None),
            Err(error) => return Err(decoder_error(&error)),
        }
    }
    // The Netscape extension contains the number of repetitions after the first play. Browsers interpret the number in
    // the same way (Chromium's cc/paint/image_animation_count.h). An animation without the extension is played once.
    let repetitions = match decoder.repeat() {
        Repeat::Infinite => None,
        Repeat::Finite(repetitions) => Some(u32::from(repetitions)),
    };
    Ok((delays.len() > 1).then_some(FrameTimings { delays, repetitions }))
}

/// Decodes the stored frames in order.
pub(crate) struct GifFrames<'bytes> {
    decoder: Decoder<Cursor<&'bytes [u8]>>,
    max_frame_bytes: u64,
}

impl<'bytes> GifFrames<'bytes> {
    pub(crate) fn open(bytes: &'bytes [u8], (width, height): (u32, u32)) -> Result<Self, Error> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        let decoder = options.read_info(Cursor::new(bytes)).map_err(|error| decoder_error(&error))?;
        Ok(Self { decoder, max_frame_bytes: MAX_OVERSIZED_FRAME_BYTES.max(u64::from(width) * u64::from(height) * 4) })
    }

    fn read(&mut self) -> Result<Option<StoredFrame>, Error> {
        let Some(frame) = self.decoder.next_frame_info().map_err(|error| decoder_error(&error))? else {
            return Ok(None);
        };
        let [left, top, width, height] = [frame.left, frame.top, frame.width, frame.height].map(u32::from);
        let disposal = match frame.dispose {
            DisposalMethod::Any | DisposalMethod::Keep => FrameDisposal::Keep,
            DisposalMethod::Background => FrameDisposal::Background,
            DisposalMethod::Previous => FrameDisposal::Previous,
        };
        if u64::from(width) * u64::from(height) * 4 > self.max_frame_bytes {
            return Err(damaged(
                Format::Gif,
                format!(
                    "a frame of {width}x{height} is larger than the image and over {} MiB",
                    MAX_OVERSIZED_FRAME_BYTES >> 20
                ),
            ));
        }
        let mut pixels = vec![0; self.decoder.buffer_size()];
        self.decoder.read_into_buffer(&mut pixels).map_err(|error| decoder_error(&error))?;
        let pixels = RgbaImage::from_raw(width, height, pixels);
        let pixels =
            pixels.ok_or_else(|| damaged(Format::Gif, "a frame has fewer pixels than its dimensions".into()))?;
        Ok(Some(StoredFrame { left, top, pixels, blend: BlendMode::Over, disposal }))
    }
}

impl Iterator for GifFrames<'_> {
    type Item = Result<StoredFrame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn decoder_error(error: &DecodingError) -> Error {
    damaged(Format::Gif, brief(&error.to_string()))
}

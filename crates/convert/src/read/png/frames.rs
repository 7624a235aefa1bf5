//! The frames of an animated PNG (PNG specification, third edition, 11.3.6).

use std::io::Cursor;
use std::sync::Arc;

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use png::{BlendOp, ColorType, Decoder, DisposeOp, Limits, Transformations};

use super::chunks::chunks;
use super::{MAX_METADATA_BYTES, damaged, decoder_error};
use crate::Error;
use crate::animation::{
    BlendMode, Delay, FrameBudget, FrameDisposal, FrameSource, FrameTimings, StoredFrame, StoredFrames,
};

/// Reads the delay of each frame without decoding the frames. Returns `None` for a still image.
pub(super) fn read_timings(bytes: &[u8], budget: &mut FrameBudget) -> Result<Option<FrameTimings>, Error> {
    let mut before_pixels = chunks(bytes).take_while(|(name, _)| *name != b"IDAT");
    let Some((frames, plays)) =
        before_pixels.find(|(name, _)| *name == b"acTL").and_then(|(_, data)| read_animation_control(data))
    else {
        return Ok(None);
    };
    if frames < 2 {
        return Ok(None);
    }
    let frames = usize::try_from(frames).unwrap_or(usize::MAX);
    let controls = chunks(bytes).filter(|(name, _)| *name == b"fcTL").filter_map(|(_, data)| read_frame_control(data));
    let mut delay = |(width, height, delay)| {
        budget.add(width, height)?;
        Ok(delay)
    };
    let delays: Vec<_> = controls.take(frames).map(&mut delay).collect::<Result<_, Error>>()?;
    if delays.len() < frames {
        return Err(damaged(&format!("it has only {} of its {frames} frames", delays.len())));
    }
    Ok(Some(FrameTimings { delays, repetitions: plays.checked_sub(1) }))
}

/// Reads the number of frames and the number of plays. If the number of plays is 0, the animation repeats forever.
fn read_animation_control(data: &[u8]) -> Option<(u32, u32)> {
    let (frames, plays) = data.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*frames), u32::from_be_bytes(*plays.first_chunk()?)))
}

/// Reads the width, height and delay of a frame. Five fields of 32 bits precede the delay: a sequence number, the
/// width, the height, and the horizontal and the vertical position.
fn read_frame_control(data: &[u8]) -> Option<(u32, u32, Delay)> {
    let [width, height] = [4, 8].map(|at| data.get(at..).and_then(|number| number.first_chunk().copied()));
    let (numerator, rest) = data.get(20..)?.split_first_chunk::<2>()?;
    let (numerator, denominator) = (u16::from_be_bytes(*numerator), u16::from_be_bytes(*rest.first_chunk()?));
    let delay = Delay::new(numerator.into(), if denominator == 0 { 100 } else { denominator.into() });
    Some((u32::from_be_bytes(width?), u32::from_be_bytes(height?), delay))
}

/// An animated PNG whose frames were counted.
pub(super) struct ApngAnimation {
    pub(super) bytes: Arc<[u8]>,
}

impl FrameSource for ApngAnimation {
    fn frames(&self) -> Result<StoredFrames<'_>, Error> {
        Ok(Box::new(ApngFrames::open(&self.bytes)?))
    }
}

/// Decodes the stored frames in order.
struct ApngFrames<'bytes> {
    reader: png::Reader<Cursor<&'bytes [u8]>>,
    /// Whether the next image in the file is the static image, which is not part of the animation.
    has_static_image: bool,
}

impl<'bytes> ApngFrames<'bytes> {
    fn open(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MAX_METADATA_BYTES });
        decoder.set_transformations(Transformations::normalize_to_color8());
        // The text chunks and the ICC profile were read before. The decoder ignores them here, because their
        // decompressed data could have any size.
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let reader = decoder.read_info().map_err(|error| decoder_error(&error))?;
        let has_static_image = reader.info().frame_control().is_none();
        Ok(Self { reader, has_static_image })
    }

    fn read(&mut self) -> Result<Option<StoredFrame>, Error> {
        if std::mem::take(&mut self.has_static_image) {
            self.read_image()?;
        }
        let pixels = self.read_image()?;
        let Some(control) = self.reader.info().frame_control() else { return Ok(None) };
        let blend = match control.blend_op {
            BlendOp::Source => BlendMode::Source,
            BlendOp::Over => BlendMode::Over,
        };
        let disposal = match control.dispose_op {
            DisposeOp::None => FrameDisposal::Keep,
            DisposeOp::Background => FrameDisposal::Background,
            DisposeOp::Previous => FrameDisposal::Previous,
        };
        Ok(Some(StoredFrame { left: control.x_offset, top: control.y_offset, pixels, blend, disposal }))
    }

    fn read_image(&mut self) -> Result<RgbaImage, Error> {
        let size = self.reader.output_buffer_size();
        let mut pixels = vec![0; size.ok_or_else(|| damaged("a frame is too large for memory"))?];
        let info = self.reader.next_frame(&mut pixels).map_err(|error| decoder_error(&error))?;
        pixels.truncate(info.buffer_size());
        let (width, height) = (info.width, info.height);
        let image: Option<DynamicImage> = match info.color_type {
            ColorType::Grayscale => GrayImage::from_raw(width, height, pixels).map(Into::into),
            ColorType::GrayscaleAlpha => GrayAlphaImage::from_raw(width, height, pixels).map(Into::into),
            ColorType::Rgb => RgbImage::from_raw(width, height, pixels).map(Into::into),
            ColorType::Rgba => RgbaImage::from_raw(width, height, pixels).map(Into::into),
            // This color type does not occur, because the transformations replace palette indices with colors.
            ColorType::Indexed => None,
        };
        let image = image.ok_or_else(|| damaged("a frame has fewer pixels than its dimensions"))?;
        Ok(image.into_rgba8())
    }
}

impl Iterator for ApngFrames<'_> {
    type Item = Result<StoredFrame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

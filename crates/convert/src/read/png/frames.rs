//! The frames of an animated PNG (PNG specification, third edition, 11.3.6).

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use model::DamagedMode;
use png::{BlendOp, ColorType, Decoder, DisposeOp, Limits, Transformations};

use super::chunks::{chunks, with_end};
use super::rows::decode_rows;
use super::{MAX_METADATA_BYTES, damaged, decoder_error};
use crate::animation::{
    BlendMode, Delay, FrameBudget, FrameDisposal, FrameSource, FrameTimings, StoredFrame, StoredFrames,
};
use crate::damage::Damage;
use crate::pixels::transparent_rows::with_transparent_rows;
use crate::{Error, Format};

/// What viewers show of a file.
pub(super) enum Shown {
    /// The image in the IDAT chunks.
    StillImage,
    /// The only frame of an animation. The image in the IDAT chunks is not part of the animation.
    OnlyFrame,
    Animation(FrameTimings),
}

/// Reads the delay of each frame without decoding the frames. A file may announce more frames than it has. The note is
/// about this difference.
///
/// # Errors
/// [`Error::Damaged`] if frames are missing because the file is truncated, unless `damaged` allows it.
/// [`Error::TooManyFrames`] if the frames exceed the limit.
pub(super) fn read_timings(
    bytes: &[u8],
    damaged_mode: DamagedMode,
    budget: &mut FrameBudget,
) -> Result<(Shown, Option<String>), Error> {
    let still = Ok((Shown::StillImage, None));
    let mut before_pixels = chunks(bytes).take_while(|chunk| chunk.name != b"IDAT");
    let control = before_pixels.find(|chunk| chunk.name == b"acTL" && chunk.is_intact());
    let Some((frames, plays)) = control.and_then(|chunk| read_animation_control(chunk.data)) else { return still };
    let is_first_image_hidden =
        !chunks(bytes).take_while(|chunk| chunk.name != b"IDAT").any(|chunk| chunk.name == b"fcTL");
    if frames == 0 || (frames == 1 && !is_first_image_hidden) {
        return still;
    }
    let frames = usize::try_from(frames).unwrap_or(usize::MAX);
    let controls =
        chunks(bytes).filter(|chunk| chunk.name == b"fcTL").filter_map(|chunk| read_frame_control(chunk.data));
    let mut delay = |(width, height, delay)| {
        budget.add(width, height)?;
        Ok(delay)
    };
    let delays: Vec<_> = controls.take(frames).map(&mut delay).collect::<Result<_, Error>>()?;
    let mut note = None;
    if delays.len() < frames {
        if chunks(bytes).any(|chunk| chunk.name == b"IEND") {
            note = Some(format!("it announces {frames} frames and has {}", delays.len()));
        } else if damaged_mode == DamagedMode::Convert {
            note = Some(Damage::FramesAfter(delays.len()).note(Format::PNG));
        } else {
            return Err(damaged(&format!("it has only {} of its {frames} frames", delays.len())));
        }
    }
    let shown = match delays.len() {
        1 if is_first_image_hidden => Shown::OnlyFrame,
        0 | 1 => Shown::StillImage,
        _ => Shown::Animation(FrameTimings { delays, repetitions: plays.checked_sub(1) }),
    };
    Ok((shown, note))
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
pub(super) struct ApngFrames<'bytes> {
    reader: png::Reader<Cursor<Cow<'bytes, [u8]>>>,
    /// Whether the next image in the file is the static image, which is not part of the animation.
    has_static_image: bool,
}

impl<'bytes> ApngFrames<'bytes> {
    pub(super) fn open(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let mut decoder = Decoder::new_with_limits(Cursor::new(with_end(bytes)), Limits { bytes: MAX_METADATA_BYTES });
        decoder.set_transformations(Transformations::normalize_to_color8());
        // The text chunks and the ICC profile were read before. The decoder ignores them here, because their
        // decompressed data could have any size.
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let reader = decoder.read_info().map_err(|error| decoder_error(&error))?;
        let has_static_image = reader.info().frame_control().is_none();
        Ok(Self { reader, has_static_image })
    }

    /// Decodes the first frame up to the first damage.
    ///
    /// # Errors
    /// [`Error::Damaged`] if no row of the frame can be decoded.
    pub(super) fn decode_damaged_frame(mut self) -> Result<(StoredFrame, Damage), Error> {
        if self.has_static_image {
            self.reader.next_frame_info().map_err(|error| decoder_error(&error))?;
        }
        let control = self.reader.info().frame_control().copied();
        let size = control.map_or(self.reader.info().size(), |control| (control.width, control.height));
        let line = self.reader.output_line_size(size.0).and_then(|line| line.checked_mul(size.1 as usize));
        let mut samples = vec![0; line.ok_or_else(|| damaged("a frame is too large for memory"))?];
        let rows = decode_rows(&mut self.reader, &mut samples, size)?;
        let pixels = to_rgba(samples, self.reader.output_color_type().0, size)?;
        let pixels = with_transparent_rows(pixels.into(), rows.visible).into_rgba8();
        let frame = self.stored_frame(pixels).ok_or_else(|| damaged("it has no frame"))?;
        Ok((frame, rows.damage))
    }

    fn read(&mut self) -> Result<Option<StoredFrame>, Error> {
        if std::mem::take(&mut self.has_static_image) {
            self.read_image()?;
        }
        let pixels = self.read_image()?;
        Ok(self.stored_frame(pixels))
    }

    /// Adds the position of the current frame to its pixels.
    fn stored_frame(&self, pixels: RgbaImage) -> Option<StoredFrame> {
        let control = self.reader.info().frame_control()?;
        let blend = match control.blend_op {
            BlendOp::Source => BlendMode::Source,
            BlendOp::Over => BlendMode::Over,
        };
        let disposal = match control.dispose_op {
            DisposeOp::None => FrameDisposal::Keep,
            DisposeOp::Background => FrameDisposal::Background,
            DisposeOp::Previous => FrameDisposal::Previous,
        };
        Some(StoredFrame { left: control.x_offset, top: control.y_offset, pixels, blend, disposal })
    }

    fn read_image(&mut self) -> Result<RgbaImage, Error> {
        let size = self.reader.output_buffer_size();
        let mut pixels = vec![0; size.ok_or_else(|| damaged("a frame is too large for memory"))?];
        let info = self.reader.next_frame(&mut pixels).map_err(|error| decoder_error(&error))?;
        pixels.truncate(info.buffer_size());
        to_rgba(pixels, info.color_type, (info.width, info.height))
    }
}

/// Creates an image from samples of eight bits.
fn to_rgba(pixels: Vec<u8>, color: ColorType, (width, height): (u32, u32)) -> Result<RgbaImage, Error> {
    let image: Option<DynamicImage> = match color {
        ColorType::Grayscale => GrayImage::from_raw(width, height, pixels).map(Into::into),
        ColorType::GrayscaleAlpha => GrayAlphaImage::from_raw(width, height, pixels).map(Into::into),
        ColorType::Rgb => RgbImage::from_raw(width, height, pixels).map(Into::into),
        ColorType::Rgba => RgbaImage::from_raw(width, height, pixels).map(Into::into),
        // This color type does not occur, because the transformations replace palette indices with colors.
        ColorType::Indexed => None,
    };
    Ok(image.ok_or_else(|| damaged("a frame has fewer pixels than its dimensions"))?.into_rgba8())
}

impl Iterator for ApngFrames<'_> {
    type Item = Result<StoredFrame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

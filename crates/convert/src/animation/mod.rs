//! Detects animations, and draws their frames in order, as a viewer shows them.
//!
//! All frames of a file are decoded once to check that they are complete and to find their common properties. They are
//! decoded again for each variant that is encoded. Only one frame is in memory at a time, so the memory does not grow
//! with the number of frames.

mod avif;
mod canvas;
mod frame_budget;
mod limited_range;
mod timing;
mod webp;

use std::sync::Arc;

use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, RgbaImage};
use model::{Area, Color, DamagedMode};

use self::timing::Timing;
use crate::color::plan::ColorPlan;
use crate::damage::Damage;
use crate::pixels::content::{self, Content};
use crate::pixels::framing::Framing;
use crate::pixels::resize::FilterImage;
use crate::{Error, Format};

pub(crate) use self::canvas::{BlendMode, Canvas, FrameDisposal, StoredFrame};
pub(crate) use self::frame_budget::FrameBudget;
pub(crate) use self::timing::Delay;

/// An animation whose frames were counted but not decoded.
pub(crate) struct AnimationHeader {
    format: Format,
    size: (u32, u32),
    timing: Timing,
    stored_pixels: u64,
    largest_frame_pixels: u64,
    /// Whether all frames are shown as opaque, although their pixels may have alpha.
    is_declared_opaque: bool,
}

/// The timing of the frames, as the reader of a format returns it.
pub(crate) struct FrameTimings {
    pub(crate) delays: Vec<Delay>,
    /// The number of repetitions after the first play. `None` means that the animation repeats forever.
    pub(crate) repetitions: Option<u32>,
}

/// Returns the stored frames of a file, any number of times.
pub(crate) trait FrameSource: Send + Sync {
    /// # Errors
    /// The error of the decoder, if it cannot read the header.
    fn frames(&self) -> Result<StoredFrames<'_>, Error>;
}

/// The stored frames in order.
pub(crate) type StoredFrames<'a> = Box<dyn Iterator<Item = Result<StoredFrame, Error>> + 'a>;

impl AnimationHeader {
    /// Creates the header of an animation of this size. `budget` has counted the frames.
    pub(crate) fn new(format: Format, size: (u32, u32), timings: &FrameTimings, budget: &FrameBudget) -> Self {
        Self {
            format,
            size,
            timing: Timing::new(&timings.delays, timings.repetitions),
            stored_pixels: budget.stored_pixels,
            largest_frame_pixels: budget.largest_frame_pixels,
            is_declared_opaque: false,
        }
    }

    /// Returns the header of an animation whose alpha is ignored.
    pub(crate) fn with_declared_opacity(self, is_declared_opaque: bool) -> Self {
        Self { is_declared_opaque, ..self }
    }

    /// The number of frames.
    pub(crate) fn frames(&self) -> u32 {
        u32::try_from(self.timing.ticks.len()).unwrap_or(u32::MAX)
    }

    /// The number of pixels of all stored frames. The time for decoding is proportional to this number.
    pub(crate) fn stored_pixels(&self) -> u64 {
        self.stored_pixels
    }

    /// The number of pixels of the largest stored frame.
    pub(crate) fn largest_frame_pixels(&self) -> u64 {
        self.largest_frame_pixels
    }

    /// Returns all frames as a viewer shows them, before the orientation is applied.
    fn composed_frames<'a>(&self, source: &'a dyn FrameSource) -> Result<ComposedFrames<'a>, Error> {
        Ok(ComposedFrames {
            format: self.format,
            stored_frames: source.frames()?,
            canvas: Canvas::new(self.size),
            drawn: 0,
            frames: self.frames(),
        })
    }
}

/// Draws the frames in order. After an error, the iterator ends.
struct ComposedFrames<'a> {
    format: Format,
    stored_frames: StoredFrames<'a>,
    canvas: Canvas,
    drawn: u32,
    frames: u32,
}

impl Iterator for ComposedFrames<'_> {
    type Item = Result<RgbaImage, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.drawn == self.frames {
            return None;
        }
        self.drawn += 1;
        let frame = match self.stored_frames.next() {
            Some(Ok(frame)) => Ok(self.canvas.draw(&frame).clone()),
            None => {
                let message = format!("it has only {} of its {} frames", self.drawn - 1, self.frames);
                Err(Error::Damaged { format: self.format, message })
            }
            Some(Err(error)) => Err(error),
        };
        if frame.is_err() {
            self.drawn = self.frames;
        }
        Some(frame)
    }
}

/// An animation whose frames were all decoded once, so they are known to be complete. It has at least two frames.
pub(crate) struct Animation {
    header: AnimationHeader,
    source: Box<dyn FrameSource>,
    format: FrameFormat,
    orientation: Orientation,
    colors: Arc<ColorPlan>,
    content: Content,
}

/// How the colors and the orientation of all frames are interpreted.
pub(crate) struct FrameColors {
    pub(crate) is_gray: bool,
    pub(crate) orientation: Orientation,
    pub(crate) plan: Arc<ColorPlan>,
}

/// The color channels of the frames. All images of an AVIF sequence must have the same channels.
#[derive(Debug, Clone, Copy)]
struct FrameFormat {
    is_gray: bool,
    is_opaque: bool,
}

impl FrameFormat {
    fn convert(self, frame: RgbaImage) -> DynamicImage {
        let frame = DynamicImage::from(frame);
        match (self.is_gray, self.is_opaque) {
            (true, true) => frame.into_luma8().into(),
            (true, false) => frame.into_luma_alpha8().into(),
            (false, true) => frame.into_rgb8().into(),
            (false, false) => frame,
        }
    }
}

impl Animation {
    /// Decodes every frame. Returns the animation and its first frame. If a later frame is damaged and `damaged` allows
    /// it, the animation ends before this frame, with a note. If only the first frame remains, the image is still.
    pub(crate) fn decode(
        mut header: AnimationHeader,
        source: Box<dyn FrameSource>,
        colors: FrameColors,
        damaged: DamagedMode,
        notes: &mut Vec<String>,
    ) -> Result<(Option<Self>, DynamicImage), Error> {
        let (mut first, mut is_opaque, mut graphics) = (None, true, 0);
        let mut decoded = 0;
        for frame in header.composed_frames(source.as_ref())? {
            let frame = match frame {
                Err(Error::Damaged { format, .. }) if decoded > 0 && damaged == DamagedMode::Convert => {
                    // If the file is truncated, its reader has already added a note about the frames that it found.
                    let found = Damage::FramesAfter(header.timing.ticks.len()).note(format);
                    notes.retain(|note| *note != found);
                    notes.push(Damage::FramesAfter(decoded).note(format));
                    break;
                }
                frame => frame?,
            };
            decoded += 1;
            is_opaque = is_opaque && frame.pixels().all(|pixel| pixel.0[3] == u8::MAX);
            let frame = DynamicImage::from(frame);
            graphics += u32::from(content::classify(&frame) == Content::Graphic);
            first.get_or_insert(frame);
        }
        header.timing.ticks.truncate(decoded);
        let FrameColors { is_gray, orientation, plan } = colors;
        let format = FrameFormat { is_gray, is_opaque: is_opaque || header.is_declared_opaque };
        let content = if graphics >= header.frames().div_ceil(2) { Content::Graphic } else { Content::Photograph };
        let first = format.convert(first.unwrap_or_default().into_rgba8());
        let animation = Self { header, source, format, orientation, colors: plan, content };
        Ok(((decoded > 1).then_some(animation), first))
    }

    /// The kind of content that most frames have.
    pub(crate) fn content(&self) -> Content {
        self.content
    }

    /// Returns the frames after the first frame, with the orientation applied, and the color description of each frame.
    fn frames_after_first(&self) -> Result<impl Iterator<Item = Result<(DynamicImage, Color), Error>>, Error> {
        let upright = |frame: RgbaImage| {
            let mut frame = self.colors.apply(self.format.convert(frame));
            frame.apply_orientation(self.orientation);
            (frame, self.colors.color.clone())
        };
        Ok(self.header.composed_frames(self.source.as_ref())?.skip(1).map(move |frame| frame.map(upright)))
    }
}

/// Crops and resizes a frame like the first frame.
fn crop_and_resize(mut frame: DynamicImage, color: &Color, framing: Framing) -> Result<DynamicImage, Error> {
    if let Some(Area { x, y, width, height }) = framing.crop {
        frame = frame.crop_imm(x, y, width, height);
    }
    if frame.dimensions() == framing.size {
        return Ok(frame);
    }
    FilterImage::from_pixels(&frame, color.cicp)?.resize(framing.size)?.to_pixels()
}

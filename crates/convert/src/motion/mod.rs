//! Moving pictures: which files are, and their frames, one after the other, as they are seen.
//!
//! A file's frames are read twice, once to see that all are there and what they have in common, and once to be encoded.
//! Neither time more than one is kept, so that memory does not grow with their number.

mod apng;
mod canvas;
mod encode;
mod gif;
mod narrow;
mod tally;
mod timing;
mod webp;

use image::metadata::Orientation;
use image::{DynamicImage, RgbaImage};
use model::{Cicp, Color, Limits};

use self::canvas::{Canvas, Part};
use self::tally::Tally;
use self::timing::{Delay, Timing};
use crate::content::{self, Content};
use crate::{Error, Format, profile};

pub(crate) use self::gif::LARGEST_FRAME;

/// A file that moves, by its structure alone.
pub(crate) struct Motion {
    format: Format,
    size: (u32, u32),
    timing: Timing,
    /// Pixels of all frames as they are stored, and of the largest.
    stored: u64,
    largest: u64,
}

/// What a format's own reader found.
struct Facts {
    delays: Vec<Delay>,
    /// After the first time; for ever where it is none.
    repetitions: Option<u32>,
}

impl Motion {
    /// Counts the frames of a picture of this size, where there are several, and stops at the first over the limit.
    pub(crate) fn find(format: Format, bytes: &[u8], size: (u32, u32), limits: &Limits) -> Result<Option<Self>, Error> {
        let mut tally = Tally::new(size, limits.animation_pixels);
        let facts = match format {
            Format::Gif => gif::facts(bytes, &mut tally)?,
            Format::Png => apng::facts(bytes, &mut tally)?,
            Format::WebP => webp::facts(bytes, &mut tally)?,
            Format::Jpeg | Format::Tiff | Format::Bmp | Format::Avif => None,
        };
        let Some(Facts { delays, repetitions }) = facts else { return Ok(None) };
        let timing = Timing::new(&delays, repetitions);
        Ok(Some(Self { format, size, timing, stored: tally.stored, largest: tally.largest }))
    }

    /// How many frames there are.
    pub(crate) fn frames(&self) -> u32 {
        u32::try_from(self.timing.ticks.len()).unwrap_or(u32::MAX)
    }

    /// The pixels of all frames as they are stored, which is what decoding them once costs.
    pub(crate) fn stored_pixels(&self) -> u64 {
        self.stored
    }

    /// The pixels of the largest frame as it is stored.
    pub(crate) fn largest_frame(&self) -> u64 {
        self.largest
    }

    /// All of them as they are seen, not yet turned.
    fn seen<'bytes>(&self, bytes: &'bytes [u8]) -> Result<Seen<'bytes>, Error> {
        let parts: Parts<'_> = match self.format {
            Format::Gif => Box::new(gif::Parts::open(bytes, self.size)?),
            Format::Png => Box::new(apng::Parts::open(bytes)?),
            // None of the others moves.
            Format::WebP | Format::Jpeg | Format::Tiff | Format::Bmp | Format::Avif => {
                Box::new(webp::Parts::open(bytes, self.size))
            }
        };
        Ok(Seen { format: self.format, parts, canvas: Canvas::new(self.size), done: 0, frames: self.frames() })
    }
}

/// What the frames are drawn of.
type Parts<'bytes> = Box<dyn Iterator<Item = Result<Part, Error>> + 'bytes>;

/// Draws one frame after the other. After an error there is no more.
struct Seen<'bytes> {
    format: Format,
    parts: Parts<'bytes>,
    canvas: Canvas,
    done: u32,
    frames: u32,
}

impl Iterator for Seen<'_> {
    type Item = Result<RgbaImage, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done == self.frames {
            return None;
        }
        self.done += 1;
        let frame = match self.parts.next() {
            Some(Ok(part)) => Ok(self.canvas.draw(&part).clone()),
            None => {
                let message = format!("{} of its {} frames are there", self.done - 1, self.frames);
                Err(damaged(self.format, message))
            }
            Some(Err(error)) => Err(error),
        };
        if frame.is_err() {
            self.done = self.frames;
        }
        Some(frame)
    }
}

/// A file that moves, of which every frame was found to be whole.
pub(crate) struct Moving {
    motion: Motion,
    bytes: Vec<u8>,
    form: Form,
    orientation: Orientation,
    icc: Option<Vec<u8>>,
    cicp: Option<Cicp>,
    content: Content,
}

/// What all frames are alike in, since a sequence's pictures have to be.
#[derive(Debug, Clone, Copy)]
struct Form {
    gray: bool,
    opaque: bool,
}

impl Form {
    fn of(self, frame: RgbaImage) -> DynamicImage {
        let frame = DynamicImage::from(frame);
        match (self.gray, self.opaque) {
            (true, true) => frame.into_luma8().into(),
            (true, false) => frame.into_luma_alpha8().into(),
            (false, true) => frame.into_rgb8().into(),
            (false, false) => frame,
        }
    }
}

impl Moving {
    /// Looks at every frame: what is kept of them, and the first.
    pub(crate) fn decode(
        motion: Motion,
        bytes: &[u8],
        gray: bool,
        orientation: Orientation,
        icc: Option<Vec<u8>>,
        cicp: Option<Cicp>,
    ) -> Result<(Self, DynamicImage), Error> {
        let (mut first, mut opaque, mut drawn) = (None, true, 0);
        for frame in motion.seen(bytes)? {
            let frame = frame?;
            opaque = opaque && frame.pixels().all(|pixel| pixel.0[3] == u8::MAX);
            let frame = DynamicImage::from(frame);
            drawn += u32::from(content::classify(&frame) == Content::Graphic);
            first.get_or_insert(frame);
        }
        let form = Form { gray, opaque };
        let content = if drawn >= motion.frames().div_ceil(2) { Content::Graphic } else { Content::Photograph };
        let first = form.of(first.unwrap_or_default().into_rgba8());
        Ok((Self { motion, bytes: bytes.to_vec(), form, orientation, icc, cicp, content }, first))
    }

    /// What most of the frames show.
    pub(crate) fn content(&self) -> Content {
        self.content
    }

    /// The frames after the first, upright, and what their colors are.
    fn rest(&self) -> Result<impl Iterator<Item = Result<(DynamicImage, Color), Error>>, Error> {
        let upright = |frame: RgbaImage| {
            // What is to be told of the colors was told of the first frame.
            let (mut frame, color) =
                profile::resolve_colors(self.form.of(frame), self.icc.clone(), self.cicp, &mut Vec::new());
            frame.apply_orientation(self.orientation);
            (frame, color)
        };
        Ok(self.motion.seen(&self.bytes)?.skip(1).map(move |frame| frame.map(upright)))
    }
}

fn damaged(format: Format, message: String) -> Error {
    Error::Damaged { format, message }
}

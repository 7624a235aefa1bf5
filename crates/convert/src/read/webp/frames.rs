//! The frames of an animated WebP (WebP container specification, "Extended File Format").

use std::io::Cursor;
use std::sync::Arc;

use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, RgbaImage};

use super::container::{ANIMATION_FLAG, Container, StillImage};
use super::damaged;
use crate::animation::{
    BlendMode, Delay, FrameBudget, FrameDisposal, FrameSource, FrameTimings, StoredFrame, StoredFrames,
};
use crate::read::decoder_error;
use crate::{Error, Format};

/// Flags in the header of a frame.
const DISPOSE_TO_BACKGROUND_FLAG: u8 = 1;
const DO_NOT_BLEND_FLAG: u8 = 1 << 1;

/// Reads the delay of each frame without decoding the frames. Returns `None` for a still image.
pub(super) fn read_timings(
    bytes: &[u8],
    container: &Container<'_>,
    budget: &mut FrameBudget,
) -> Result<Option<FrameTimings>, Error> {
    if !container.has_flag(ANIMATION_FLAG) {
        return Ok(None);
    }
    let declared_size =
        bytes.get(4..).and_then(|size| size.first_chunk()).map_or(0, |size| u32::from_le_bytes(*size)) as usize;
    if bytes.len() < declared_size.saturating_add(8) {
        return Err(damaged(format!("it has only {} of its {} bytes", bytes.len(), declared_size.saturating_add(8))));
    }
    let mut delay = |AnmfChunk { width, height, milliseconds, .. }: AnmfChunk<'_>| {
        budget.add(width, height)?;
        Ok(Delay::new(milliseconds, 1000))
    };
    let delays: Vec<_> = frames(container).map(&mut delay).collect::<Result<_, Error>>()?;
    // The ANIM chunk contains four bytes of background color, then the number of plays. If the number is 0, the
    // animation repeats forever.
    let plays = container.chunks().find(|chunk| chunk.name == b"ANIM").and_then(|chunk| chunk.data.get(4..6));
    let repetitions = plays.map_or(0, |plays| u32::from(u16::from_le_bytes([plays[0], plays[1]]))).checked_sub(1);
    Ok((!delays.is_empty()).then_some(FrameTimings { delays, repetitions }))
}

/// An animated WebP whose frames were counted.
pub(super) struct WebpAnimation {
    pub(super) bytes: Arc<[u8]>,
    pub(super) canvas: (u32, u32),
}

impl FrameSource for WebpAnimation {
    fn frames(&self) -> Result<StoredFrames<'_>, Error> {
        Ok(Box::new(WebpFrames::open(&self.bytes, self.canvas)))
    }
}

/// Decodes the stored frames in order.
pub(super) struct WebpFrames<'bytes> {
    frames: Box<dyn Iterator<Item = AnmfChunk<'bytes>> + 'bytes>,
    canvas: (u32, u32),
}

impl<'bytes> WebpFrames<'bytes> {
    pub(super) fn open(bytes: &'bytes [u8], canvas: (u32, u32)) -> Self {
        Self { frames: Box::new(frames(&Container::read(bytes))), canvas }
    }

    fn read(&mut self) -> Result<Option<StoredFrame>, Error> {
        let Some(frame) = self.frames.next() else { return Ok(None) };
        let AnmfChunk { left, top, width, height, flags, .. } = frame;
        if left + width > self.canvas.0 || top + height > self.canvas.1 {
            return Err(damaged("a frame extends beyond its canvas".into()));
        }
        let blend = if flags & DO_NOT_BLEND_FLAG == 0 { BlendMode::Over } else { BlendMode::Source };
        let disposal =
            if flags & DISPOSE_TO_BACKGROUND_FLAG == 0 { FrameDisposal::Keep } else { FrameDisposal::Background };
        Ok(Some(StoredFrame { left, top, pixels: frame.pixels()?, blend, disposal }))
    }
}

impl Iterator for WebpFrames<'_> {
    type Item = Result<StoredFrame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// The content of an ANMF chunk.
struct AnmfChunk<'bytes> {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    milliseconds: u32,
    flags: u8,
    chunks: &'bytes [u8],
}

impl<'bytes> AnmfChunk<'bytes> {
    fn read(data: &'bytes [u8]) -> Option<Self> {
        let (header, chunks) = data.split_first_chunk::<16>()?;
        let [left, top, width, height, milliseconds] = [0, 3, 6, 9, 12].map(|at| u24_le(header, at));
        let (left, top, width, height) = (left * 2, top * 2, width + 1, height + 1);
        Some(Self { left, top, width, height, milliseconds, flags: header[15], chunks })
    }

    /// Decodes the frame. A frame is a WebP without the RIFF header. This function adds the header and uses the decoder
    /// for still images, because the decoder for animations ignores the disposal of frames.
    fn pixels(&self) -> Result<RgbaImage, Error> {
        let still = StillImage::find(self.chunks).ok_or_else(|| damaged("a frame has no complete image".into()))?;
        let file = still.to_file((self.width, self.height));
        let decoder = WebPDecoder::new(Cursor::new(&file)).map_err(|error| decoder_error(Format::WEBP, error))?;
        if decoder.dimensions() != (self.width, self.height) {
            return Err(damaged("the size of a frame differs from its declared size".into()));
        }
        let image = DynamicImage::from_decoder(decoder).map_err(|error| decoder_error(Format::WEBP, error))?;
        Ok(image.into_rgba8())
    }
}

fn frames<'bytes>(container: &Container<'bytes>) -> impl Iterator<Item = AnmfChunk<'bytes>> + use<'bytes> {
    container.chunks().filter(|chunk| chunk.name == b"ANMF").filter_map(|chunk| AnmfChunk::read(chunk.data))
}

fn u24_le(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0])
}

//! An animated WebP's frames (WebP container specification, "Extended File Format").

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, RgbaImage};

use super::canvas::{Blend, Disposal, Part};
use super::tally::Tally;
use super::timing::Delay;
use super::{Facts, damaged};
use crate::header::decoding;
use crate::webp::{Chunk, chunks, chunks_in};
use crate::{Error, Format};

/// Flags in a VP8X chunk's first byte.
const ANIMATED: u8 = 1 << 1;
const HAS_ALPHA: u8 = 1 << 4;
/// Flags in a frame's header.
const CLEAR: u8 = 1;
const REPLACE: u8 = 1 << 1;

/// Counts the frames. Nothing where it is a still.
pub(super) fn facts(bytes: &[u8], tally: &mut Tally) -> Result<Option<Facts>, Error> {
    let flags = chunks(bytes).next().filter(|chunk| chunk.name == b"VP8X").and_then(|chunk| chunk.data.first());
    if flags.is_none_or(|flags| flags & ANIMATED == 0) {
        return Ok(None);
    }
    let announced =
        bytes.get(4..).and_then(|size| size.first_chunk()).map_or(0, |size| u32::from_le_bytes(*size)) as usize;
    if bytes.len() < announced.saturating_add(8) {
        return Err(damaged(
            Format::WebP,
            format!("{} of its {} bytes are there", bytes.len(), announced.saturating_add(8)),
        ));
    }
    let mut delay = |Frame { width, height, milliseconds, .. }: Frame<'_>| {
        tally.add(width, height)?;
        Ok(Delay::new(milliseconds, 1000))
    };
    let delays: Vec<_> = frames(bytes).map(&mut delay).collect::<Result<_, Error>>()?;
    // How often it is shown, 0 being for ever; behind four bytes of a color.
    let plays = chunks(bytes).find(|chunk| chunk.name == b"ANIM").and_then(|chunk| chunk.data.get(4..6));
    let repetitions = plays.map_or(0, |plays| u32::from(u16::from_le_bytes([plays[0], plays[1]]))).checked_sub(1);
    Ok((delays.len() > 1).then_some(Facts { delays, repetitions }))
}

/// What is left to read.
pub(crate) struct Parts<'bytes> {
    frames: Box<dyn Iterator<Item = Frame<'bytes>> + 'bytes>,
    canvas: (u32, u32),
}

impl<'bytes> Parts<'bytes> {
    pub(crate) fn open(bytes: &'bytes [u8], canvas: (u32, u32)) -> Self {
        Self { frames: Box::new(frames(bytes)), canvas }
    }

    fn read(&mut self) -> Result<Option<Part>, Error> {
        let Some(frame) = self.frames.next() else { return Ok(None) };
        let Frame { left, top, width, height, flags, .. } = frame;
        if left + width > self.canvas.0 || top + height > self.canvas.1 {
            return Err(damaged(Format::WebP, "a frame reaches beyond its canvas".into()));
        }
        let blend = if flags & REPLACE == 0 { Blend::Over } else { Blend::Replace };
        let disposal = if flags & CLEAR == 0 { Disposal::Keep } else { Disposal::Clear };
        Ok(Some(Part { left, top, pixels: frame.pixels()?, blend, disposal }))
    }
}

impl Iterator for Parts<'_> {
    type Item = Result<Part, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// What an ANMF chunk holds.
struct Frame<'bytes> {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    milliseconds: u32,
    flags: u8,
    chunks: &'bytes [u8],
}

impl<'bytes> Frame<'bytes> {
    fn read(data: &'bytes [u8]) -> Option<Self> {
        let (header, chunks) = data.split_first_chunk::<16>()?;
        let [left, top, width, height, milliseconds] = [0, 3, 6, 9, 12].map(|at| u24_le(header, at));
        let (left, top, width, height) = (left * 2, top * 2, width + 1, height + 1);
        Some(Self { left, top, width, height, milliseconds, flags: header[15], chunks })
    }

    /// A frame is a WebP without its outermost box. It gets one here and goes to the decoder of stills, since that of
    /// animations draws them its own way: it never clears what was drawn.
    fn pixels(&self) -> Result<RgbaImage, Error> {
        // One picture, and perhaps its alpha before it: any more is no part of the frame.
        let first = |names: [&[u8; 4]; 2]| chunks_in(self.chunks).find(|chunk| names.contains(&chunk.name));
        let mut bits: Vec<_> = [first([b"ALPH"; 2]), first([b"VP8 ", b"VP8L"])].into_iter().flatten().collect();
        let [width, height] = [self.width - 1, self.height - 1].map(u32::to_le_bytes);
        let header = [&[HAS_ALPHA, 0, 0, 0], &width[..3], &height[..3]].concat();
        if bits.iter().any(|chunk| chunk.name == b"ALPH") {
            bits.insert(0, Chunk { name: b"VP8X", data: &header });
        }
        let mut still = b"RIFF\0\0\0\0WEBP".to_vec();
        for Chunk { name, data } in bits {
            still.extend(name);
            still.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
            still.extend(data);
            still.resize(still.len().next_multiple_of(2), 0);
        }
        let length = u32::try_from(still.len() - 8).unwrap_or(u32::MAX);
        still[4..8].copy_from_slice(&length.to_le_bytes());
        let decoder = WebPDecoder::new(Cursor::new(&still)).map_err(|error| decoding(Format::WebP, error))?;
        if decoder.dimensions() != (self.width, self.height) {
            return Err(damaged(Format::WebP, "a frame is of another size than it says".into()));
        }
        let image = DynamicImage::from_decoder(decoder).map_err(|error| decoding(Format::WebP, error))?;
        Ok(image.into_rgba8())
    }
}

fn frames(bytes: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    chunks(bytes).filter(|chunk| chunk.name == b"ANMF").filter_map(|chunk| Frame::read(chunk.data))
}

fn u24_le(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0])
}

//! GIF, still and animated. `weezl` decodes the LZW data. It is the decoder of the crates `gif` and `tiff`, and the same
//! project maintains it. The crate `gif` (0.14.2) cannot be used to read the blocks: it rejects files without a trailer,
//! files with other bytes before the trailer and files with unknown extensions, which every browser shows, and it does
//! not output the first rows of a truncated frame. A GIF has only four kinds of blocks, so they are read here.

mod blocks;
mod pixels;

use std::sync::Arc;

use image::{ColorType, DynamicImage};
use model::DamagedMode;

use self::blocks::{Block, Blocks, Frame, Screen, SubBlocks};
use self::pixels::{FramePixels, MAX_CODE_SIZE};
use super::metadata::{self, MAX_BLOCK_BYTES};
use super::{Decode, DecodeRequest, Decoded, Header, ReadOptions, Reader, Source};
use crate::animation::{
    AnimationHeader, BlendMode, Canvas, Delay, FrameBudget, FrameSource, FrameTimings, StoredFrame, StoredFrames,
};
use crate::damage::Damage;
use crate::read::DecodedPixels;
use crate::{Error, Format};

impl Format {
    /// GIF, still or animated.
    pub const GIF: Self = Self { name: "GIF", extensions: &["gif"] };
}

pub(crate) const READER: Reader = Reader { format: Format::GIF, recognize, open };

fn recognize(bytes: &[u8]) -> bool {
    bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a")
}

fn open<'bytes>(bytes: &'bytes [u8], options: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    let screen = Screen::read(bytes).ok_or_else(|| damaged("it ends within its header"))?;
    let mut summary = Summary::default();
    for block in screen.blocks() {
        match block {
            Ok(block) => summary.add(block, &screen, options.limits.animation_pixels)?,
            Err(_) if options.recipe.damaged == DamagedMode::Convert && summary.budget.is_some() => {
                summary.is_cut = true;
            }
            Err(message) => return Err(damaged(message)),
        }
    }
    let Summary { size, budget: Some(budget), delays, repetitions, icc, xmp, is_cut } = summary else {
        return Err(damaged("it has no frame"));
    };
    let mut header = Header::new(size, ColorType::Rgba8);
    (header.icc, header.xmp) = (icc, xmp);
    if is_cut {
        header.notes.push(Damage::FramesAfter(delays.len()).note(Format::GIF));
    }
    if delays.len() > 1 {
        let timings = FrameTimings { delays, repetitions };
        header.animation = Some(AnimationHeader::new(Format::GIF, size, &timings, &budget));
    }
    let file = GifFile { bytes, size, is_animated: header.animation.is_some() };
    Ok(Source { format: Format::GIF, header, decoder: Box::new(file) })
}

/// What the blocks of a file contain, without the pixels.
struct Summary {
    size: (u32, u32),
    /// `None` before the first frame.
    budget: Option<FrameBudget>,
    delays: Vec<Delay>,
    /// The number of repetitions after the first play. `None` means that the animation repeats forever. Browsers
    /// interpret the number in Netscape's extension in the same way (Chromium's `cc/paint/image_animation_count.h`). An
    /// animation without the extension is played once.
    repetitions: Option<u32>,
    icc: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
    /// Whether damage prevents that further frames are read.
    is_cut: bool,
}

impl Default for Summary {
    fn default() -> Self {
        Self { size: (0, 0), budget: None, delays: vec![], repetitions: Some(0), icc: None, xmp: None, is_cut: false }
    }
}

impl Summary {
    fn add(&mut self, block: Block<'_>, screen: &Screen<'_>, animation_pixels: u64) -> Result<(), Error> {
        match block {
            Block::Frame(frame) => {
                if self.budget.is_none() {
                    self.size = image_size(screen, &frame);
                }
                let budget = self.budget.get_or_insert_with(|| FrameBudget::new(self.size, animation_pixels));
                budget.add(frame.width, frame.height)?;
                self.delays.push(Delay::new(frame.control.delay.into(), 100));
            }
            Block::Repetitions(0) => self.repetitions = None,
            Block::Repetitions(repetitions) => self.repetitions = Some(repetitions.into()),
            Block::Icc(profile) => {
                self.icc.get_or_insert_with(|| join(profile));
            }
            Block::Xmp(packet) => {
                self.xmp.get_or_insert_with(|| metadata::copy_block(packet));
            }
        }
        Ok(())
    }
}

/// Returns the size of the image. If the first frame extends beyond the logical screen, the image is so large that it
/// contains the frame, as in Chromium, Pillow and libvips. Later frames are cropped.
fn image_size(screen: &Screen<'_>, first: &Frame<'_>) -> (u32, u32) {
    (screen.width.max(first.left + first.width), screen.height.max(first.top + first.height))
}

/// Joins the parts of a profile. The result is empty if the profile is too large.
fn join(parts: SubBlocks<'_>) -> Vec<u8> {
    let length: usize = parts.clone().map(<[u8]>::len).sum();
    if length > MAX_BLOCK_BYTES { vec![] } else { parts.collect::<Vec<_>>().concat() }
}

/// A GIF whose frames were counted.
struct GifFile<'bytes> {
    bytes: &'bytes [u8],
    size: (u32, u32),
    is_animated: bool,
}

impl Decode for GifFile<'_> {
    fn decode(self: Box<Self>, request: &DecodeRequest) -> Result<Decoded, Error> {
        let damage = match request.damaged {
            DamagedMode::Reject => None,
            DamagedMode::Convert => GifFrames::open(self.bytes, self.size)?.first_frame_damage(),
        };
        if self.is_animated && damage.is_none() {
            let frames = GifAnimation { bytes: self.bytes.into(), size: self.size };
            return Ok(DecodedPixels::Frames(Box::new(frames)).into());
        }
        let mut frames = GifFrames::open(self.bytes, self.size)?;
        frames.allows_missing_rows = damage.is_some();
        let frame = frames.next().ok_or_else(|| damaged("it has no frame"))??;
        let mut canvas = Canvas::new(self.size);
        canvas.draw(&frame);
        drop(frame);
        let mut decoded = Decoded::from(DynamicImage::from(canvas.into_pixels()));
        decoded.notes.extend(damage.map(|damage| damage.note(Format::GIF)));
        Ok(decoded)
    }
}

struct GifAnimation {
    bytes: Arc<[u8]>,
    size: (u32, u32),
}

impl FrameSource for GifAnimation {
    fn frames(&self) -> Result<StoredFrames<'_>, Error> {
        Ok(Box::new(GifFrames::open(&self.bytes, self.size)?))
    }
}

/// Decodes the stored frames in order.
struct GifFrames<'bytes> {
    blocks: Blocks<'bytes>,
    palette: &'bytes [u8],
    size: (u32, u32),
    allows_missing_rows: bool,
}

impl<'bytes> GifFrames<'bytes> {
    fn open(bytes: &'bytes [u8], size: (u32, u32)) -> Result<Self, Error> {
        let screen = Screen::read(bytes).ok_or_else(|| damaged("it ends within its header"))?;
        Ok(Self { blocks: screen.blocks(), palette: screen.palette, size, allows_missing_rows: false })
    }

    fn next_frame(&mut self) -> Option<Result<Frame<'bytes>, Error>> {
        self.blocks.find_map(|block| match block {
            Ok(Block::Frame(frame)) => Some(Ok(frame)),
            Ok(_) => None,
            Err(message) => Some(Err(damaged(message))),
        })
    }

    /// Returns how many rows of the first frame are missing. Returns `None` if no row is missing, or if all rows are
    /// missing, which is an error that the decoding returns.
    fn first_frame_damage(mut self) -> Option<Damage> {
        let frame = self.next_frame()?.ok()?;
        let rows = frame.decode(self.palette, self.size).rows;
        let is_partial = rows > 0 && rows < frame.height;
        is_partial.then_some(Damage::Rows { missing: frame.height - rows, of: frame.height })
    }

    fn decode(&self, frame: &Frame<'_>) -> Result<StoredFrame, Error> {
        if frame.code_size > MAX_CODE_SIZE {
            return Err(damaged("an LZW code size is over 11"));
        }
        let FramePixels { left, top, pixels, rows } = frame.decode(self.palette, self.size);
        if rows < frame.height && !self.allows_missing_rows {
            return Err(damaged(&format!("a frame has only {rows} of its {} rows", frame.height)));
        }
        Ok(StoredFrame { left, top, pixels, blend: BlendMode::Over, disposal: frame.control.disposal })
    }
}

impl Iterator for GifFrames<'_> {
    type Item = Result<StoredFrame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.next_frame()?;
        Some(frame.and_then(|frame| self.decode(&frame)))
    }
}

fn damaged(message: &str) -> Error {
    Error::Damaged { format: Format::GIF, message: message.into() }
}

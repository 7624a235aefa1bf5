//! GIF, still and animated, read with the `gif` crate.

use std::io::Cursor;
use std::sync::Arc;

use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, DisposalMethod, Repeat};
use image::{ColorType, DynamicImage, RgbaImage};

use super::{Decode, DecodeRequest, Decoded, Header, ReadOptions, Reader, Source};
use crate::animation::{
    AnimationHeader, BlendMode, Canvas, Delay, FrameBudget, FrameDisposal, FrameSource, FrameTimings, StoredFrame,
    StoredFrames,
};
use crate::error::brief;
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
    let decoder = DecodeOptions::new().read_info(Cursor::new(bytes)).map_err(|error| decoder_error(&error))?;
    let size = (decoder.width().into(), decoder.height().into());
    let mut header = Header::new(size, ColorType::Rgba8);
    header.icc = decoder.icc_profile().map(<[u8]>::to_vec);
    header.xmp = decoder.xmp_metadata().map(<[u8]>::to_vec);
    let mut budget = FrameBudget::new(size, options.limits.animation_pixels);
    let timings = read_timings(bytes, &mut budget)?;
    header.animation = timings.map(|timings| AnimationHeader::new(Format::GIF, size, &timings, &budget));
    let file = GifFile { bytes, size, is_animated: header.animation.is_some() };
    Ok(Source { format: Format::GIF, header, decoder: Box::new(file) })
}

/// A GIF whose frames were counted.
struct GifFile<'bytes> {
    bytes: &'bytes [u8],
    size: (u32, u32),
    is_animated: bool,
}

impl Decode for GifFile<'_> {
    fn decode(self: Box<Self>, _: &DecodeRequest) -> Result<Decoded, Error> {
        if self.is_animated {
            let frames = GifAnimation { bytes: self.bytes.into(), size: self.size };
            return Ok(DecodedPixels::Frames(Box::new(frames)).into());
        }
        let mut frames = GifFrames::open(self.bytes, self.size)?;
        let frame = frames.next().ok_or_else(|| damaged("it has no frame".into()))??;
        Ok(DynamicImage::from(Canvas::new(self.size).draw(&frame).clone()).into())
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

/// The maximum size in bytes of a decoded frame that is larger than the logical screen.
const MAX_OVERSIZED_FRAME_BYTES: u64 = 16 << 20;

/// Reads the delay of each frame without decoding the frames. Returns `None` for a still image.
fn read_timings(bytes: &[u8], budget: &mut FrameBudget) -> Result<Option<FrameTimings>, Error> {
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
struct GifFrames<'bytes> {
    decoder: Decoder<Cursor<&'bytes [u8]>>,
    max_frame_bytes: u64,
}

impl<'bytes> GifFrames<'bytes> {
    fn open(bytes: &'bytes [u8], (width, height): (u32, u32)) -> Result<Self, Error> {
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
            return Err(damaged(format!(
                "a frame of {width}x{height} is larger than the image and over {} MiB",
                MAX_OVERSIZED_FRAME_BYTES >> 20
            )));
        }
        let mut pixels = vec![0; self.decoder.buffer_size()];
        self.decoder.read_into_buffer(&mut pixels).map_err(|error| decoder_error(&error))?;
        let pixels = RgbaImage::from_raw(width, height, pixels);
        let pixels = pixels.ok_or_else(|| damaged("a frame has fewer pixels than its dimensions".into()))?;
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
    damaged(brief(&error.to_string()))
}

fn damaged(message: String) -> Error {
    Error::Damaged { format: Format::GIF, message }
}

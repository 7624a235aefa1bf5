//! A GIF's frames.

use std::io::Cursor;

use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, DisposalMethod, Repeat};
use image::RgbaImage;

use super::canvas::{Blend, Disposal, Part};
use super::tally::Tally;
use super::timing::Delay;
use super::{Facts, damaged};
use crate::error::brief;
use crate::{Error, Format};

/// The most bytes that a frame may take where it is larger than the screen it is shown on.
pub(crate) const LARGEST_FRAME: u64 = 16 << 20;

/// Counts the frames, without decoding them. Nothing where it is a still.
pub(super) fn facts(bytes: &[u8], tally: &mut Tally) -> Result<Option<Facts>, Error> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
    let mut delays = vec![];
    loop {
        match decoder.next_frame_info().map(|frame| frame.map(|frame| (frame.width, frame.height, frame.delay))) {
            Ok(Some((width, height, hundredths))) => {
                tally.add(width.into(), height.into())?;
                delays.push(Delay::new(hundredths.into(), 100));
            }
            Ok(None) => break,
            // One whole frame that does not say that it repeats is a still, whatever comes after it.
            Err(_) if delays.len() < 2 && decoder.repeat() == Repeat::default() => return Ok(None),
            Err(error) => return Err(unreadable(&error)),
        }
    }
    // Netscape's extension tells how often it is shown again, as browsers have it (Chromium's cc/paint/image_animation_count.h);
    // without it, it is shown once.
    let repetitions = match decoder.repeat() {
        Repeat::Infinite => None,
        Repeat::Finite(repetitions) => Some(u32::from(repetitions)),
    };
    Ok((delays.len() > 1).then_some(Facts { delays, repetitions }))
}

/// What is left to read.
pub(crate) struct Parts<'bytes> {
    decoder: Decoder<Cursor<&'bytes [u8]>>,
    largest: u64,
}

impl<'bytes> Parts<'bytes> {
    pub(crate) fn open(bytes: &'bytes [u8], (width, height): (u32, u32)) -> Result<Self, Error> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        let decoder = options.read_info(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
        Ok(Self { decoder, largest: LARGEST_FRAME.max(u64::from(width) * u64::from(height) * 4) })
    }

    fn read(&mut self) -> Result<Option<Part>, Error> {
        let Some(frame) = self.decoder.next_frame_info().map_err(|error| unreadable(&error))? else { return Ok(None) };
        let [left, top, width, height] = [frame.left, frame.top, frame.width, frame.height].map(u32::from);
        let disposal = match frame.dispose {
            DisposalMethod::Any | DisposalMethod::Keep => Disposal::Keep,
            DisposalMethod::Background => Disposal::Clear,
            DisposalMethod::Previous => Disposal::Restore,
        };
        if u64::from(width) * u64::from(height) * 4 > self.largest {
            return Err(damaged(Format::Gif, format!("it asks for too much: a frame of {width}x{height}")));
        }
        let mut pixels = vec![0; self.decoder.buffer_size()];
        self.decoder.read_into_buffer(&mut pixels).map_err(|error| unreadable(&error))?;
        let pixels = RgbaImage::from_raw(width, height, pixels);
        let pixels = pixels.ok_or_else(|| damaged(Format::Gif, "a frame fills less than its dimensions".into()))?;
        Ok(Some(Part { left, top, pixels, blend: Blend::Over, disposal }))
    }
}

impl Iterator for Parts<'_> {
    type Item = Result<Part, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn unreadable(error: &DecodingError) -> Error {
    damaged(Format::Gif, brief(&error.to_string()))
}

//! An animated PNG's frames (PNG specification, third edition, 11.3.6).

use std::io::Cursor;

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use png::{BlendOp, ColorType, Decoder, DisposeOp, Limits, Reader, Transformations};

use super::canvas::{Blend, Disposal, Part};
use super::tally::Tally;
use super::timing::Delay;
use super::{Facts, damaged};
use crate::png::chunks;
use crate::png_file::{EXTRAS, unreadable};
use crate::{Error, Format};

/// Counts the frames. Nothing where it is a still.
pub(super) fn facts(bytes: &[u8], tally: &mut Tally) -> Result<Option<Facts>, Error> {
    let mut before_pixels = chunks(bytes).take_while(|(name, _)| *name != b"IDAT");
    let Some((frames, plays)) = before_pixels.find(|(name, _)| *name == b"acTL").and_then(|(_, data)| control(data))
    else {
        return Ok(None);
    };
    if frames < 2 {
        return Ok(None);
    }
    let frames = usize::try_from(frames).unwrap_or(usize::MAX);
    let controls = chunks(bytes).filter(|(name, _)| *name == b"fcTL").filter_map(|(_, data)| frame(data));
    let mut delay = |(width, height, delay)| {
        tally.add(width, height)?;
        Ok(delay)
    };
    let delays: Vec<_> = controls.take(frames).map(&mut delay).collect::<Result<_, Error>>()?;
    if delays.len() < frames {
        return Err(damaged(Format::Png, format!("{} of its {frames} frames are there", delays.len())));
    }
    Ok(Some(Facts { delays, repetitions: plays.checked_sub(1) }))
}

/// How many frames there are and how often they are shown, 0 being for ever.
fn control(data: &[u8]) -> Option<(u32, u32)> {
    let (frames, plays) = data.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*frames), u32::from_be_bytes(*plays.first_chunk()?)))
}

/// A frame's width, height and delay; before them stands a number, and between them a place, all of 32 bits.
fn frame(data: &[u8]) -> Option<(u32, u32, Delay)> {
    let [width, height] = [4, 8].map(|at| data.get(at..).and_then(|number| number.first_chunk().copied()));
    let (numerator, rest) = data.get(20..)?.split_first_chunk::<2>()?;
    let (numerator, denominator) = (u16::from_be_bytes(*numerator), u16::from_be_bytes(*rest.first_chunk()?));
    let delay = Delay::new(numerator.into(), if denominator == 0 { 100 } else { denominator.into() });
    Some((u32::from_be_bytes(width?), u32::from_be_bytes(height?), delay))
}

/// What is left to read.
pub(crate) struct Parts<'bytes> {
    reader: Reader<Cursor<&'bytes [u8]>>,
    /// Whether the next picture is for those who know no animation.
    stand_in: bool,
}

impl<'bytes> Parts<'bytes> {
    pub(crate) fn open(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: EXTRAS });
        decoder.set_transformations(Transformations::normalize_to_color8());
        // Both were read already, and inflate to any size.
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let reader = decoder.read_info().map_err(|error| unreadable(&error))?;
        let stand_in = reader.info().frame_control().is_none();
        Ok(Self { reader, stand_in })
    }

    fn read(&mut self) -> Result<Option<Part>, Error> {
        if std::mem::take(&mut self.stand_in) {
            self.picture()?;
        }
        let pixels = self.picture()?;
        let Some(control) = self.reader.info().frame_control() else { return Ok(None) };
        let blend = match control.blend_op {
            BlendOp::Source => Blend::Replace,
            BlendOp::Over => Blend::Over,
        };
        let disposal = match control.dispose_op {
            DisposeOp::None => Disposal::Keep,
            DisposeOp::Background => Disposal::Clear,
            DisposeOp::Previous => Disposal::Restore,
        };
        Ok(Some(Part { left: control.x_offset, top: control.y_offset, pixels, blend, disposal }))
    }

    fn picture(&mut self) -> Result<RgbaImage, Error> {
        let size = self.reader.output_buffer_size();
        let mut pixels = vec![0; size.ok_or_else(|| damaged(Format::Png, "it asks for too much".into()))?];
        let info = self.reader.next_frame(&mut pixels).map_err(|error| unreadable(&error))?;
        pixels.truncate(info.buffer_size());
        let (width, height) = (info.width, info.height);
        let image: Option<DynamicImage> = match info.color_type {
            ColorType::Grayscale => GrayImage::from_raw(width, height, pixels).map(Into::into),
            ColorType::GrayscaleAlpha => GrayAlphaImage::from_raw(width, height, pixels).map(Into::into),
            ColorType::Rgb => RgbImage::from_raw(width, height, pixels).map(Into::into),
            ColorType::Rgba => RgbaImage::from_raw(width, height, pixels).map(Into::into),
            // Its colors were looked up.
            ColorType::Indexed => None,
        };
        let image = image.ok_or_else(|| damaged(Format::Png, "a frame fills less than its dimensions".into()))?;
        Ok(image.into_rgba8())
    }
}

impl Iterator for Parts<'_> {
    type Item = Result<Part, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

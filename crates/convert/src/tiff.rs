//! What the `image` crate passes over in a TIFF: inks, which it turns into approximate RGB, colours that were multiplied
//! by their alpha, and profiles that are large beside their picture, which its limits on memory lose.

use std::io::Cursor;

use image::DynamicImage;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use crate::error::brief;
use crate::{Error, Format};

/// What a TIFF's samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Samples {
    /// What the `image` crate takes them for.
    Plain,
    /// Colours multiplied by their alpha (TIFF 6.0, section 18, `ExtraSamples` = 1).
    Premultiplied,
    /// Amounts of ink.
    Inks,
}

/// The most memory for a list of values in the header; a profile takes 32 times its length for a moment.
const LIST: usize = 64 << 20;

/// Four inks of 16 bits.
const MOST_BYTES_A_PIXEL: usize = 8;

/// Reads from the header what the samples are, and the ICC profile. What is wrong with it, its other reader will say.
pub(crate) fn header(bytes: &[u8]) -> (Samples, Option<Vec<u8>>) {
    let Ok(decoder) = Decoder::new(Cursor::new(bytes)) else { return (Samples::Plain, None) };
    let mut limits = Limits::default();
    limits.decoding_buffer_size = LIST;
    let mut decoder = decoder.with_limits(limits);
    let icc = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    if matches!(decoder.colortype(), Ok(ColorType::CMYK(8 | 16))) {
        return (Samples::Inks, icc);
    }
    match decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples) {
        Ok(Some(extra)) if extra.first() == Some(&1) => (Samples::Premultiplied, icc),
        _ => (Samples::Plain, icc),
    }
}

/// Amounts of ink, 255 being full (TIFF 6.0, section 16).
pub(crate) fn inks(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(damaged)?;
    // The picture's size was held against our own limits already; a strip or tile may claim no more than that.
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    let mut limits = Limits::default();
    limits.decoding_buffer_size = (width as usize).saturating_mul(height as usize).saturating_mul(MOST_BYTES_A_PIXEL);
    limits.intermediate_buffer_size = limits.intermediate_buffer_size.max(limits.decoding_buffer_size);
    decoder = decoder.with_limits(limits);
    if decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).map_err(damaged)? == Some(2) {
        return Err(Error::Unsupported { format: Format::Tiff, message: "CMYK in separate planes".into() });
    }
    match decoder.read_image().map_err(damaged)? {
        DecodingResult::U8(inks) => Ok(inks),
        DecodingResult::U16(inks) => Ok(inks.into_iter().map(|ink| ink.to_be_bytes()[0]).collect()),
        _ => Err(Error::Unsupported { format: Format::Tiff, message: "CMYK in other than whole numbers".into() }),
    }
}

/// The colours as they were before they were multiplied; under no alpha at all there are none.
pub(crate) fn unpremultiplied(mut image: DynamicImage) -> DynamicImage {
    match &mut image {
        DynamicImage::ImageRgba8(image) => image.as_chunks_mut().0.iter_mut().for_each(divide::<u8, 4>),
        DynamicImage::ImageRgba16(image) => image.as_chunks_mut().0.iter_mut().for_each(divide::<u16, 4>),
        DynamicImage::ImageLumaA8(image) => image.as_chunks_mut().0.iter_mut().for_each(divide::<u8, 2>),
        DynamicImage::ImageLumaA16(image) => image.as_chunks_mut().0.iter_mut().for_each(divide::<u16, 2>),
        _ => {}
    }
    image
}

fn divide<T, const CHANNELS: usize>(pixel: &mut [T; CHANNELS])
where
    T: Copy + image::Primitive + Into<u32> + TryFrom<u32>,
{
    let full: u32 = T::DEFAULT_MAX_VALUE.into();
    let Some((alpha, colors)) = pixel.split_last_mut() else { return };
    let alpha: u32 = (*alpha).into();
    for color in colors {
        let level = ((*color).into() * full + alpha / 2).checked_div(alpha).unwrap_or(0);
        *color = T::try_from(level.min(full)).unwrap_or(T::DEFAULT_MAX_VALUE);
    }
}

fn damaged(error: TiffError) -> Error {
    let format = Format::Tiff;
    match error {
        TiffError::UnsupportedError(error) => Error::Unsupported { format, message: brief(&error.to_string()) },
        error => Error::Damaged { format, message: brief(&error.to_string()) },
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    #[test]
    fn half_of_a_half_is_the_whole() {
        let image =
            RgbaImage::from_fn(3, 1, |x, _| Rgba([[64, 128, 0, 128], [9, 9, 9, 0], [7, 8, 9, 255]][x as usize]));
        let image = unpremultiplied(image.into()).into_rgba8();
        assert_eq!(image.into_raw(), [128, 255, 0, 128, 0, 0, 0, 0, 7, 8, 9, 255]);
    }
}

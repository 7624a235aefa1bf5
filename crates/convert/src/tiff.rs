//! What the `image` crate passes over in a TIFF: inks, which it turns into approximate RGB, colors that were multiplied
//! by their alpha, and profiles that are large beside their picture, which its limits on memory lose.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use image::DynamicImage;
use tiff::decoder::ifd::Value;
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
    /// Colors multiplied by their alpha (TIFF 6.0, section 18, `ExtraSamples` = 1).
    Premultiplied,
    /// Amounts of ink.
    Inks,
}

/// What only this reader reads of a TIFF's header.
pub(crate) struct Header {
    pub(crate) samples: Samples,
    /// An empty one where there is one that cannot be read.
    pub(crate) icc: Option<Vec<u8>>,
    /// The same.
    pub(crate) xmp: Option<Vec<u8>>,
}

/// The most memory for a list of values in the header: a profile takes 32 times its length for a moment. The largest profiles
/// in use have 4 MiB.
const LIST: usize = 128 << 20;

/// The most bytes that are read of the header: a table of places and one of lengths, with an entry of 4 bytes for each of a
/// million tiles. An entry takes ten times as much in memory for a moment.
const TABLES: u64 = 8 << 20;

/// Four inks of 16 bits.
const MOST_BYTES_A_PIXEL: usize = 8;

/// Reads from the header what the samples are, the ICC profile and the XMP packet.
///
/// # Errors
/// [`Error::Damaged`] where it cannot be read or takes too much memory. The `image` crate's reader would read tables of any
/// length, and comes after this one.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, Error> {
    let mut decoder = Decoder::new(Metered { file: Cursor::new(bytes), left: TABLES }).map_err(damaged)?;
    decoder.inner().left = u64::MAX;
    let mut limits = Limits::default();
    limits.decoding_buffer_size = LIST;
    let mut decoder = decoder.with_limits(limits);
    let mut block = |tag| match decoder.find_tag(tag).and_then(|block| block.map(Value::into_u8_vec).transpose()) {
        Ok(block) => block,
        // It is there, and unreadable or too long.
        Err(_) => Some(vec![]),
    };
    let (icc, xmp) = (block(Tag::IccProfile), block(XMP));
    if matches!(decoder.colortype(), Ok(ColorType::CMYK(8 | 16))) {
        return Ok(Header { samples: Samples::Inks, icc, xmp });
    }
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(damaged)?;
    let premultiplied = extra.is_some_and(|extra| extra.first() == Some(&1));
    Ok(Header { samples: if premultiplied { Samples::Premultiplied } else { Samples::Plain }, icc, xmp })
}

/// XMP specification, part 3, 3.2.
const XMP: Tag = Tag::Unknown(700);

/// A file of which no more than so many bytes are read.
struct Metered<'bytes> {
    file: Cursor<&'bytes [u8]>,
    left: u64,
}

impl Read for Metered<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::other(format!("the tables of its strips or tiles are over {} MiB", TABLES >> 20))
        })?;
        Ok(read)
    }
}

impl Seek for Metered<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
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

/// The colors as they were before they were multiplied; under no alpha at all there are none.
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
        TiffError::LimitsExceeded => {
            let message = "it asks for too much: a list in its header has millions of entries, or a strip is too large";
            Error::Damaged { format, message: message.into() }
        }
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

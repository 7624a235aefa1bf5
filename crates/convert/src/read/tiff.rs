//! Reads TIFF features that the `image` crate does not support well. The crate converts CMYK to approximate RGB and
//! ignores that colors are premultiplied. Its memory limits reject profiles that are large compared with their image.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use image::codecs::tiff::TiffDecoder;
use image::{DynamicImage, ImageDecoder};
use tiff::TiffError;
use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::{Decode, DecodeRequest, Decoded, DecodedPixels, Header, ReadOptions, Reader, Source, decoder_error};
use crate::error::brief;
use crate::{Error, Format};

impl Format {
    /// TIFF. Only the first page is converted.
    pub const TIFF: Self = Self { name: "TIFF", extensions: &["tif", "tiff"] };
}

pub(crate) const READER: Reader = Reader { format: Format::TIFF, recognize, open };

fn recognize(bytes: &[u8]) -> bool {
    bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*")
}

fn open<'bytes>(bytes: &'bytes [u8], options: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    let file = read_header(bytes)?;
    let mut decoder = TiffDecoder::new(Cursor::new(bytes)).map_err(|error| decoder_error(Format::TIFF, error))?;
    let mut allocation = image::Limits::no_limits();
    allocation.max_alloc = Some(options.limits.memory);
    decoder.set_limits(allocation).map_err(|error| decoder_error(Format::TIFF, error))?;
    let is_cmyk = file.samples == SampleKind::Cmyk;
    let color = if is_cmyk { image::ColorType::Rgba8 } else { decoder.color_type() };
    let mut header = Header::new(decoder.dimensions(), color);
    header.orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    header.is_cmyk = is_cmyk;
    (header.icc, header.xmp) = (file.icc, file.xmp);
    let file = TiffFile { bytes, decoder, samples: file.samples };
    Ok(Source { format: Format::TIFF, header, decoder: Box::new(file) })
}

struct TiffFile<'bytes> {
    bytes: &'bytes [u8],
    decoder: TiffDecoder<Cursor<&'bytes [u8]>>,
    samples: SampleKind,
}

impl Decode for TiffFile<'_> {
    fn decode(self: Box<Self>, _: &DecodeRequest) -> Result<Decoded, Error> {
        if self.samples == SampleKind::Cmyk {
            return Ok(DecodedPixels::Cmyk(read_cmyk(self.bytes)?).into());
        }
        let image = DynamicImage::from_decoder(self.decoder).map_err(|error| decoder_error(Format::TIFF, error))?;
        let image = match image.color() {
            image::ColorType::Rgb32F => image.into_rgb16().into(),
            image::ColorType::Rgba32F => image.into_rgba16().into(),
            _ => image,
        };
        Ok(if self.samples == SampleKind::Premultiplied { unpremultiply(image) } else { image }.into())
    }
}

/// The kind of a TIFF's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SampleKind {
    /// The kind that the `image` crate assumes.
    Standard,
    /// Colors multiplied by their alpha (TIFF 6.0, section 18, `ExtraSamples` = 1).
    Premultiplied,
    /// Amounts of ink.
    Cmyk,
}

/// The header fields that this module reads.
struct TiffHeader {
    samples: SampleKind,
    /// The ICC profile. It is empty if the file has a profile that cannot be read.
    icc: Option<Vec<u8>>,
    /// The XMP packet. It is empty if the file has a packet that cannot be read.
    xmp: Option<Vec<u8>>,
}

/// The maximum memory for a list of values in the header. While a profile is read, it takes 32 times its length in
/// memory. The largest profiles in use have 4 MiB.
const MAX_LIST_BYTES: usize = 128 << 20;

/// The maximum size in bytes of the header. This size is enough for a million tiles: for each tile, a table of offsets
/// and a table of lengths contain an entry of 4 bytes. While a table is read, an entry takes ten times as much memory.
const MAX_TABLE_BYTES: u64 = 8 << 20;

/// The maximum size of a pixel in bytes: four inks of 16 bits.
const MAX_BYTES_PER_PIXEL: usize = 8;

/// Reads the kind of the samples, the ICC profile and the XMP packet.
///
/// # Errors
/// Returns [`Error::Damaged`] if the header cannot be read or takes too much memory. The `image` crate would read
/// tables of any length, so this function must be called first.
fn read_header(bytes: &[u8]) -> Result<TiffHeader, Error> {
    let mut decoder =
        Decoder::new(LimitedReader { file: Cursor::new(bytes), remaining_bytes: MAX_TABLE_BYTES }).map_err(damaged)?;
    decoder.inner().remaining_bytes = u64::MAX;
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_LIST_BYTES;
    let mut decoder = decoder.with_limits(limits);
    let mut block = |tag| match decoder.find_tag(tag).and_then(|block| block.map(Value::into_u8_vec).transpose()) {
        Ok(block) => block,
        // The file has the value, but it is unreadable or too long.
        Err(_) => Some(vec![]),
    };
    let (icc, xmp) = (block(Tag::IccProfile), block(XMP));
    if matches!(decoder.colortype(), Ok(tiff::ColorType::CMYK(8 | 16))) {
        return Ok(TiffHeader { samples: SampleKind::Cmyk, icc, xmp });
    }
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(damaged)?;
    let premultiplied = extra.is_some_and(|extra| extra.first() == Some(&1));
    Ok(TiffHeader { samples: if premultiplied { SampleKind::Premultiplied } else { SampleKind::Standard }, icc, xmp })
}

/// The tag of the XMP packet (XMP specification, part 3, 3.2).
const XMP: Tag = Tag::Unknown(700);

/// A reader of a file that fails after it has read a fixed number of bytes.
struct LimitedReader<'bytes> {
    file: Cursor<&'bytes [u8]>,
    remaining_bytes: u64,
}

impl Read for LimitedReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.remaining_bytes = self.remaining_bytes.checked_sub(read as u64).ok_or_else(|| {
            io::Error::other(format!("the tables of its strips or tiles are over {} MiB", MAX_TABLE_BYTES >> 20))
        })?;
        Ok(read)
    }
}

impl Seek for LimitedReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Decodes a CMYK image to amounts of ink; 255 is full ink (TIFF 6.0, section 16).
fn read_cmyk(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(damaged)?;
    // The image size was checked against our limits; a strip or tile may not be larger than the image.
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    let mut limits = Limits::default();
    limits.decoding_buffer_size = (width as usize).saturating_mul(height as usize).saturating_mul(MAX_BYTES_PER_PIXEL);
    limits.intermediate_buffer_size = limits.intermediate_buffer_size.max(limits.decoding_buffer_size);
    decoder = decoder.with_limits(limits);
    if decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).map_err(damaged)? == Some(2) {
        return Err(Error::Unsupported {
            format: Format::TIFF,
            message: "its CMYK samples are in separate planes".into(),
        });
    }
    match decoder.read_image().map_err(damaged)? {
        DecodingResult::U8(inks) => Ok(inks),
        DecodingResult::U16(inks) => Ok(inks.into_iter().map(|ink| ink.to_be_bytes()[0]).collect()),
        _ => Err(Error::Unsupported { format: Format::TIFF, message: "its CMYK samples are not integers".into() }),
    }
}

/// Divides the colors by their alpha. Fully transparent pixels become black.
fn unpremultiply(mut image: DynamicImage) -> DynamicImage {
    match &mut image {
        DynamicImage::ImageRgba8(image) => image.as_chunks_mut().0.iter_mut().for_each(unpremultiply_pixel::<u8, 4>),
        DynamicImage::ImageRgba16(image) => image.as_chunks_mut().0.iter_mut().for_each(unpremultiply_pixel::<u16, 4>),
        DynamicImage::ImageLumaA8(image) => image.as_chunks_mut().0.iter_mut().for_each(unpremultiply_pixel::<u8, 2>),
        DynamicImage::ImageLumaA16(image) => image.as_chunks_mut().0.iter_mut().for_each(unpremultiply_pixel::<u16, 2>),
        _ => {}
    }
    image
}

fn unpremultiply_pixel<T, const CHANNELS: usize>(pixel: &mut [T; CHANNELS])
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
    let format = Format::TIFF;
    match error {
        TiffError::UnsupportedError(error) => Error::Unsupported { format, message: brief(&error.to_string()) },
        TiffError::LimitsExceeded => {
            let message = "a list in its header has millions of entries, or a strip is too large";
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
    fn unpremultiply_divides_colors_by_alpha() {
        let image =
            RgbaImage::from_fn(3, 1, |x, _| Rgba([[64, 128, 0, 128], [9, 9, 9, 0], [7, 8, 9, 255]][x as usize]));
        let image = unpremultiply(image.into()).into_rgba8();
        assert_eq!(image.into_raw(), [128, 255, 0, 128, 0, 0, 0, 0, 7, 8, 9, 255]);
    }
}

//! A PNG's header and pixels, by the `png` crate. The `image` crate's reader would have it keep every text there is, of
//! which millions fit into a file.

use std::io::Cursor;

use image::error::{DecodingError, ImageFormatHint, UnsupportedError, UnsupportedErrorKind};
use image::{ColorType, ExtendedColorType, ImageDecoder, ImageError, ImageFormat, ImageResult};
use png::{BitDepth, Decoder, Limits, Reader, Transformations};

use crate::error::brief;
use crate::{Error, Format};

/// A PNG whose chunks before its pixels were read.
pub(crate) struct PngFile<'bytes> {
    reader: Reader<Cursor<&'bytes [u8]>>,
    color: ColorType,
}

/// The most bytes that a PNG's profile, its Exif and a few rows may take: a profile of a few hundred bytes may claim to be
/// gigabytes. The largest profiles in use have 4 MiB.
pub(crate) const EXTRAS: usize = 16 << 20;

impl<'bytes> PngFile<'bytes> {
    pub(crate) fn open(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: EXTRAS });
        // Fewer than 8 bits become 8, palettes become colors, and a transparent color becomes alpha.
        decoder.set_transformations(Transformations::EXPAND);
        decoder.set_ignore_text_chunk(true);
        let reader = decoder.read_info().map_err(|error| unreadable(&error))?;
        let color = match reader.output_color_type() {
            (png::ColorType::Grayscale, BitDepth::Eight) => ColorType::L8,
            (png::ColorType::Grayscale, BitDepth::Sixteen) => ColorType::L16,
            (png::ColorType::GrayscaleAlpha, BitDepth::Eight) => ColorType::La8,
            (png::ColorType::GrayscaleAlpha, BitDepth::Sixteen) => ColorType::La16,
            (png::ColorType::Rgb, BitDepth::Eight) => ColorType::Rgb8,
            (png::ColorType::Rgb, BitDepth::Sixteen) => ColorType::Rgb16,
            (png::ColorType::Rgba, BitDepth::Eight) => ColorType::Rgba8,
            (png::ColorType::Rgba, BitDepth::Sixteen) => ColorType::Rgba16,
            (color, depth) => {
                let message = format!("{color:?} of {depth:?} bits");
                return Err(Error::Unsupported { format: Format::Png, message });
            }
        };
        Ok(Self { reader, color })
    }
}

impl ImageDecoder for PngFile<'_> {
    fn dimensions(&self) -> (u32, u32) {
        self.reader.info().size()
    }

    fn color_type(&self) -> ColorType {
        self.color
    }

    fn icc_profile(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.reader.info().icc_profile.as_ref().map(|icc| icc.to_vec()))
    }

    fn read_image(mut self, pixels: &mut [u8]) -> ImageResult<()> {
        let hint = || ImageFormatHint::Exact(ImageFormat::Png);
        self.reader.next_frame(pixels).map_err(|error| ImageError::Decoding(DecodingError::new(hint(), error)))?;
        match u16::from(self.color.bytes_per_pixel()) / u16::from(self.color.channel_count()) {
            1 => Ok(()),
            // A PNG's levels are big-endian.
            2 => {
                for level in pixels.as_chunks_mut::<2>().0 {
                    *level = u16::from_be_bytes(*level).to_ne_bytes();
                }
                Ok(())
            }
            _ => {
                let kind = UnsupportedErrorKind::Color(ExtendedColorType::from(self.color));
                Err(ImageError::Unsupported(UnsupportedError::from_format_and_kind(hint(), kind)))
            }
        }
    }

    fn read_image_boxed(self: Box<Self>, pixels: &mut [u8]) -> ImageResult<()> {
        (*self).read_image(pixels)
    }
}

/// What the decoder reports, in our words.
pub(crate) fn unreadable(error: &png::DecodingError) -> Error {
    let message = match error {
        png::DecodingError::LimitsExceeded => {
            format!("it asks for too much: a row, its profile or its Exif is over {} MiB", EXTRAS >> 20)
        }
        error => brief(&error.to_string()),
    };
    Error::Damaged { format: Format::Png, message }
}

/// The XMP packet in an `iTXt` chunk (XMP specification, part 3, 1.1.5), of up to so many bytes, perhaps inflated; an empty one
/// where it cannot be read. `chunk` is the chunk's data.
pub(crate) fn xmp(png: &[u8], chunk: &[u8], most: usize) -> Vec<u8> {
    // The text decoder takes no chunk alone, but one in a file with a header and the beginning of pixels.
    let Some(header) = png.get(..33).filter(|_| chunk.len() <= most) else { return vec![] };
    let length = u32::try_from(chunk.len()).unwrap_or(u32::MAX).to_be_bytes();
    let file = [header, &length, b"iTXt", chunk, &[0; 4], &[0; 4], b"IDAT"].concat();
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), Limits { bytes: EXTRAS.saturating_add(most) });
    decoder.ignore_checksums(true);
    let text = decoder.read_info().ok().and_then(|reader| {
        let mut text = reader.info().utf8_text.first()?.clone();
        text.decompress_text_with_limit(most).ok()?;
        text.get_text().ok()
    });
    text.unwrap_or_default().into_bytes()
}

//! Decodes the header and the pixels of a PNG with the `png` crate. The `image` crate's reader would keep all text
//! chunks in memory, and a file can contain millions of text chunks.

pub(crate) mod chunks;

use std::io::Cursor;

use image::error::{DecodingError, ImageFormatHint, UnsupportedError, UnsupportedErrorKind};
use image::{ColorType, ExtendedColorType, ImageDecoder, ImageError, ImageFormat, ImageResult};
use png::{BitDepth, Decoder, Limits, Reader, Transformations};

use crate::error::brief;
use crate::{Error, Format};

/// A PNG file, of which the chunks before the pixels were read.
pub(crate) struct PngFile<'bytes> {
    reader: Reader<Cursor<&'bytes [u8]>>,
    color: ColorType,
}

/// The maximum size in bytes of a PNG's profile, Exif and a few rows together. A profile of a few hundred bytes could
/// inflate to gigabytes. The largest profiles in use have 4 MiB.
pub(crate) const MAX_METADATA_BYTES: usize = 16 << 20;

impl<'bytes> PngFile<'bytes> {
    pub(crate) fn open(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MAX_METADATA_BYTES });
        // Samples with fewer than 8 bits are expanded to 8 bits, palette indices become colors, and a transparent color
        // becomes alpha.
        decoder.set_transformations(Transformations::EXPAND);
        decoder.set_ignore_text_chunk(true);
        let reader = decoder.read_info().map_err(|error| decoder_error(&error))?;
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
            // 16-bit samples of a PNG are big-endian.
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

/// Converts an error of the decoder.
pub(crate) fn decoder_error(error: &png::DecodingError) -> Error {
    let message = match error {
        png::DecodingError::LimitsExceeded => {
            format!("a row, its profile or its Exif is over {} MiB", MAX_METADATA_BYTES >> 20)
        }
        error => brief(&error.to_string()),
    };
    Error::Damaged { format: Format::Png, message }
}

/// Reads the XMP packet in an `iTXt` chunk (XMP specification, part 3, 1.1.5), which may be compressed. Returns an
/// empty packet if the packet cannot be read or is larger than `max_bytes`. `chunk` is the chunk's data.
pub(crate) fn read_xmp(png: &[u8], chunk: &[u8], max_bytes: usize) -> Vec<u8> {
    // The decoder reads text only from a file. So this code builds a file that contains a header, the chunk, and the
    // start of the pixels.
    let Some(header) = png.get(..33).filter(|_| chunk.len() <= max_bytes) else { return vec![] };
    let length = u32::try_from(chunk.len()).unwrap_or(u32::MAX).to_be_bytes();
    let file = [header, &length, b"iTXt", chunk, &[0; 4], &[0; 4], b"IDAT"].concat();
    let mut decoder =
        Decoder::new_with_limits(Cursor::new(file), Limits { bytes: MAX_METADATA_BYTES.saturating_add(max_bytes) });
    decoder.ignore_checksums(true);
    let text = decoder.read_info().ok().and_then(|reader| {
        let mut text = reader.info().utf8_text.first()?.clone();
        text.decompress_text_with_limit(max_bytes).ok()?;
        text.get_text().ok()
    });
    text.unwrap_or_default().into_bytes()
}

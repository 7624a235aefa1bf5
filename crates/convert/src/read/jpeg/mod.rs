//! JPEG.

mod adobe;
pub(crate) mod segments;
mod structure;
mod turbo;

use std::borrow::Cow;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, GrayImage, RgbImage};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use self::structure::{MAX_SCANS, Structure};
use super::{Decode, DecodeRequest, Decoded, DecodedPixels, Header, PixelForm, ReadOptions, Reader, Source, metadata};
use crate::error::brief;
use crate::{Error, Format, gain_map};

/// A JPEG whose header was read.
pub(crate) struct JpegFile<'bytes> {
    bytes: &'bytes [u8],
    decoder: JpegDecoder<ZCursor<Cow<'bytes, [u8]>>>,
    options: DecoderOptions,
    color_space: ColorSpace,
    /// Whether the components are RGB, although the decoder assumes luma and chroma.
    is_untransformed_rgb: bool,
    size: (u32, u32),
    structure: Structure,
}

/// If Adobe's marker must be removed from a file, the file is copied without the marker. This is the maximum size of
/// such a file in bytes.
const MAX_COPY_BYTES: usize = 64 << 20;

impl Format {
    /// JPEG, baseline and progressive; gray, RGB and CMYK.
    pub const JPEG: Self = Self { name: "JPEG", extensions: &["jpg", "jpeg", "jpe", "jfif"] };
}

pub(crate) const READER: Reader = Reader { format: Format::JPEG, recognize, open };

fn recognize(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xd8\xff")
}

fn open<'bytes>(bytes: &'bytes [u8], _: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    let jpeg = JpegFile::open(bytes)?;
    let mut header = Header::new(jpeg.size(), jpeg.color_type());
    header.is_cmyk = jpeg.is_cmyk();
    header.icc = jpeg.icc();
    header.exif = jpeg.exif();
    header.xmp = jpeg.xmp();
    header.orientation = header.exif.as_deref().map_or(Orientation::NoTransforms, metadata::orientation);
    header.gain_map = gain_map::find(bytes);
    // The coefficients of a progressive JPEG need as much memory as two copies of the pixels, in addition to the pixels.
    header.cost.pixel_copies = 3;
    header.cost.held_bytes = jpeg.decoder_bytes();
    header.cost.scans = jpeg.scans();
    Ok(Source { format: Format::JPEG, header, decoder: Box::new(jpeg) })
}

impl<'bytes> JpegFile<'bytes> {
    pub(crate) fn open(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let structure = Structure::read(bytes)?;
        // Our own limits are checked later. JPEG itself allows 65,535 pixels per side.
        let options = DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX);
        let options = options.jpeg_set_max_scans(MAX_SCANS as usize);
        // Some cameras write stray bytes between header segments. These bytes are harmless, so the header is read in
        // lenient mode.
        let lenient = options.set_strict_mode(false);
        let without_marker = adobe::without_marker(bytes, MAX_COPY_BYTES)?;
        let is_untransformed_rgb = without_marker.is_some();
        let readable = without_marker.map_or(Cow::Borrowed(bytes), Cow::Owned);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(readable), lenient);
        decoder.decode_headers().map_err(from_decoder_error)?;
        let (Some(info), Some(color_space)) = (decoder.info(), decoder.input_colorspace()) else {
            return Err(damaged("the header has no dimensions"));
        };
        Ok(Self {
            bytes,
            decoder,
            options,
            color_space,
            is_untransformed_rgb,
            size: (info.width.into(), info.height.into()),
            structure,
        })
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        self.size
    }

    pub(crate) fn is_cmyk(&self) -> bool {
        matches!(self.color_space, ColorSpace::CMYK | ColorSpace::YCCK)
    }

    pub(crate) fn color_type(&self) -> ColorType {
        match self.color_space {
            ColorSpace::Luma => ColorType::L8,
            // A CMYK image has four bytes per pixel before it is converted to RGB.
            ColorSpace::CMYK | ColorSpace::YCCK => ColorType::Rgba8,
            _ => ColorType::Rgb8,
        }
    }

    /// The number of scans. The decoder processes the whole image once for each scan.
    pub(crate) fn scans(&self) -> u32 {
        self.structure.scans
    }

    /// Returns the bytes that the decoders allocate in addition to the pixels: both decoders copy segments, and one of
    /// them copies the profile a second time.
    pub(crate) fn decoder_bytes(&self) -> u64 {
        let copy = if self.is_untransformed_rgb { self.bytes.len() as u64 } else { 0 };
        self.structure.copied * 3 + copy
    }

    /// Returns the ICC profile. It is empty if the file has a profile that cannot be read.
    pub(crate) fn icc(&self) -> Option<Vec<u8>> {
        self.decoder.icc_profile().or_else(|| self.structure.has_profile.then(Vec::new))
    }

    pub(crate) fn exif(&self) -> Option<Vec<u8>> {
        self.decoder.exif().cloned()
    }

    pub(crate) fn xmp(&self) -> Option<Vec<u8>> {
        self.decoder.xmp().cloned()
    }

    /// Decodes the image in the given form. If this form is not possible, decodes all pixels.
    fn decode_form(self, form: PixelForm) -> Result<DecodedPixels, Error> {
        let turbo = match self.color_space {
            // libjpeg-turbo may interpret untransformed RGB differently than zune-jpeg, so zune-jpeg decodes it.
            ColorSpace::YCbCr | ColorSpace::Luma if !self.is_untransformed_rgb => {
                turbo::decode(self.bytes, self.size, form)
            }
            _ => None,
        };
        turbo.unwrap_or_else(|| self.decode_all())
    }

    /// Decodes all pixels to gray, RGB or CMYK.
    fn decode_all(mut self) -> Result<DecodedPixels, Error> {
        if let color_space @ (ColorSpace::CMYK | ColorSpace::YCCK) = self.color_space {
            return Ok(DecodedPixels::Cmyk(inks(self.pixels(color_space)?, color_space)));
        }
        self.decode_image().map(DecodedPixels::Interleaved)
    }

    /// Decodes all pixels of an image that is not CMYK.
    pub(crate) fn decode_image(mut self) -> Result<DynamicImage, Error> {
        match self.color_space {
            ColorSpace::Luma => {
                let pixels = self.pixels(ColorSpace::Luma)?;
                self.image(GrayImage::from_raw, pixels).map(DynamicImage::ImageLuma8)
            }
            color_space => {
                // If the output color space is the color space that the decoder assumes for the file, the decoder does
                // not convert the samples.
                let pixels = self.pixels(if self.is_untransformed_rgb { color_space } else { ColorSpace::RGB })?;
                self.image(RgbImage::from_raw, pixels).map(DynamicImage::ImageRgb8)
            }
        }
    }

    fn pixels(&mut self, output: ColorSpace) -> Result<Vec<u8>, Error> {
        // From here on, the decoder is strict: a truncated or damaged scan must not become an image with a gray lower
        // half.
        self.decoder.set_options(self.options.set_strict_mode(true).jpeg_set_out_colorspace(output));
        self.decoder.decode().map_err(from_decoder_error)
    }

    fn image<T>(&self, from_raw: fn(u32, u32, Vec<u8>) -> Option<T>, pixels: Vec<u8>) -> Result<T, Error> {
        from_raw(self.size.0, self.size.1, pixels)
            .ok_or_else(|| damaged("its scans have fewer pixels than its dimensions"))
    }
}

impl Decode for JpegFile<'_> {
    fn decode(self: Box<Self>, request: &DecodeRequest) -> Result<Decoded, Error> {
        Ok(self.decode_form(request.form)?.into())
    }
}

/// Converts stored samples to amounts of ink; 255 is full ink. By Adobe's convention, which every known CMYK JPEG
/// follows, the amounts are stored inverted. In YCCK, the first three inverted amounts are also converted to Y, Cb and
/// Cr (Adobe Technical Note 5116, section 18).
fn inks(mut pixels: Vec<u8>, color_space: ColorSpace) -> Vec<u8> {
    for pixel in pixels.as_chunks_mut::<4>().0 {
        if color_space == ColorSpace::YCCK {
            let [y, cb, cr, k] = *pixel;
            *pixel = [red(y, cr), green(y, cb, cr), blue(y, cb), 255 - k];
        } else {
            *pixel = pixel.map(|stored| 255 - stored);
        }
    }
    pixels
}

/// Computes red by the inverse color transform of JFIF (ITU-T T.871, section 7), in 16-bit fixed point.
fn red(y: u8, cr: u8) -> u8 {
    clamp(i32::from(y) + ((91_881 * (i32::from(cr) - 128) + 32_768) >> 16))
}

fn green(y: u8, cb: u8, cr: u8) -> u8 {
    let chroma = -22_554 * (i32::from(cb) - 128) - 46_802 * (i32::from(cr) - 128);
    clamp(i32::from(y) + ((chroma + 32_768) >> 16))
}

fn blue(y: u8, cb: u8) -> u8 {
    clamp(i32::from(y) + ((116_130 * (i32::from(cb) - 128) + 32_768) >> 16))
}

fn clamp(level: i32) -> u8 {
    u8::try_from(level.clamp(0, 255)).unwrap_or(u8::MAX)
}

fn from_decoder_error(error: DecodeErrors) -> Error {
    match error {
        DecodeErrors::Unsupported(kind) => Error::Unsupported { format: Format::JPEG, message: format!("{kind:?}") },
        error => damaged(error.to_string().trim_start_matches("[strict-mode]: ").trim_matches('"')),
    }
}

fn damaged(message: &str) -> Error {
    Error::Damaged { format: Format::JPEG, message: brief(message) }
}

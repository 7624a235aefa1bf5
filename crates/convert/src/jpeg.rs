use std::borrow::Cow;

use image::{ColorType, DynamicImage, GrayImage, RgbImage};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use crate::error::brief;
use crate::source_pixels::SourcePixels;
use crate::structure::{MAX_SCANS, Structure};
use crate::{Error, Format, adobe, profile, turbo};

/// A JPEG whose header was read.
pub(crate) struct Jpeg<'bytes> {
    bytes: &'bytes [u8],
    decoder: JpegDecoder<ZCursor<Cow<'bytes, [u8]>>>,
    options: DecoderOptions,
    stored_as: ColorSpace,
    /// Whether what the decoder takes for luma and chroma is RGB.
    plain: bool,
    size: (u32, u32),
    structure: Structure,
}

/// The largest file of which there can be a copy without Adobe's marker.
const LARGEST_COPY: usize = 64 << 20;

/// What the variants take of a JPEG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Its own luma and chroma: one variant has the source's size, is not lossless, and is turned in a way they bear.
    Planes,
    /// All its pixels.
    Pixels,
    /// Pixels at half its width and height.
    HalfPixels,
}

/// How much smaller than the source the widest variant has to be for half the pixels to do. Decoding halves by averaging
/// levels rather than light, which shows less the more is left to the filter: five photographs of 3 and 12 megapixels made
/// an eighth as wide are at 92 to 95 of SSIMULACRA2 to those made of all their pixels, and a quarter as wide at 87 to 93.
/// Decoding to a quarter or an eighth would save a tenth more of decoding's time, and cost as much as 8 points.
const HALF_WILL_DO: u32 = 8;

/// The shorter side from which there is time to be saved.
const LARGE: u32 = 512;

impl Need {
    /// By the upright source's size, the widest variant's, and whether planes would do for one of the source's size.
    pub(crate) fn of(source: (u32, u32), widest: (u32, u32), planes_do: bool) -> Self {
        let halved = source.0 / HALF_WILL_DO >= widest.0 && source.1 / HALF_WILL_DO >= widest.1;
        if source == widest && planes_do {
            Self::Planes
        } else if halved && source.0.min(source.1) >= LARGE {
            Self::HalfPixels
        } else {
            Self::Pixels
        }
    }
}

impl<'bytes> Jpeg<'bytes> {
    pub(crate) fn open(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let structure = Structure::read(bytes)?;
        // Our own limits follow; JPEG itself ends at 65,535 a side.
        let options = DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX);
        let options = options.jpeg_set_max_scans(MAX_SCANS as usize);
        // Cameras leave stray bytes between header segments, and that harms nothing.
        let lenient = options.set_strict_mode(false);
        let without_marker = adobe::without_marker(bytes, LARGEST_COPY)?;
        let plain = without_marker.is_some();
        let readable = without_marker.map_or(Cow::Borrowed(bytes), Cow::Owned);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(readable), lenient);
        decoder.decode_headers().map_err(damaged)?;
        let (Some(info), Some(stored_as)) = (decoder.info(), decoder.input_colorspace()) else {
            return Err(damage("the header names no dimensions"));
        };
        Ok(Self { bytes, decoder, options, stored_as, plain, size: (info.width.into(), info.height.into()), structure })
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        self.size
    }

    pub(crate) fn is_cmyk(&self) -> bool {
        matches!(self.stored_as, ColorSpace::CMYK | ColorSpace::YCCK)
    }

    pub(crate) fn color_type(&self) -> ColorType {
        match self.stored_as {
            ColorSpace::Luma => ColorType::L8,
            // Four bytes a pixel, as CMYK is while it is being converted.
            ColorSpace::CMYK | ColorSpace::YCCK => ColorType::Rgba8,
            _ => ColorType::Rgb8,
        }
    }

    /// How often a decoder walks over the picture.
    pub(crate) fn scans(&self) -> u32 {
        self.structure.scans
    }

    /// Bytes that the decoders keep beside the pixels: each copies segments, and one of them the profile once more.
    pub(crate) fn kept_bytes(&self) -> u64 {
        let copy = if self.plain { self.bytes.len() as u64 } else { 0 };
        self.structure.copied * 3 + copy
    }

    /// An empty one where there is one that cannot be read.
    pub(crate) fn icc(&self) -> Option<Vec<u8>> {
        self.decoder.icc_profile().or_else(|| self.structure.has_profile.then(Vec::new))
    }

    pub(crate) fn exif(&self) -> Option<Vec<u8>> {
        self.decoder.exif().cloned()
    }

    pub(crate) fn xmp(&self) -> Option<Vec<u8>> {
        self.decoder.xmp().cloned()
    }

    /// Its samples in the form needed, or else all its pixels.
    pub(crate) fn decode(
        self,
        need: Need,
        icc: &mut Option<Vec<u8>>,
        notes: &mut Vec<String>,
    ) -> Result<SourcePixels, Error> {
        let turbo = match self.stored_as {
            // The two may take RGB without a transform for different things.
            ColorSpace::YCbCr | ColorSpace::Luma if !self.plain => turbo::decode(self.bytes, self.size, need),
            _ => None,
        };
        turbo.unwrap_or_else(|| self.decode_all(icc, notes).map(SourcePixels::Interleaved))
    }

    /// All its pixels, gray or RGB. CMYK comes out as sRGB, by its profile where it has one; then `icc` is taken.
    pub(crate) fn decode_all(
        mut self,
        icc: &mut Option<Vec<u8>>,
        notes: &mut Vec<String>,
    ) -> Result<DynamicImage, Error> {
        match self.stored_as {
            ColorSpace::Luma => {
                let pixels = self.pixels(ColorSpace::Luma)?;
                self.image(GrayImage::from_raw, pixels).map(DynamicImage::ImageLuma8)
            }
            stored_as @ (ColorSpace::CMYK | ColorSpace::YCCK) => {
                let inks = inks(self.pixels(stored_as)?, stored_as);
                let pixels = profile::cmyk_to_srgb(&inks, icc.take().as_deref(), notes);
                self.image(RgbImage::from_raw, pixels).map(DynamicImage::ImageRgb8)
            }
            stored_as => {
                // Asked for what it takes them for, it leaves the samples as they are.
                let pixels = self.pixels(if self.plain { stored_as } else { ColorSpace::RGB })?;
                self.image(RgbImage::from_raw, pixels).map(DynamicImage::ImageRgb8)
            }
        }
    }

    fn pixels(&mut self, color_space: ColorSpace) -> Result<Vec<u8>, Error> {
        // Strict from here on: a scan that ends early or goes wrong must not pass for a picture with a gray lower half.
        self.decoder.set_options(self.options.set_strict_mode(true).jpeg_set_out_colorspace(color_space));
        self.decoder.decode().map_err(damaged)
    }

    fn image<T>(&self, from_raw: fn(u32, u32, Vec<u8>) -> Option<T>, pixels: Vec<u8>) -> Result<T, Error> {
        from_raw(self.size.0, self.size.1, pixels).ok_or_else(|| damage("its scans fill less than its dimensions"))
    }
}

/// Amounts of ink, 255 being full, from what the file stores. Adobe's convention, which every CMYK JPEG in the wild
/// follows, is to store them inverted; in YCCK the first three are moreover Y, Cb and Cr of that (Adobe Technical Note
/// 5116, section 18).
fn inks(mut pixels: Vec<u8>, stored_as: ColorSpace) -> Vec<u8> {
    for pixel in pixels.as_chunks_mut::<4>().0 {
        if stored_as == ColorSpace::YCCK {
            let [y, cb, cr, k] = *pixel;
            *pixel = [red(y, cr), green(y, cb, cr), blue(y, cb), 255 - k];
        } else {
            *pixel = pixel.map(|stored| 255 - stored);
        }
    }
    pixels
}

/// JFIF's inverse color transform (ITU-T T.871, section 7), in 16-bit fixed point.
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

fn damaged(error: DecodeErrors) -> Error {
    match error {
        DecodeErrors::Unsupported(kind) => Error::Unsupported { format: Format::Jpeg, message: format!("{kind:?}") },
        error => damage(error.to_string().trim_start_matches("[strict-mode]: ").trim_matches('"')),
    }
}

fn damage(message: &str) -> Error {
    Error::Damaged { format: Format::Jpeg, message: brief(message) }
}

//! JPEG, read with libjpeg-turbo (the crate `jpeg`). Most browsers decode JPEG with this library, so it decides what an
//! unusual file shows: its color space, its size, and whether a part is missing. It also outputs the stored luma and
//! chroma, and an image at half its width and height in half the time.
//!
//! libjpeg-turbo ignores metadata. [`segments`] reads it.

mod gain_map;
mod iim;
mod metadata;
mod multi_picture;
mod segments;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, GrayImage, RgbImage};
use jpeg::{ColorSpace, Decoder, Intact, Options, Output, Samples};
use model::DamagedMode;

use self::metadata::{Metadata, count_scans};
use super::metadata::{copy_block, orientation};
use super::{Decode, DecodeRequest, Decoded, DecodedPixels, Header, PixelForm, ReadOptions, Reader, Source};
use crate::damage::Damage;
use crate::error::brief;
use crate::pixels::transparent_rows::with_transparent_rows;
use crate::pixels::ycbcr::YCbCr;
use crate::read::header::with_alpha;
use crate::{Error, Format};

impl Format {
    /// JPEG of every kind with 8 bits per sample: gray, RGB, CMYK; baseline, progressive, arithmetic-coded, lossless.
    pub const JPEG: Self = Self { name: "JPEG", extensions: &["jpg", "jpeg", "jpe", "jfif"] };
}

pub(crate) const READER: Reader = Reader { format: Format::JPEG, recognize, open };

/// The limit on scans. Encoders write about ten scans.
const MAX_SCANS: u32 = 64;

fn recognize(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xd8\xff")
}

fn open<'bytes>(bytes: &'bytes [u8], options: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    let file = JpegFile::open(bytes)?;
    let mut header = Header::new(file.size(), file.color_type());
    let Metadata { exif, xmp, icc } = Metadata::read(bytes);
    header.is_cmyk = file.is_cmyk();
    if options.recipe.damaged == DamagedMode::Convert {
        // An image gets an alpha channel if rows are missing.
        header.color = with_alpha(header.color);
    }
    header.icc = icc;
    header.orientation = exif.map_or(Orientation::NoTransforms, orientation);
    header.exif = exif.map(copy_block);
    header.xmp = xmp.map(copy_block);
    if options.recipe.metadata == model::Metadata::Copyright {
        header.iim = iim::find(bytes);
    }
    header.gain_map = gain_map::find(bytes, exif);
    header.cost.decoding_bytes = file.working_bytes();
    header.cost.scans = count_scans(bytes).min(MAX_SCANS);
    Ok(Source { format: Format::JPEG, header, decoder: Box::new(file) })
}

/// A JPEG whose header was read.
struct JpegFile<'bytes> {
    bytes: &'bytes [u8],
    decoder: Decoder<'bytes>,
}

impl<'bytes> JpegFile<'bytes> {
    fn open(bytes: &'bytes [u8]) -> Result<Self, Error> {
        let options = Options { max_scans: MAX_SCANS, color_space: None, tables: None };
        let decoder = Decoder::open(bytes, options).map_err(from_jpeg_error)?;
        Ok(Self { bytes, decoder })
    }

    /// Width and height in pixels.
    fn size(&self) -> (u32, u32) {
        (self.decoder.header().width, self.decoder.header().height)
    }

    fn is_cmyk(&self) -> bool {
        matches!(self.decoder.header().color_space, ColorSpace::Cmyk | ColorSpace::Ycck)
    }

    /// The maximum memory in bytes that the decoder allocates in addition to the pixels.
    fn working_bytes(&self) -> u64 {
        self.decoder.header().working_bytes
    }

    /// Returns the ICC profile. It is empty if the file has a profile that cannot be read.
    fn icc(&self) -> Option<Vec<u8>> {
        Metadata::read(self.bytes).icc
    }

    /// Decodes all pixels of an image that is gray or has color.
    fn decode_image(self) -> Result<DynamicImage, Error> {
        match self.decode_form(PixelForm::Pixels, DamagedMode::Reject)?.pixels {
            Some(DecodedPixels::Interleaved(image)) => Ok(image),
            _ => Err(damaged("it is CMYK")),
        }
    }

    fn color_type(&self) -> ColorType {
        match self.decoder.header().color_space {
            ColorSpace::Gray => ColorType::L8,
            ColorSpace::Rgb | ColorSpace::YCbCr => ColorType::Rgb8,
            // A CMYK image has four bytes per pixel before it is converted to RGB.
            ColorSpace::Cmyk | ColorSpace::Ycck => ColorType::Rgba8,
        }
    }

    /// Decodes the image in the given form. If this form is not possible, decodes all pixels.
    fn decode_form(self, form: PixelForm, mode: DamagedMode) -> Result<Decoded, Error> {
        let jpeg::Header { height, color_space, .. } = *self.decoder.header();
        let output = match form {
            PixelForm::Planes if self.decoder.header().has_planes() => Output::Planes,
            PixelForm::Planes | PixelForm::Pixels => Output::Pixels,
            PixelForm::HalfPixels => Output::HalfPixels,
        };
        let jpeg::Decoded { width, height: rows, samples, damage } =
            self.decoder.decode(output).map_err(from_jpeg_error)?;
        let visible = match &damage {
            Some(jpeg::Damage { intact: Intact::Rows(intact), .. }) => intact.saturating_mul(rows) / height.max(1),
            _ => rows,
        };
        let note = damage.map(|damage| accept_damage(&damage, height, mode)).transpose()?;
        let pixels = match (samples, color_space) {
            (Samples::Planes([luma, cb, cr]), _) => YCbCr::new(width, rows, luma, [cb, cr]).map(DecodedPixels::Planar),
            (Samples::Pixels(pixels), ColorSpace::Gray) => {
                GrayImage::from_raw(width, rows, pixels).map(|image| DecodedPixels::Interleaved(image.into()))
            }
            (Samples::Pixels(pixels), ColorSpace::Rgb | ColorSpace::YCbCr) => {
                RgbImage::from_raw(width, rows, pixels).map(|image| DecodedPixels::Interleaved(image.into()))
            }
            (Samples::Pixels(mut inks), ColorSpace::Cmyk | ColorSpace::Ycck) => {
                // By Adobe's convention, which every known CMYK JPEG follows, the amounts of ink are stored inverted
                // (Adobe Technical Note 5116, section 18).
                for ink in &mut inks {
                    *ink = 255 - *ink;
                }
                Some(DecodedPixels::Cmyk { size: (width, rows), inks })
            }
        };
        let pixels = pixels.ok_or_else(|| damaged("it has fewer pixels than its dimensions"))?;
        // Browsers show missing rows as transparent. CMYK has no alpha.
        let pixels = match pixels {
            DecodedPixels::Interleaved(image) => DecodedPixels::Interleaved(with_transparent_rows(image, visible)),
            DecodedPixels::Planar(planes) if visible < rows => {
                DecodedPixels::Interleaved(with_transparent_rows(planes.to_rgb()?.into(), visible))
            }
            pixels => pixels,
        };
        Ok(Decoded { notes: note.into_iter().collect(), ..pixels.into() })
    }
}

impl Decode for JpegFile<'_> {
    fn decode(self: Box<Self>, request: &DecodeRequest) -> Result<Decoded, Error> {
        self.decode_form(request.form, request.damaged)
    }
}

/// Returns the note about the damage, if damaged images are converted.
fn accept_damage(damage: &jpeg::Damage, height: u32, mode: DamagedMode) -> Result<String, Error> {
    let damage = match (mode, damage.intact) {
        // Without a single row, there is nothing to show.
        (DamagedMode::Reject, _) | (DamagedMode::Convert, Intact::Rows(0)) => return Err(damaged(&damage.message)),
        (DamagedMode::Convert, Intact::Rows(rows)) => Damage::Rows { missing: height.saturating_sub(rows), of: height },
        (DamagedMode::Convert, Intact::Scans(scans)) => Damage::ScansAfter(scans),
    };
    Ok(damage.note(Format::JPEG))
}

fn from_jpeg_error(error: jpeg::Error) -> Error {
    match error {
        jpeg::Error::Unsupported(_) | jpeg::Error::UnsupportedPrecision(_) | jpeg::Error::UnsupportedComponents(_) => {
            Error::Unsupported { format: Format::JPEG, message: brief(&error.to_string()) }
        }
        error => damaged(&error.to_string()),
    }
}

fn damaged(message: &str) -> Error {
    Error::Damaged { format: Format::JPEG, message: brief(message) }
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::SamplingFactor::{self, F_1_1, F_2_1, F_2_2};
    use jpeg_encoder::{ColorType, Encoder};
    use model::{Limits, Recipe, Samples};

    use crate::pixels::source_pixels::SourcePixels;
    use crate::{DecodedImage, OpenedImage};

    fn jpeg((width, height): (u16, u16), sampling: SamplingFactor) -> Vec<u8> {
        let noise = |at: u32| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0];
        let pixels: Vec<u8> = (0..u32::from(width) * u32::from(height) * 3).map(noise).collect();
        let mut bytes = vec![];
        let mut encoder = Encoder::new(&mut bytes, 90);
        encoder.set_sampling_factor(sampling);
        encoder.encode(&pixels, width, height, ColorType::Rgb).unwrap();
        bytes
    }

    fn decoded(bytes: &[u8], sizes: &str, quality: &str) -> DecodedImage {
        let (sizes, quality) = (sizes.parse().unwrap(), quality.parse().unwrap());
        let recipe = Recipe { sizes, quality, ..Recipe::default() };
        OpenedImage::open(bytes, &recipe, &Limits::default()).unwrap().decode().unwrap()
    }

    #[test]
    fn stored_samples_reach_the_encoder_unchanged() {
        for size in [(192, 160), (193, 160), (192, 161), (193, 161)] {
            let file = jpeg(size, F_2_2);
            // This function pads every row to a multiple of four samples. Our code uses rows without this padding.
            let own = turbojpeg::decompress_to_yuv(&file).unwrap();
            let (width, height) = (usize::from(size.0), usize::from(size.1));
            let (luma, chroma) = own.pixels.split_at(own.y_width() * own.y_height());
            let (cb, cr) = chroma.split_at(own.uv_width() * own.uv_height());
            let cut = |plane: &[u8], stride: usize, width: usize, height: usize| {
                Samples::U8(plane.chunks(stride).take(height).flat_map(|row| row[..width].to_vec()).collect())
            };
            let half = |plane| cut(plane, own.uv_width(), width.div_ceil(2), height.div_ceil(2));
            for widths in ["full", "full,50"] {
                let transformed = decoded(&file, widths, "60").transform().unwrap();
                let encoded = transformed.renditions[0].planar.planes();
                assert_eq!(encoded, [cut(luma, own.y_width(), width, height), half(cb), half(cr)], "{size:?}");
            }
        }
    }

    #[test]
    fn pixels_are_decoded_if_planes_are_unsuitable_and_at_half_size_for_small_variants() {
        let pixels = |sampling, widths: &str, quality: &str| match decoded(&jpeg((640, 512), sampling), widths, quality)
            .pixels
        {
            Some((SourcePixels::Interleaved(image), _)) => Some((image.width(), image.height())),
            Some((SourcePixels::Planar(_), _)) | None => None,
        };
        assert_eq!(pixels(F_2_2, "full,80", "60"), None);
        assert_eq!(pixels(F_2_2, "full,80", "100"), Some((640, 512)));
        assert_eq!(pixels(F_1_1, "full", "60"), Some((640, 512)));
        assert_eq!(pixels(F_2_1, "full", "60"), Some((640, 512)));
        assert_eq!(pixels(F_2_2, "81", "60"), Some((640, 512)));
        for sampling in [F_2_2, F_1_1, F_2_1] {
            assert_eq!(pixels(sampling, "80,40", "60"), Some((320, 256)));
        }
    }
}

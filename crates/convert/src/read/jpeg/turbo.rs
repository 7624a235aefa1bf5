//! Decodes JPEG with libjpeg-turbo. Unlike zune-jpeg, it can output the stored luma and chroma, and it can decode an
//! image at half its width and height in half the time.
//!
//! libjpeg-turbo continues after damage and reports only its first warning. If the first warning is about a stray byte
//! between two segments, a later warning about a missing half of the scan is not reported. So if the warning does not
//! prove damage, zune-jpeg decodes the file again. zune-jpeg ignores harmless defects and rejects files with other
//! defects.

use image::{DynamicImage, GrayImage, RgbImage};
use turbojpeg::{Colorspace, DecompressHeader, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, YuvImage};

use crate::error::brief;
use crate::pixels::ycbcr::YCbCr;
use crate::read::DecodedPixels;
use crate::read::PixelForm;
use crate::read::jpeg::structure::MAX_SCANS;
use crate::{Error, Format};

/// Warnings that prove that a scan is damaged or truncated (jerror.h). Harmless defects never cause them.
const DAMAGE_MESSAGES: [&str; 2] = ["bad Huffman code", "premature end of data segment"];

/// Decodes a JPEG of this size in the given form, or returns an error if it is damaged. Returns `None` if zune-jpeg
/// must decode the file. Planes are output only for 4:2:0, which is also the chroma format of an AVIF of a photograph.
/// For other chroma formats, all pixels are decoded instead of planes.
pub(crate) fn decode(bytes: &[u8], size: (u32, u32), output: PixelForm) -> Option<Result<DecodedPixels, Error>> {
    let mut turbo = Decompressor::new().ok()?;
    turbo.set_scan_limit(MAX_SCANS).ok()?;
    let header = turbo.read_header(bytes).ok()?;
    // The size that was checked against the limits must be the decoded size.
    if (u32::try_from(header.width), u32::try_from(header.height)) != (Ok(size.0), Ok(size.1)) {
        return None;
    }
    let format = match header.colorspace {
        Colorspace::Gray => PixelFormat::GRAY,
        Colorspace::YCbCr => PixelFormat::RGB,
        Colorspace::RGB | Colorspace::CMYK | Colorspace::YCCK => return None,
    };
    let decoded = match (output, header.subsamp) {
        (PixelForm::Planes, Subsamp::Sub2x2) => planes(turbo, bytes, header).map(DecodedPixels::Planar),
        (PixelForm::Planes | PixelForm::Pixels, _) => {
            pixels(turbo, bytes, header, format).map(DecodedPixels::Interleaved)
        }
        (PixelForm::HalfPixels, _) => {
            turbo.set_scaling_factor(ScalingFactor::ONE_HALF).ok()?;
            pixels(turbo, bytes, header.scaled(ScalingFactor::ONE_HALF), format).map(DecodedPixels::Interleaved)
        }
    };
    match decoded.map_err(|error| error.to_string()) {
        Ok(raster) => Some(Ok(raster)),
        Err(message) if DAMAGE_MESSAGES.iter().any(|damage| message.contains(damage)) => {
            Some(Err(Error::Damaged { format: Format::JPEG, message: brief(&message) }))
        }
        Err(_) => None,
    }
}

fn planes(mut turbo: Decompressor, bytes: &[u8], header: DecompressHeader) -> turbojpeg::Result<YCbCr> {
    let DecompressHeader { width, height, subsamp, .. } = header;
    let mut planes = YuvImage { pixels: vec![], width, height, align: 1, subsamp };
    // Luma is padded to an even number of columns and rows.
    let ((luma_width, luma_height), chroma) = (planes.y_size(), planes.uv_width() * planes.uv_height());
    planes.pixels = vec![0; luma_width * luma_height + 2 * chroma];
    turbo.decompress_to_yuv(bytes, planes.as_deref_mut())?;
    let mut luma = planes.pixels;
    let cr = luma.split_off(luma_width * luma_height + chroma);
    let cb = luma.split_off(luma_width * luma_height);
    if luma_width > width {
        luma = luma.chunks_exact(luma_width).flat_map(|row| &row[..width]).copied().collect();
    }
    luma.truncate(width * height);
    YCbCr::new(side(width)?, side(height)?, luma, [cb, cr]).ok_or(turbojpeg::Error::OutOfBounds)
}

fn pixels(
    mut turbo: Decompressor,
    bytes: &[u8],
    header: DecompressHeader,
    format: PixelFormat,
) -> turbojpeg::Result<DynamicImage> {
    let DecompressHeader { width, height, .. } = header;
    let pitch = width * format.size();
    let mut image = Image { pixels: vec![0; pitch * height], width, pitch, height, format };
    turbo.decompress(bytes, image.as_deref_mut())?;
    let (width, height) = (side(width)?, side(height)?);
    let image = match format {
        PixelFormat::GRAY => GrayImage::from_raw(width, height, image.pixels).map(DynamicImage::from),
        _ => RgbImage::from_raw(width, height, image.pixels).map(DynamicImage::from),
    };
    image.ok_or(turbojpeg::Error::OutOfBounds)
}

fn side(pixels: usize) -> turbojpeg::Result<u32> {
    u32::try_from(pixels).map_err(|_| turbojpeg::Error::IntegerOverflow("side"))
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::SamplingFactor::{self, F_1_1, F_2_1, F_2_2};
    use jpeg_encoder::{ColorType, Encoder};
    use model::{Limits, Recipe, Samples};

    use super::*;
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

    fn decoded(bytes: &[u8], widths: &str, quality: &str) -> DecodedImage {
        let (widths, quality) = (widths.parse().unwrap(), quality.parse().unwrap());
        let recipe = Recipe { widths, quality, ..Recipe::default() };
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

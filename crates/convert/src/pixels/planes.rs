//! Converts interleaved pixels to planes of luma, chroma and alpha.

use image::{DynamicImage, GenericImageView};
use model::{Chroma, ChromaMode, Cicp, Color, Depth, PlanarImage, Quality, Samples, Shape};
use yuv::{YuvChromaSubsampling, YuvConversionMode, YuvError, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

use crate::Error;
use crate::pixels::alpha;
use crate::pixels::content::Content;
use crate::pixels::ten_bits;

/// The chroma resolution and depth of the planes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaneFormat {
    pub(crate) is_lossless: bool,
    /// Whether all images use 4:4:4, including photographs.
    has_full_chroma: bool,
    /// Whether all planes have 10 bits, including the planes of 8-bit pixels.
    is_ten_bit: bool,
}

/// From this target score on, photographs are encoded in 4:4:4. Seven photographs were encoded in 4:2:0 at different
/// quantizers. The photograph with the most colorful edges reached a score of at most 84, and only two photographs
/// reached a score above 89.
const MIN_TARGET_FOR_FULL_CHROMA: f32 = 84.0;

impl PlaneFormat {
    pub(crate) fn new(content: Content, quality: Quality, chroma: ChromaMode, is_animated: bool) -> Self {
        let has_high_target =
            matches!(quality, Quality::Visual(target) if target.value() >= MIN_TARGET_FOR_FULL_CHROMA);
        let is_lossless = quality.is_lossless();
        let has_full_chroma = is_lossless
            || match chroma {
                ChromaMode::Auto => has_high_target || content == Content::Graphic,
                ChromaMode::Yuv420 => false,
                ChromaMode::Yuv444 => true,
            };
        let is_ten_bit = content == Content::Photograph
            && !has_full_chroma
            && !is_animated
            && ten_bits::is_preferred_for_photographs();
        Self { is_lossless, has_full_chroma, is_ten_bit }
    }
}

/// Converts pixels to planes. Gray pixels become one plane. Samples of 16 bits become samples of 10 bits. If the image
/// has alpha and the planes are not lossless, the colors of its hidden pixels must have been filled
/// ([`fill_transparent`](alpha::fill_transparent)).
pub(crate) fn to_planar(image: &DynamicImage, color: &Color, format: PlaneFormat) -> Result<PlanarImage, Error> {
    let (width, height) = image.dimensions();
    let failed = |message: String| Error::Planes { width, height, message };
    let has_color = image.color().has_color();
    let chroma = match format {
        _ if !has_color => Chroma::Monochrome,
        PlaneFormat { has_full_chroma: false, .. } => Chroma::Yuv420,
        PlaneFormat { has_full_chroma: true, .. } => Chroma::Yuv444,
    };
    let cicp = if format.is_lossless && has_color { color.cicp.with_identity_matrix() } else { color.cicp };
    let rgb = RgbConversion { width, height, chroma, matrix: matrix(color.cicp), is_lossless: format.is_lossless };
    let (depth, planes, alpha) = match image {
        DynamicImage::ImageLuma8(image) => (Depth::Eight, vec![Samples::U8(image.as_raw().clone())], None),
        DynamicImage::ImageLumaA8(image) => (Depth::Eight, vec![channel::<2>(image, 0)], Some(channel::<2>(image, 1))),
        DynamicImage::ImageRgb8(image) if format.is_ten_bit => {
            // Luma and chroma are computed in 10 bits, because the luma and chroma of 8-bit RGB have more than 256
            // different levels.
            let pixels: Vec<u16> = image.iter().map(|&sample| ten_bits_of_eight(sample)).collect();
            (Depth::Ten, rgb.ten_bit_planes::<3>(&pixels).map_err(|error| failed(error.to_string()))?, None)
        }
        DynamicImage::ImageRgb8(image) => {
            (Depth::Eight, rgb.planes_of_8_bits::<3>(image).map_err(|error| failed(error.to_string()))?, None)
        }
        DynamicImage::ImageRgba8(image) => {
            let planes = rgb.planes_of_8_bits::<4>(image).map_err(|error| failed(error.to_string()))?;
            (Depth::Eight, planes, Some(channel::<4>(image, 3)))
        }
        DynamicImage::ImageLuma16(image) => (Depth::Ten, vec![ten_bit_channel::<1>(image, 0)], None),
        DynamicImage::ImageLumaA16(image) => {
            (Depth::Ten, vec![ten_bit_channel::<2>(image, 0)], Some(ten_bit_channel::<2>(image, 1)))
        }
        DynamicImage::ImageRgb16(image) => {
            (Depth::Ten, rgb.planes_of_16_bits::<3>(image).map_err(|error| failed(error.to_string()))?, None)
        }
        DynamicImage::ImageRgba16(image) => {
            let planes = rgb.planes_of_16_bits::<4>(image).map_err(|error| failed(error.to_string()))?;
            (Depth::Ten, planes, Some(ten_bit_channel::<4>(image, 3)))
        }
        other => return Err(failed(format!("pixels of the type {:?} are not supported", other.color()))),
    };
    let color = Color { cicp, icc: color.icc.clone() };
    let shape = Shape { width, height, depth, chroma };
    PlanarImage::new(shape, planes, alpha, color).map_err(|error| failed(error.to_string()))
}

/// Converts the same image to 10 bits. If the pixels of the image are given, they are converted to planes again,
/// because the luma and chroma of 8-bit RGB have more than 256 different levels. Otherwise, the samples of the planes
/// are widened.
pub(crate) fn to_ten_bits(planar: &PlanarImage, pixels: Option<&DynamicImage>) -> Result<PlanarImage, Error> {
    let Shape { width, height, chroma, .. } = planar.shape();
    match pixels {
        Some(pixels) => {
            let has_full_chroma = chroma != Chroma::Yuv420;
            to_planar(pixels, planar.color(), PlaneFormat { is_lossless: false, has_full_chroma, is_ten_bit: true })
        }
        None => ten_bits::widen(planar).map_err(|error| Error::Planes { width, height, message: error.to_string() }),
    }
}

/// Converts the pixels of an image to 4:4:4 planes. `planar` contains the 4:2:0 planes of the same pixels, with the same
/// depth.
pub(crate) fn to_full_chroma(planar: &PlanarImage, pixels: &DynamicImage) -> Result<PlanarImage, Error> {
    let format =
        PlaneFormat { is_lossless: false, has_full_chroma: true, is_ten_bit: planar.shape().depth != Depth::Eight };
    to_planar(pixels, planar.color(), format)
}

/// How to convert interleaved RGB or RGBA pixels.
#[derive(Clone, Copy)]
struct RgbConversion {
    width: u32,
    height: u32,
    chroma: Chroma,
    matrix: YuvStandardMatrix,
    is_lossless: bool,
}

/// Returns the matrix of these code points. The `Cicp` of an image always contains one of these two matrices.
fn matrix(cicp: Cicp) -> YuvStandardMatrix {
    match cicp.matrix {
        9 => YuvStandardMatrix::Bt2020,
        _ => YuvStandardMatrix::Bt601,
    }
}

impl RgbConversion {
    /// Converts 8-bit pixels to planes.
    fn planes_of_8_bits<const CHANNELS: u32>(self, pixels: &[u8]) -> Result<Vec<Samples>, YuvError> {
        if self.is_lossless {
            return Ok(match CHANNELS {
                3 => [1, 2, 0].map(|index| channel::<3>(pixels, index)).to_vec(),
                _ => [1, 2, 0].map(|index| channel::<4>(pixels, index)).to_vec(),
            });
        }
        let convert = match (CHANNELS, self.chroma) {
            (3, Chroma::Yuv420) => yuv::rgb_to_yuv420,
            (3, _) => yuv::rgb_to_yuv444,
            _ => yuv::rgba_to_yuv444,
        };
        let mut planar = YuvPlanarImageMut::alloc(self.width, self.height, self.subsampling(CHANNELS));
        let stride = self.width * CHANNELS;
        convert(&mut planar, pixels, stride, YuvRange::Full, self.matrix, YuvConversionMode::Balanced)?;
        Ok(self.planes_with_alpha_weights::<_, CHANNELS>(planar, pixels).map(Samples::U8).to_vec())
    }

    /// Converts 16-bit pixels to planes.
    fn planes_of_16_bits<const CHANNELS: u32>(self, pixels: &[u16]) -> Result<Vec<Samples>, YuvError> {
        if self.is_lossless {
            return Ok(match CHANNELS {
                3 => [1, 2, 0].map(|index| ten_bit_channel::<3>(pixels, index)).to_vec(),
                _ => [1, 2, 0].map(|index| ten_bit_channel::<4>(pixels, index)).to_vec(),
            });
        }
        let pixels: Vec<u16> = pixels.iter().map(|&sample| ten_bits_of_sixteen(sample)).collect();
        self.ten_bit_planes::<CHANNELS>(&pixels)
    }

    /// Converts pixels to planes. Each sample has 10 bits and is stored in 16 bits.
    fn ten_bit_planes<const CHANNELS: u32>(self, pixels: &[u16]) -> Result<Vec<Samples>, YuvError> {
        let convert = match (CHANNELS, self.chroma) {
            (3, Chroma::Yuv420) => yuv::rgb10_to_i010,
            (3, _) => yuv::rgb10_to_i410,
            _ => yuv::rgba10_to_i410,
        };
        let mut planar = YuvPlanarImageMut::alloc(self.width, self.height, self.subsampling(CHANNELS));
        convert(&mut planar, pixels, self.width * CHANNELS, YuvRange::Full, self.matrix)?;
        Ok(self.planes_with_alpha_weights::<_, CHANNELS>(planar, pixels).map(Samples::U16).to_vec())
    }

    /// Returns the subsampling of the planes that the crate `yuv` computes. It does not weight chroma by alpha, so it
    /// computes 4:4:4 for images with alpha.
    fn subsampling(self, channels: u32) -> YuvChromaSubsampling {
        match self.chroma {
            Chroma::Yuv420 if channels == 4 => YuvChromaSubsampling::Yuv444,
            Chroma::Yuv420 => YuvChromaSubsampling::Yuv420,
            Chroma::Yuv422 => YuvChromaSubsampling::Yuv422,
            Chroma::Yuv444 | Chroma::Monochrome => YuvChromaSubsampling::Yuv444,
        }
    }

    /// Returns the computed planes. If the image has alpha and 4:2:0 is required, halves the chroma planes.
    fn planes_with_alpha_weights<T: alpha::Sample + std::fmt::Debug, const CHANNELS: u32>(
        self,
        planar: YuvPlanarImageMut<'_, T>,
        pixels: &[T],
    ) -> [Vec<T>; 3] {
        let [luma, cb, cr] = take_planes(planar);
        if (CHANNELS, self.chroma) != (4, Chroma::Yuv420) {
            return [luma, cb, cr];
        }
        let halve = |plane: Vec<T>| alpha::halve_chroma(&plane, |index| pixels[4 * index + 3], self.width as usize);
        [luma, halve(cb), halve(cr)]
    }
}

fn take_planes<T: Copy + std::fmt::Debug>(planar: YuvPlanarImageMut<'_, T>) -> [Vec<T>; 3] {
    [planar.y_plane, planar.u_plane, planar.v_plane].map(|plane| match plane {
        yuv::BufferStoreMut::Owned(samples) => samples,
        yuv::BufferStoreMut::Borrowed(samples) => samples.to_vec(),
    })
}

fn channel<const CHANNELS: usize>(pixels: &[u8], index: usize) -> Samples {
    Samples::U8(pixels.as_chunks::<CHANNELS>().0.iter().map(|pixel| pixel[index]).collect())
}

fn ten_bit_channel<const CHANNELS: usize>(pixels: &[u16], index: usize) -> Samples {
    Samples::U16(pixels.as_chunks::<CHANNELS>().0.iter().map(|pixel| ten_bits_of_sixteen(pixel[index])).collect())
}

/// Maps 0..=65535 to 0..=1023, rounded.
fn ten_bits_of_sixteen(sample: u16) -> u16 {
    u16::try_from((u32::from(sample) * 1023 + 32_767) / 65_535).unwrap_or(1023)
}

/// Maps 0..=255 to 0..=1023, rounded.
fn ten_bits_of_eight(sample: u8) -> u16 {
    u16::try_from((u32::from(sample) * 1023 + 127) / 255).unwrap_or(1023)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_and_white_map_to_the_ends_of_the_range() {
        assert_eq!((ten_bits_of_sixteen(0), ten_bits_of_sixteen(32_768), ten_bits_of_sixteen(65_535)), (0, 512, 1023));
        assert_eq!((ten_bits_of_eight(0), ten_bits_of_eight(128), ten_bits_of_eight(255)), (0, 514, 1023));
    }
}

//! Pixels to planes: luma apart from chroma, alpha apart from both.

use avif::Content;
use image::{DynamicImage, GenericImageView};
use model::{Chroma, Cicp, Color, Depth, PlanarImage, Quality, Samples, Shape};
use yuv::{YuvChromaSubsampling, YuvConversionMode, YuvError, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

use crate::Error;

/// What decides the planes' form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) lossless: bool,
    /// Chroma at full resolution, in photographs too.
    whole_chroma: bool,
    /// 10 bits for pixels that have 8.
    deepened: bool,
}

/// From this score on chroma at half resolution stands in the way: of seven photographs the one with the most color in
/// its edges gets to 84 with it, whatever the quantizer, and only two get over 89.
const WHOLE_CHROMA: f32 = 84.0;

impl Style {
    pub(crate) fn of(content: Content, quality: Quality, moves: bool) -> Self {
        let demanding = matches!(quality, Quality::Visual(target) if target.value() >= WHOLE_CHROMA);
        let lossless = quality.is_lossless();
        let whole_chroma = lossless || demanding || content == Content::Graphic;
        let deepened = !whole_chroma && !moves && avif::prefers_ten_bits();
        Self { lossless, whole_chroma, deepened }
    }
}

/// Makes planes of pixels. Gray stays one plane; 16 bits become 10; drawn pictures keep their chroma whole.
pub(crate) fn picture(image: &DynamicImage, color: &Color, style: Style) -> Result<PlanarImage, Error> {
    let (width, height) = image.dimensions();
    let failed = |message: String| Error::Planes { width, height, message };
    let colored = image.color().has_color();
    let chroma = match style {
        _ if !colored => Chroma::Monochrome,
        Style { whole_chroma: false, .. } => Chroma::Yuv420,
        Style { whole_chroma: true, .. } => Chroma::Yuv444,
    };
    let cicp = if style.lossless && colored { color.cicp.with_identity_matrix() } else { color.cicp };
    let rgb = Interleaved { width, height, chroma, matrix: matrix(color.cicp), lossless: style.lossless };
    let (depth, planes, alpha) = match image {
        DynamicImage::ImageLuma8(image) => (Depth::Eight, vec![Samples::U8(image.as_raw().clone())], None),
        DynamicImage::ImageLumaA8(image) => (Depth::Eight, vec![channel::<2>(image, 0)], Some(channel::<2>(image, 1))),
        DynamicImage::ImageRgb8(image) if style.deepened => {
            // Luma and chroma have more levels than eight bits hold, of colors that do.
            let pixels: Vec<u16> = image.iter().map(|&sample| ten_of_eight(sample)).collect();
            (Depth::Ten, rgb.planar::<3>(&pixels).map_err(|error| failed(error.to_string()))?, None)
        }
        DynamicImage::ImageRgb8(image) => {
            (Depth::Eight, rgb.eight::<3>(image).map_err(|error| failed(error.to_string()))?, None)
        }
        DynamicImage::ImageRgba8(image) => {
            let planes = rgb.eight::<4>(image).map_err(|error| failed(error.to_string()))?;
            (Depth::Eight, planes, Some(channel::<4>(image, 3)))
        }
        DynamicImage::ImageLuma16(image) => (Depth::Ten, vec![channel10::<1>(image, 0)], None),
        DynamicImage::ImageLumaA16(image) => {
            (Depth::Ten, vec![channel10::<2>(image, 0)], Some(channel10::<2>(image, 1)))
        }
        DynamicImage::ImageRgb16(image) => {
            (Depth::Ten, rgb.ten::<3>(image).map_err(|error| failed(error.to_string()))?, None)
        }
        DynamicImage::ImageRgba16(image) => {
            let planes = rgb.ten::<4>(image).map_err(|error| failed(error.to_string()))?;
            (Depth::Ten, planes, Some(channel10::<4>(image, 3)))
        }
        other => return Err(failed(format!("no planes are made of {:?} pixels", other.color()))),
    };
    let color = Color { cicp, icc: color.icc.clone() };
    let shape = Shape { width, height, depth, chroma };
    PlanarImage::new(shape, planes, alpha, color).map_err(|error| failed(error.to_string()))
}

/// The same planes at 10 bits; made anew of the pixels where there are any, for luma and chroma have more levels than eight
/// bits hold.
pub(crate) fn deepened(picture: &PlanarImage, pixels: Option<&DynamicImage>) -> Result<PlanarImage, Error> {
    let Shape { width, height, chroma, .. } = picture.shape();
    match pixels {
        Some(pixels) => {
            let style = Style { lossless: false, whole_chroma: chroma != Chroma::Yuv420, deepened: true };
            self::picture(pixels, picture.color(), style)
        }
        None => avif::to_ten_bits(picture).map_err(|error| Error::Planes { width, height, message: error.to_string() }),
    }
}

/// Interleaved RGB or RGBA pixels of some size, and what is to become of them.
#[derive(Clone, Copy)]
struct Interleaved {
    width: u32,
    height: u32,
    chroma: Chroma,
    matrix: YuvStandardMatrix,
    lossless: bool,
}

/// The matrix that the code points name. Of all that there are, `model::Cicp` makes these two.
fn matrix(cicp: Cicp) -> YuvStandardMatrix {
    match cicp.matrix {
        9 => YuvStandardMatrix::Bt2020,
        _ => YuvStandardMatrix::Bt601,
    }
}

impl Interleaved {
    fn eight<const CHANNELS: u32>(self, pixels: &[u8]) -> Result<Vec<Samples>, YuvError> {
        if self.lossless {
            return Ok(match CHANNELS {
                3 => [1, 2, 0].map(|index| channel::<3>(pixels, index)).to_vec(),
                _ => [1, 2, 0].map(|index| channel::<4>(pixels, index)).to_vec(),
            });
        }
        let convert = match (CHANNELS, self.chroma) {
            (3, Chroma::Yuv420) => yuv::rgb_to_yuv420,
            (3, _) => yuv::rgb_to_yuv444,
            (_, Chroma::Yuv420) => yuv::rgba_to_yuv420,
            _ => yuv::rgba_to_yuv444,
        };
        let mut planar = YuvPlanarImageMut::alloc(self.width, self.height, self.subsampling());
        let stride = self.width * CHANNELS;
        convert(&mut planar, pixels, stride, YuvRange::Full, self.matrix, YuvConversionMode::Balanced)?;
        Ok(owned(planar).map(Samples::U8).to_vec())
    }

    fn ten<const CHANNELS: u32>(self, pixels: &[u16]) -> Result<Vec<Samples>, YuvError> {
        if self.lossless {
            return Ok(match CHANNELS {
                3 => [1, 2, 0].map(|index| channel10::<3>(pixels, index)).to_vec(),
                _ => [1, 2, 0].map(|index| channel10::<4>(pixels, index)).to_vec(),
            });
        }
        let pixels: Vec<u16> = pixels.iter().map(|&sample| ten(sample)).collect();
        self.planar::<CHANNELS>(&pixels)
    }

    /// Planes of 10-bit pixels.
    fn planar<const CHANNELS: u32>(self, pixels: &[u16]) -> Result<Vec<Samples>, YuvError> {
        let convert = match (CHANNELS, self.chroma) {
            (3, Chroma::Yuv420) => yuv::rgb10_to_i010,
            (3, _) => yuv::rgb10_to_i410,
            (_, Chroma::Yuv420) => yuv::rgba10_to_i010,
            _ => yuv::rgba10_to_i410,
        };
        let mut planar = YuvPlanarImageMut::alloc(self.width, self.height, self.subsampling());
        convert(&mut planar, pixels, self.width * CHANNELS, YuvRange::Full, self.matrix)?;
        Ok(owned(planar).map(Samples::U16).to_vec())
    }

    fn subsampling(self) -> YuvChromaSubsampling {
        match self.chroma {
            Chroma::Yuv420 => YuvChromaSubsampling::Yuv420,
            Chroma::Yuv422 => YuvChromaSubsampling::Yuv422,
            Chroma::Yuv444 | Chroma::Monochrome => YuvChromaSubsampling::Yuv444,
        }
    }
}

fn owned<T: Copy + std::fmt::Debug>(planar: YuvPlanarImageMut<'_, T>) -> [Vec<T>; 3] {
    [planar.y_plane, planar.u_plane, planar.v_plane].map(|plane| match plane {
        yuv::BufferStoreMut::Owned(samples) => samples,
        yuv::BufferStoreMut::Borrowed(samples) => samples.to_vec(),
    })
}

fn channel<const CHANNELS: usize>(pixels: &[u8], index: usize) -> Samples {
    Samples::U8(pixels.as_chunks::<CHANNELS>().0.iter().map(|pixel| pixel[index]).collect())
}

fn channel10<const CHANNELS: usize>(pixels: &[u16], index: usize) -> Samples {
    Samples::U16(pixels.as_chunks::<CHANNELS>().0.iter().map(|pixel| ten(pixel[index])).collect())
}

/// 0..=65535 onto 0..=1023, rounded.
fn ten(sample: u16) -> u16 {
    u16::try_from((u32::from(sample) * 1023 + 32_767) / 65_535).unwrap_or(1023)
}

/// 0..=255 onto 0..=1023, rounded.
fn ten_of_eight(sample: u8) -> u16 {
    u16::try_from((u32::from(sample) * 1023 + 127) / 255).unwrap_or(1023)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_range_stay_the_ends() {
        assert_eq!((ten(0), ten(32_768), ten(65_535)), (0, 512, 1023));
        assert_eq!((ten_of_eight(0), ten_of_eight(128), ten_of_eight(255)), (0, 514, 1023));
    }
}

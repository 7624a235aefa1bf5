//! Resizes images in linear light.

use std::sync::LazyLock;

use fast_image_resize::pixels::{U16, U16x2, U16x3, U16x4};
use fast_image_resize::{
    FilterType, IntoImageView, IntoImageViewMut, PixelComponentMapper, PixelTrait, ResizeAlg, ResizeError,
    ResizeOptions, Resizer, create_srgb_mapper,
};
use image::{ColorType, DynamicImage, GenericImageView};
use model::{Area, Cicp};

use crate::Error;

/// An image in a form in which a resize filter can average the levels. SDR images are stored in linear light, with 16
/// bits per channel, because 8 bits would merge the darkest levels.
pub(crate) struct FilterImage {
    image: DynamicImage,
    /// The color type of the pixels before and after the filter.
    color: ColorType,
    transfer: TransferFunction,
}

/// The transfer function between levels and the values that are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TransferFunction {
    /// The sRGB transfer function. It is also used for ICC profiles and other SDR code points, because images for
    /// displays have transfer functions close to a power of 2.2.
    Srgb,
    /// The filter averages the levels without conversion. This is used for linear light, PQ and HLG. PQ and HLG have
    /// perceptually uniform steps; in linear light, their brightest pixels would dominate the average.
    Identity,
}

static SRGB: LazyLock<PixelComponentMapper> = LazyLock::new(create_srgb_mapper);

impl TransferFunction {
    /// Chooses the transfer function by the transfer characteristics (ITU-T H.273, table 3). The value 8 means linear
    /// light.
    fn new(cicp: Cicp) -> Self {
        if cicp.is_sdr() && cicp.transfer != 8 { Self::Srgb } else { Self::Identity }
    }
}

impl FilterImage {
    pub(crate) fn from_pixels(pixels: &DynamicImage, cicp: Cicp) -> Result<Self, Error> {
        let (color, transfer) = (pixels.color(), TransferFunction::new(cicp));
        let image = match transfer {
            TransferFunction::Srgb => {
                let mut image = DynamicImage::new(pixels.width(), pixels.height(), sixteen_bit_type(color));
                SRGB.forward_map(pixels, &mut image).map_err(|error| resize_error(pixels, &error))?;
                image
            }
            TransferFunction::Identity => to_sixteen_bits(pixels),
        };
        Ok(Self { image, color, transfer })
    }

    /// Makes the image smaller with a Lanczos filter. Colors are weighted by alpha.
    pub(crate) fn resize(&self, (width, height): (u32, u32)) -> Result<Self, Error> {
        let mut image = DynamicImage::new(width, height, self.image.color());
        // `Resizer::resize` is not called, because it would be compiled for every pixel type. Its code was half of the
        // machine code of this crate.
        match image {
            DynamicImage::ImageLuma16(_) => convolve::<U16>(&self.image, &mut image),
            DynamicImage::ImageLumaA16(_) => convolve::<U16x2>(&self.image, &mut image),
            DynamicImage::ImageRgb16(_) => convolve::<U16x3>(&self.image, &mut image),
            DynamicImage::ImageRgba16(_) => convolve::<U16x4>(&self.image, &mut image),
            _ => Err(ResizeError::PixelTypesAreDifferent),
        }
        .map_err(|error| resize_error(&image, &error))?;
        Ok(Self { image, ..*self })
    }

    /// Cuts out a part of the image.
    pub(crate) fn crop(&self, area: Area) -> Self {
        Self { image: self.image.crop_imm(area.x, area.y, area.width, area.height), ..*self }
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self) -> (u32, u32) {
        self.image.dimensions()
    }

    /// Whether resizing this image to this size has no visible loss, compared with resizing the source. Two filters in
    /// a row blur more than one filter, unless the second filter at least halves the size.
    pub(crate) fn is_large_enough_for(&self, (width, height): (u32, u32)) -> bool {
        self.image.width() >= 2 * width && self.image.height() >= 2 * height
    }

    /// Converts the image back to pixels of its original color type.
    pub(crate) fn to_pixels(&self) -> Result<DynamicImage, Error> {
        if self.transfer == TransferFunction::Identity {
            return Ok(with_depth_of(&self.image, self.color));
        }
        let mut pixels = DynamicImage::new(self.image.width(), self.image.height(), self.color);
        SRGB.backward_map(&self.image, &mut pixels).map_err(|error| resize_error(&self.image, &error))?;
        Ok(pixels)
    }
}

/// Resizes with a Lanczos filter, for one pixel type.
fn convolve<P: PixelTrait>(source: &DynamicImage, target: &mut DynamicImage) -> Result<(), ResizeError> {
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    match (source.image_view::<P>(), target.image_view_mut::<P>()) {
        (Some(source), Some(mut target)) => Resizer::new().resize_typed(&source, &mut target, &options),
        _ => Err(ResizeError::PixelTypesAreDifferent),
    }
}

/// Converts an image to 16 bits per channel.
fn to_sixteen_bits(image: &DynamicImage) -> DynamicImage {
    match image.color() {
        ColorType::L8 => image.to_luma16().into(),
        ColorType::La8 => image.to_luma_alpha16().into(),
        ColorType::Rgb8 => image.to_rgb16().into(),
        ColorType::Rgba8 => image.to_rgba16().into(),
        _ => image.clone(),
    }
}

/// Converts an image to the depth of the type `color`. The channels stay the same.
fn with_depth_of(image: &DynamicImage, color: ColorType) -> DynamicImage {
    match color {
        ColorType::L8 => image.to_luma8().into(),
        ColorType::La8 => image.to_luma_alpha8().into(),
        ColorType::Rgb8 => image.to_rgb8().into(),
        ColorType::Rgba8 => image.to_rgba8().into(),
        _ => image.clone(),
    }
}

/// Returns the color type with the same channels and 16 bits per channel.
fn sixteen_bit_type(color: ColorType) -> ColorType {
    match color {
        ColorType::L8 => ColorType::L16,
        ColorType::La8 => ColorType::La16,
        ColorType::Rgb8 => ColorType::Rgb16,
        ColorType::Rgba8 => ColorType::Rgba16,
        color => color,
    }
}

fn resize_error(image: &DynamicImage, error: &impl ToString) -> Error {
    Error::Planes { width: image.width(), height: image.height(), message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgba, RgbaImage};

    use super::*;

    fn resized(pixels: &DynamicImage, cicp: Cicp, size: (u32, u32)) -> DynamicImage {
        FilterImage::from_pixels(pixels, cicp).unwrap().resize(size).unwrap().to_pixels().unwrap()
    }

    /// Returns the level of the pixel in the middle of the image, where the edges have no effect.
    fn middle(image: &DynamicImage) -> u16 {
        (image.to_luma16().get_pixel(image.width() / 2, image.height() / 2).0[0] + 128) / 257
    }

    #[test]
    fn black_and_white_pixels_are_averaged_to_half_the_light() {
        let board = GrayImage::from_fn(64, 64, |x, y| Luma([if (x + y) % 2 == 0 { 0 } else { 255 }]));
        let board = DynamicImage::from(board);
        for board in [board.clone(), board.to_rgb8().into(), board.to_rgb16().into(), board.to_rgba16().into()] {
            // In sRGB, level 188 of 255 emits half the light of white (IEC 61966-2-1).
            let level = middle(&resized(&board, Cicp::SRGB, (16, 16)));
            assert_eq!(level, 188, "{:?}", board.color());
            assert_eq!(middle(&resized(&board, Cicp::ICC, (16, 16))), 188);
        }
    }

    #[test]
    fn linear_pq_and_hlg_levels_are_averaged_unchanged() {
        let board = GrayImage::from_fn(64, 64, |x, y| Luma([if (x + y) % 2 == 0 { 0 } else { 255 }]));
        for transfer in [8, 16, 18] {
            let cicp = Cicp { transfer, ..Cicp::SRGB };
            let level = middle(&resized(&board.clone().into(), cicp, (16, 16)));
            assert!((127..=128).contains(&level), "{transfer}: {level}");
        }
    }

    #[test]
    fn transparent_pixels_do_not_change_the_color_of_their_neighbors() {
        // The image is white on the left and transparent black on the right.
        let image = RgbaImage::from_fn(64, 64, |x, _| if x < 31 { Rgba([255; 4]) } else { Rgba([0; 4]) });
        for image in [DynamicImage::from(image.clone()), DynamicImage::from(image).to_rgba16().into()] {
            let small = resized(&image, Cicp::SRGB, (16, 16)).to_rgba8();
            let visible: Vec<_> = small.pixels().filter(|pixel| pixel.0[3] > 8).collect();
            assert!(visible.iter().any(|pixel| pixel.0[3] < 247), "no pixel is between white and transparent");
            assert!(visible.iter().all(|pixel| pixel.0[..3].iter().all(|&level| level > 250)), "{visible:?}");
        }
    }

    #[test]
    fn resizing_in_two_steps_is_close_to_resizing_in_one_step() {
        // The image contains detail at every scale, hard edges, and noise.
        let level = |x: u32, y: u32| (x * y / 7) ^ (x.wrapping_mul(2_654_435_761) >> 28) ^ ((x / 37 + y / 29) % 2 * 96);
        let pixels = GrayImage::from_fn(512, 384, |x, y| Luma([u8::try_from(level(x, y) % 256).unwrap()]));
        let source = FilterImage::from_pixels(&pixels.into(), Cicp::SRGB).unwrap();
        let (half, eighth) = ((256, 192), (64, 48));
        let middle = source.resize(half).unwrap();
        assert!(middle.is_large_enough_for(eighth) && middle.is_large_enough_for((128, 96)));
        assert!(!middle.is_large_enough_for((129, 96)));
        for size in [eighth, (128, 96)] {
            let direct = source.resize(size).unwrap().to_pixels().unwrap().into_luma8();
            let twice = middle.resize(size).unwrap().to_pixels().unwrap().into_luma8();
            let difference = direct.iter().zip(twice.iter()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>();
            let mean = f64::from(difference) / f64::from(size.0 * size.1);
            assert!(mean < 1.0, "{size:?}: differs by {mean}");
        }
    }

    #[test]
    fn every_8_bit_level_is_unchanged_by_conversion_to_linear_light_and_back() {
        let levels = GrayImage::from_fn(256, 8, |x, _| Luma([u8::try_from(x).unwrap()]));
        let linear = FilterImage::from_pixels(&levels.clone().into(), Cicp::SRGB).unwrap();
        assert_eq!(linear.to_pixels().unwrap().to_luma8(), levels);
    }
}

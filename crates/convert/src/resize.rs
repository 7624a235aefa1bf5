//! Smaller sizes, averaged as light is.

use std::sync::LazyLock;

use fast_image_resize::pixels::{U16, U16x2, U16x3, U16x4};
use fast_image_resize::{
    FilterType, IntoImageView, IntoImageViewMut, PixelComponentMapper, PixelTrait, ResizeAlg, ResizeError,
    ResizeOptions, Resizer, create_srgb_mapper,
};
use image::{ColorType, DynamicImage};
use model::Cicp;

use crate::Error;

/// Pixels that can be averaged: proportional to light, with 16 bits a channel, for 8 would merge the darkest levels.
pub(crate) struct Light {
    image: DynamicImage,
    /// What the pixels were, and what they become again.
    color: ColorType,
    curve: Curve,
}

/// How levels follow light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    /// As in sRGB; near enough for what ICC profiles and the other code points say of pictures made to be looked at, whose
    /// curves all are about a power of 2.2.
    Srgb,
    /// Levels are averaged as they are: light itself, and PQ and HLG, whose steps are alike to the eye and whose brightest
    /// would drown all else.
    None,
}

static SRGB: LazyLock<PixelComponentMapper> = LazyLock::new(create_srgb_mapper);

impl Curve {
    /// By the transfer characteristics (ITU-T H.273, table 3), of which 8 is linear.
    fn of(cicp: Cicp) -> Self {
        if cicp.is_sdr() && cicp.transfer != 8 { Self::Srgb } else { Self::None }
    }
}

impl Light {
    /// The light that pixels stand for.
    pub(crate) fn of(pixels: &DynamicImage, cicp: Cicp) -> Result<Self, Error> {
        let (color, curve) = (pixels.color(), Curve::of(cicp));
        let image = match curve {
            Curve::Srgb => {
                let mut image = DynamicImage::new(pixels.width(), pixels.height(), deep(color));
                SRGB.forward_map(pixels, &mut image).map_err(|error| failed(pixels, &error))?;
                image
            }
            Curve::None => deepened(pixels),
        };
        Ok(Self { image, color, curve })
    }

    /// The same at a smaller size, by a Lanczos filter; colors are weighted by alpha where there is any.
    pub(crate) fn resized(&self, (width, height): (u32, u32)) -> Result<Self, Error> {
        let mut image = DynamicImage::new(width, height, self.image.color());
        // `Resizer::resize` is compiled for every type of pixel, which made half of this crate's machine code.
        match image {
            DynamicImage::ImageLuma16(_) => convolve::<U16>(&self.image, &mut image),
            DynamicImage::ImageLumaA16(_) => convolve::<U16x2>(&self.image, &mut image),
            DynamicImage::ImageRgb16(_) => convolve::<U16x3>(&self.image, &mut image),
            DynamicImage::ImageRgba16(_) => convolve::<U16x4>(&self.image, &mut image),
            _ => Err(ResizeError::PixelTypesAreDifferent),
        }
        .map_err(|error| failed(&image, &error))?;
        Ok(Self { image, ..*self })
    }

    /// Whether a picture of that size comes out of this one as well as it does of one that is larger still: two filters in
    /// a row blur what one would keep, but not where the second throws half of it away.
    pub(crate) fn suffices(&self, (width, height): (u32, u32)) -> bool {
        self.image.width() >= 2 * width && self.image.height() >= 2 * height
    }

    /// The pixels that stand for it.
    pub(crate) fn pixels(&self) -> Result<DynamicImage, Error> {
        if self.curve == Curve::None {
            return Ok(with_depth_of(&self.image, self.color));
        }
        let mut pixels = DynamicImage::new(self.image.width(), self.image.height(), self.color);
        SRGB.backward_map(&self.image, &mut pixels).map_err(|error| failed(&self.image, &error))?;
        Ok(pixels)
    }
}

/// Resizes by a Lanczos filter, for one type of pixel.
fn convolve<P: PixelTrait>(source: &DynamicImage, target: &mut DynamicImage) -> Result<(), ResizeError> {
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    match (source.image_view::<P>(), target.image_view_mut::<P>()) {
        (Some(source), Some(mut target)) => Resizer::new().resize_typed(&source, &mut target, &options),
        _ => Err(ResizeError::PixelTypesAreDifferent),
    }
}

/// The same channels at 16 bits.
fn deepened(image: &DynamicImage) -> DynamicImage {
    match image.color() {
        ColorType::L8 => image.to_luma16().into(),
        ColorType::La8 => image.to_luma_alpha16().into(),
        ColorType::Rgb8 => image.to_rgb16().into(),
        ColorType::Rgba8 => image.to_rgba16().into(),
        _ => image.clone(),
    }
}

/// The same channels at as many bits as that color type has.
fn with_depth_of(image: &DynamicImage, color: ColorType) -> DynamicImage {
    match color {
        ColorType::L8 => image.to_luma8().into(),
        ColorType::La8 => image.to_luma_alpha8().into(),
        ColorType::Rgb8 => image.to_rgb8().into(),
        ColorType::Rgba8 => image.to_rgba8().into(),
        _ => image.clone(),
    }
}

/// The color type of the same channels at 16 bits.
fn deep(color: ColorType) -> ColorType {
    match color {
        ColorType::L8 => ColorType::L16,
        ColorType::La8 => ColorType::La16,
        ColorType::Rgb8 => ColorType::Rgb16,
        ColorType::Rgba8 => ColorType::Rgba16,
        color => color,
    }
}

fn failed(image: &DynamicImage, error: &impl ToString) -> Error {
    Error::Planes { width: image.width(), height: image.height(), message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgba, RgbaImage};

    use super::*;

    fn resized(pixels: &DynamicImage, cicp: Cicp, size: (u32, u32)) -> DynamicImage {
        Light::of(pixels, cicp).unwrap().resized(size).unwrap().pixels().unwrap()
    }

    /// The level in the middle, away from the edges.
    fn middle(image: &DynamicImage) -> u16 {
        (image.to_luma16().get_pixel(image.width() / 2, image.height() / 2).0[0] + 128) / 257
    }

    #[test]
    fn black_and_white_in_equal_parts_are_half_the_light_at_any_depth() {
        let board = GrayImage::from_fn(64, 64, |x, y| Luma([if (x + y) % 2 == 0 { 0 } else { 255 }]));
        let board = DynamicImage::from(board);
        for board in [board.clone(), board.to_rgb8().into(), board.to_rgb16().into(), board.to_rgba16().into()] {
            // sRGB's level of half the light is 188 of 255 (IEC 61966-2-1).
            let level = middle(&resized(&board, Cicp::SRGB, (16, 16)));
            assert_eq!(level, 188, "{:?}", board.color());
            assert_eq!(middle(&resized(&board, Cicp::ICC, (16, 16))), 188);
        }
    }

    #[test]
    fn light_pq_and_hlg_are_averaged_as_they_are() {
        let board = GrayImage::from_fn(64, 64, |x, y| Luma([if (x + y) % 2 == 0 { 0 } else { 255 }]));
        for transfer in [8, 16, 18] {
            let cicp = Cicp { transfer, ..Cicp::SRGB };
            let level = middle(&resized(&board.clone().into(), cicp, (16, 16)));
            assert!((127..=128).contains(&level), "{transfer}: {level}");
        }
    }

    #[test]
    fn what_is_clear_lends_no_color_to_what_is_not() {
        // White to the left, and to the right black that nobody can see.
        let image = RgbaImage::from_fn(64, 64, |x, _| if x < 31 { Rgba([255; 4]) } else { Rgba([0; 4]) });
        for image in [DynamicImage::from(image.clone()), DynamicImage::from(image).to_rgba16().into()] {
            let small = resized(&image, Cicp::SRGB, (16, 16)).to_rgba8();
            let seen: Vec<_> = small.pixels().filter(|pixel| pixel.0[3] > 8).collect();
            assert!(seen.iter().any(|pixel| pixel.0[3] < 247), "an edge between the two");
            assert!(seen.iter().all(|pixel| pixel.0[..3].iter().all(|&level| level > 250)), "{seen:?}");
        }
    }

    #[test]
    fn a_size_made_of_one_that_suffices_is_the_size_made_of_the_source() {
        // Detail at every scale, hard edges, and noise.
        let level = |x: u32, y: u32| (x * y / 7) ^ (x.wrapping_mul(2_654_435_761) >> 28) ^ ((x / 37 + y / 29) % 2 * 96);
        let pixels = GrayImage::from_fn(512, 384, |x, y| Luma([u8::try_from(level(x, y) % 256).unwrap()]));
        let source = Light::of(&pixels.into(), Cicp::SRGB).unwrap();
        let (half, eighth) = ((256, 192), (64, 48));
        let middle = source.resized(half).unwrap();
        assert!(middle.suffices(eighth) && middle.suffices((128, 96)) && !middle.suffices((129, 96)));
        for size in [eighth, (128, 96)] {
            let direct = source.resized(size).unwrap().pixels().unwrap().into_luma8();
            let twice = middle.resized(size).unwrap().pixels().unwrap().into_luma8();
            let off = direct.iter().zip(twice.iter()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>();
            let mean = f64::from(off) / f64::from(size.0 * size.1);
            assert!(mean < 1.0, "{size:?}: off by {mean}");
        }
    }

    #[test]
    fn dark_levels_come_back_as_they_were() {
        let dark = GrayImage::from_fn(256, 8, |x, _| Luma([u8::try_from(x).unwrap()]));
        let light = Light::of(&dark.clone().into(), Cicp::SRGB).unwrap();
        assert_eq!(light.pixels().unwrap().to_luma8(), dark);
    }
}

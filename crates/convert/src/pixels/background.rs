//! Blends transparent images over a color.

use image::{DynamicImage, GrayImage, Luma, LumaA, Rgb, RgbImage, Rgba};
use model::Background;

/// Blends an image of 8 bits per channel over a color, as browsers do: linearly in the levels of the image. An image
/// without alpha stays unchanged.
pub(crate) fn blend_over(image: DynamicImage, Background { rgb }: Background) -> DynamicImage {
    let is_gray = rgb[0] == rgb[1] && rgb[1] == rgb[2];
    match image {
        DynamicImage::ImageLumaA8(image) if is_gray => GrayImage::from_fn(image.width(), image.height(), |x, y| {
            let LumaA([level, alpha]) = *image.get_pixel(x, y);
            Luma([blend(level, rgb[0], alpha)])
        })
        .into(),
        image if image.color().has_alpha() => {
            let image = image.into_rgba8();
            RgbImage::from_fn(image.width(), image.height(), |x, y| {
                let Rgba([red, green, blue, alpha]) = *image.get_pixel(x, y);
                Rgb([blend(red, rgb[0], alpha), blend(green, rgb[1], alpha), blend(blue, rgb[2], alpha)])
            })
            .into()
        }
        image => image,
    }
}

fn blend(level: u8, background: u8, alpha: u8) -> u8 {
    let [level, background, alpha] = [level, background, alpha].map(u32::from);
    u8::try_from((level * alpha + background * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use image::{GrayAlphaImage, RgbaImage};

    use super::*;

    #[test]
    fn transparent_pixels_have_the_background() {
        let background: Background = "0000ff".parse().unwrap();
        let image = RgbaImage::from_fn(3, 1, |x, _| Rgba([255, 0, 0, [0, 255, 51][x as usize]]));
        let blended = blend_over(image.into(), background).into_rgb8();
        assert_eq!(blended.pixels().map(|pixel| pixel.0).collect::<Vec<_>>(), [[0, 0, 255], [255, 0, 0], [51, 0, 204]]);
        let gray: DynamicImage = GrayAlphaImage::from_pixel(1, 1, LumaA([0, 0])).into();
        assert_eq!(
            blend_over(gray.clone(), Background::default()),
            DynamicImage::ImageLuma8(GrayImage::from_pixel(1, 1, Luma([255])))
        );
        assert_eq!(blend_over(gray, background).into_rgb8().get_pixel(0, 0).0, [0, 0, 255]);
    }
}

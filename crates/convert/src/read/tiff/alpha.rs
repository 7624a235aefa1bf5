//! Colors that are multiplied by their alpha (TIFF 6.0, section 18, `ExtraSamples` = 1).

use image::DynamicImage;

/// Divides the colors by their alpha. Fully transparent pixels become black.
pub(super) fn unpremultiply(mut image: DynamicImage) -> DynamicImage {
    match &mut image {
        DynamicImage::ImageRgba8(image) => image.as_chunks_mut().0.iter_mut().for_each(unpremultiply_pixel::<u8, 4>),
        DynamicImage::ImageRgba16(image) => image.as_chunks_mut().0.iter_mut().for_each(unpremultiply_pixel::<u16, 4>),
        DynamicImage::ImageLumaA8(image) => image.as_chunks_mut().0.iter_mut().for_each(unpremultiply_pixel::<u8, 2>),
        DynamicImage::ImageLumaA16(image) => image.as_chunks_mut().0.iter_mut().for_each(unpremultiply_pixel::<u16, 2>),
        _ => {}
    }
    image
}

fn unpremultiply_pixel<T, const CHANNELS: usize>(pixel: &mut [T; CHANNELS])
where
    T: Copy + image::Primitive + Into<u32> + TryFrom<u32>,
{
    let full: u32 = T::DEFAULT_MAX_VALUE.into();
    let Some((alpha, colors)) = pixel.split_last_mut() else { return };
    let alpha: u32 = (*alpha).into();
    for color in colors {
        let level = ((*color).into() * full + alpha / 2).checked_div(alpha).unwrap_or(0);
        *color = T::try_from(level.min(full)).unwrap_or(T::DEFAULT_MAX_VALUE);
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    #[test]
    fn unpremultiply_divides_colors_by_alpha() {
        let image =
            RgbaImage::from_fn(3, 1, |x, _| Rgba([[64, 128, 0, 128], [9, 9, 9, 0], [7, 8, 9, 255]][x as usize]));
        let image = unpremultiply(image.into()).into_rgba8();
        assert_eq!(image.into_raw(), [128, 255, 0, 128, 0, 0, 0, 0, 7, 8, 9, 255]);
    }
}

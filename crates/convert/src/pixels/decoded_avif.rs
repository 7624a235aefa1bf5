use avif::Pixels;
use image::{DynamicImage, ImageBuffer};
use model::{Chroma, PlanarImage, Shape};

/// Converts planes to pixels, as a viewer does. The error is the error message of libavif.
pub(crate) fn planes_to_image(planar: &PlanarImage) -> Result<DynamicImage, String> {
    let pixels = avif::pixels(planar).map_err(|error| error.to_string())?;
    let image = pixels_to_image(pixels, planar.shape(), planar.alpha().is_some());
    Ok(image.expect("libavif returned all rows of the image"))
}

/// Converts libavif's pixels to an image. Returns `None` if pixels are missing.
pub(crate) fn pixels_to_image(
    pixels: Pixels,
    Shape { width, height, chroma, .. }: Shape,
    has_alpha: bool,
) -> Option<DynamicImage> {
    let color = match (pixels, has_alpha) {
        (Pixels::Eight(pixels), false) => DynamicImage::ImageRgb8(ImageBuffer::from_raw(width, height, pixels)?),
        (Pixels::Eight(pixels), true) => DynamicImage::ImageRgba8(ImageBuffer::from_raw(width, height, pixels)?),
        (Pixels::Sixteen(pixels), false) => DynamicImage::ImageRgb16(ImageBuffer::from_raw(width, height, pixels)?),
        (Pixels::Sixteen(pixels), true) => DynamicImage::ImageRgba16(ImageBuffer::from_raw(width, height, pixels)?),
    };
    // libavif returns the pixels of a gray image as RGB, with equal red, green and blue. The luma of such a pixel is
    // the same number, so this conversion is lossless.
    Some(match (chroma, color) {
        (Chroma::Monochrome, DynamicImage::ImageRgb8(image)) => DynamicImage::from(image).into_luma8().into(),
        (Chroma::Monochrome, DynamicImage::ImageRgba8(image)) => DynamicImage::from(image).into_luma_alpha8().into(),
        (Chroma::Monochrome, DynamicImage::ImageRgb16(image)) => DynamicImage::from(image).into_luma16().into(),
        (Chroma::Monochrome, DynamicImage::ImageRgba16(image)) => DynamicImage::from(image).into_luma_alpha16().into(),
        (_, color) => color,
    })
}

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::DynamicImage;

use crate::Error;

/// The picture at a smaller size, by a Lanczos filter; colours are weighted by alpha where there is any.
pub(crate) fn resize(image: &DynamicImage, (width, height): (u32, u32)) -> Result<DynamicImage, Error> {
    let mut resized = DynamicImage::new(width, height, image.color());
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(image, &mut resized, &options).map_err(|error| Error::Planes {
        width,
        height,
        message: error.to_string(),
    })?;
    Ok(resized)
}

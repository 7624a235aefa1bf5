use image::{DynamicImage, ImageBuffer, Pixel};

/// Makes the rows after the visible ones transparent. The image gets an alpha channel if it has none.
pub(crate) fn with_transparent_rows(image: DynamicImage, visible: u32) -> DynamicImage {
    if visible >= image.height() {
        return image;
    }
    match image {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLumaA8(_) => {
            clear_rows(image.into_luma_alpha8(), visible).into()
        }
        DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => clear_rows(image.into_rgba8(), visible).into(),
        DynamicImage::ImageLuma16(_) | DynamicImage::ImageLumaA16(_) => {
            clear_rows(image.into_luma_alpha16(), visible).into()
        }
        _ => clear_rows(image.into_rgba16(), visible).into(),
    }
}

fn clear_rows<P>(mut image: ImageBuffer<P, Vec<P::Subpixel>>, visible: u32) -> ImageBuffer<P, Vec<P::Subpixel>>
where
    P: Pixel<Subpixel: Default>,
{
    let samples = image.width() as usize * visible as usize * usize::from(P::CHANNEL_COUNT);
    image.get_mut(samples..).unwrap_or_default().fill(P::Subpixel::default());
    image
}

//! Converts gray levels to sRGB. If 4:0:0 planes have a gray profile, nearly every reader displays the image with
//! different levels.

use image::DynamicImage;
use moxcms::Transform16BitExecutor;

/// The sRGB level for each of the 65,536 gray levels of another color space.
pub(super) struct GrayLevels(Vec<u16>);

impl GrayLevels {
    /// Computes the levels. The transform is from pixels with this number of channels (1 or 3) to sRGB. Returns `None` if
    /// the transform is for another number of channels.
    pub(super) fn new(transform: &Transform16BitExecutor, channels: usize) -> Option<Self> {
        let ramp: Vec<u16> = (0..=u16::MAX).flat_map(|level| std::iter::repeat_n(level, channels)).collect();
        let mut srgb_pixels = vec![0; 3 << 16];
        transform.transform(&ramp, &mut srgb_pixels).ok()?;
        // The red, green and blue levels of a gray color are equal, so the green level is used for all three.
        Some(Self(srgb_pixels.as_chunks::<3>().0.iter().map(|&[_, green, _]| green).collect()))
    }

    /// Replaces each gray level. An image with color stays unchanged, because only images without color get such levels.
    pub(super) fn apply(&self, mut image: DynamicImage) -> DynamicImage {
        let Self(levels) = self;
        // One step of 8-bit levels corresponds to 257 steps of 16-bit levels.
        let eight = |level: &mut u8| {
            let mapped = u32::from(levels[usize::from(*level) * 257]);
            *level = u8::try_from((mapped + 128) / 257).unwrap_or(u8::MAX);
        };
        let sixteen = |level: &mut u16| *level = levels[usize::from(*level)];
        match &mut image {
            DynamicImage::ImageLuma8(image) => image.iter_mut().for_each(eight),
            DynamicImage::ImageLuma16(image) => image.iter_mut().for_each(sixteen),
            DynamicImage::ImageLumaA8(image) => image.iter_mut().step_by(2).for_each(eight),
            DynamicImage::ImageLumaA16(image) => image.iter_mut().step_by(2).for_each(sixteen),
            _ => {}
        }
        image
    }
}

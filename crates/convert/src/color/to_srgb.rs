//! Converts RGB pixels to sRGB.

use std::sync::Arc;

use image::DynamicImage;
use model::Cicp;
use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, Layout, MatrixCoefficients, TransferCharacteristics,
    Transform16BitExecutor,
};

use super::icc::transform_options;

/// The number of pixels that are converted together. The copies of so many pixels fit into the cache of a core.
const BLOCK_PIXELS: usize = 4096;

/// A conversion from RGB pixels of another color space to sRGB. Colors outside sRGB are clipped.
pub(super) struct SrgbTransform(pub(super) Arc<Transform16BitExecutor>);

impl SrgbTransform {
    /// Creates the transform for RGB pixels with these code points. An unspecified code point (2) is taken as the code
    /// point of sRGB, as browsers do. Returns `None` if no curve or no primaries are defined for a code point
    /// (ITU-T H.273, 8.1 and 8.2).
    pub(super) fn from_code_points(cicp: Cicp) -> Option<Self> {
        let specified = |code: u16, srgb: u16| u8::try_from(if code == UNSPECIFIED { srgb } else { code }).ok();
        let source = ColorProfile::new_from_cicp(CicpProfile {
            color_primaries: CicpColorPrimaries::try_from(specified(cicp.primaries, Cicp::SRGB.primaries)?).ok()?,
            transfer_characteristics: TransferCharacteristics::try_from(specified(cicp.transfer, Cicp::SRGB.transfer)?)
                .ok()?,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        });
        // If the code points are not supported, the profile has no curves.
        let options = transform_options(&source);
        let target = ColorProfile::new_srgb();
        source.create_transform_16bit(Layout::Rgb, &target, Layout::Rgb, options).ok().map(Self)
    }

    /// Converts the pixels. The number of bits and the alpha channel stay the same. A gray image stays unchanged.
    pub(super) fn apply(&self, mut image: DynamicImage) -> DynamicImage {
        match &mut image {
            DynamicImage::ImageRgb8(image) => self.convert_bytes::<3>(image),
            DynamicImage::ImageRgba8(image) => self.convert_bytes::<4>(image),
            DynamicImage::ImageRgb16(image) => self.convert::<u16, 3>(image, |level| level, |level| level),
            DynamicImage::ImageRgba16(image) => self.convert::<u16, 4>(image, |level| level, |level| level),
            _ => {}
        }
        image
    }

    fn convert_bytes<const CHANNELS: usize>(&self, samples: &mut [u8]) {
        // One step of 8-bit levels corresponds to 257 steps of 16-bit levels.
        let narrow = |level: u16| u8::try_from((u32::from(level) + 128) / 257).unwrap_or(u8::MAX);
        self.convert::<u8, CHANNELS>(samples, |level| u16::from(level) * 257, narrow);
    }

    /// Converts the first three channels of each pixel.
    fn convert<Sample: Copy, const CHANNELS: usize>(
        &self,
        samples: &mut [Sample],
        widen: impl Fn(Sample) -> u16,
        narrow: impl Fn(u16) -> Sample,
    ) {
        let (mut source, mut target) = (vec![], vec![0; 3 * BLOCK_PIXELS]);
        for block in samples.as_chunks_mut::<CHANNELS>().0.chunks_mut(BLOCK_PIXELS) {
            source.clear();
            source.extend(block.iter().flat_map(|pixel| [0, 1, 2].map(|channel| widen(pixel[channel]))));
            let target = &mut target[..source.len()];
            self.0.transform(&source, target).expect("the source and the target have the same number of pixels");
            for (pixel, converted) in block.iter_mut().zip(target.as_chunks::<3>().0) {
                for (sample, level) in pixel.iter_mut().zip(converted) {
                    *sample = narrow(*level);
                }
            }
        }
    }
}

/// The code point for unspecified primaries, and for an unspecified transfer.
pub(super) const UNSPECIFIED: u16 = 2;

//! Converts RGB pixels to sRGB.

use std::sync::Arc;

use image::DynamicImage;
use model::Cicp;
use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, Layout, MatrixCoefficients, ToneReprCurve, TransferCharacteristics,
    Transform16BitExecutor,
};

use super::icc::transform_options;

/// The number of pixels that are converted together. The copies of so many pixels fit into the cache of a core.
const BLOCK_PIXELS: usize = 4096;

/// The code point for unspecified primaries, and for an unspecified transfer.
pub(super) const UNSPECIFIED: u16 = 2;
/// The primaries that Chromium 156 supports, except for those of XYZ, which are not RGB.
const PRIMARIES: [u8; 9] = [1, 4, 5, 6, 7, 8, 9, 11, 12];
/// The transfer characteristics that Chromium 156 supports, except for PQ and HLG.
const TRANSFERS: [u8; 11] = [1, 4, 5, 6, 7, 8, 11, 13, 14, 15, 17];
/// For these transfer characteristics, H.273 defines the curve of the camera. Displays do not show the inverse of this
/// curve: they use an exponent (ITU-R BT.1886). Chromium 156 also uses this exponent.
const CAMERA_TRANSFERS: [u8; 5] = [1, 6, 11, 14, 15];
const DISPLAY_EXPONENT: f32 = 2.4;

/// Returns the profile for RGB pixels with these code points (ITU-T H.273, 8.1 and 8.2). An unspecified code point is taken
/// as the code point of sRGB, as browsers do. Returns `None` if browsers do not support a code point.
pub(super) fn profile_of_code_points(cicp: Cicp) -> Option<ColorProfile> {
    let specified = |code: u16, srgb: u16| u8::try_from(if code == UNSPECIFIED { srgb } else { code }).ok();
    let primaries = specified(cicp.primaries, Cicp::SRGB.primaries).filter(|code| PRIMARIES.contains(code))?;
    let transfer = specified(cicp.transfer, Cicp::SRGB.transfer).filter(|code| TRANSFERS.contains(code))?;
    let mut profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    if CAMERA_TRANSFERS.contains(&transfer) {
        let curve = Some(ToneReprCurve::Parametric(vec![DISPLAY_EXPONENT]));
        (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
        // moxcms prefers the curve of the code points.
        profile.cicp = None;
    }
    Some(profile)
}

/// A conversion from RGB pixels of another color space to sRGB. Colors outside sRGB are clipped.
pub(super) struct SrgbTransform(pub(super) Arc<Transform16BitExecutor>);

impl SrgbTransform {
    /// Creates the transform for RGB pixels with these code points. Returns `None` if browsers do not support a code point.
    pub(super) fn from_code_points(cicp: Cicp) -> Option<Self> {
        let source = profile_of_code_points(cicp)?;
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

//! Decides when chroma at full resolution (4:4:4) may make a file smaller.

use image::DynamicImage;

use super::curve_fit::CurveFit;
use crate::pixels::chroma_detail::chroma_detail;

/// If the chroma detail is below this, a low score in 4:2:0 has another cause. Gray and sepia photographs have 0, and a
/// red caption of 300 letters in a photograph of 12 megapixels has 4.
const MIN_CHROMA_DETAIL: f64 = 0.5;
/// 4:4:4 is also tried if the quantizer that 4:2:0 needs is finer than this fraction of the typical quantizer.
const FINE_QUANTIZER_RATIO: f32 = 0.75;
/// 4:4:4 is used only if its file is smaller than this fraction of the file in 4:2:0, because encoding 4:4:4 takes more
/// CPU time.
const MAX_FULL_CHROMA_SIZE_RATIO: f32 = 0.97;

impl CurveFit {
    /// Whether this quantizer, which 4:2:0 needs, is much finer than the typical quantizer.
    pub(super) fn is_fine(&self, typical: f32) -> bool {
        self.quantizer.value() < FINE_QUANTIZER_RATIO * typical
    }

    /// Whether this number of bytes of a 4:4:4 file is smaller than the expected 4:2:0 file.
    pub(super) fn is_larger_than_full_chroma(&self, bytes: f32) -> bool {
        bytes < self.bytes * MAX_FULL_CHROMA_SIZE_RATIO
    }
}

/// Whether the chroma of these pixels has enough detail for 4:4:4.
pub(super) fn has_detail(pixels: &DynamicImage) -> bool {
    chroma_detail(pixels) >= MIN_CHROMA_DETAIL
}

//! Decides when 10-bit planes make the files of 8-bit images smaller, and converts 8-bit planes to 10 bits.

use avif::Codec;
use model::{Chroma, Depth, PlanarImage, Samples, Shape, ShapeError};

use crate::pixels::content::Content;

/// Whether to convert the pixels of every 4:2:0 photograph to 10-bit planes, even if they have 8 bits. At the same
/// score, SVT-AV1 files of these planes are 2.6 % smaller than SVT-AV1 files of 8-bit planes that were widened to 10
/// bits.
pub(crate) fn is_preferred_for_photographs() -> bool {
    avif::can_encode_with(Codec::Svt)
}

/// Whether this image may be smaller at 10 bits, so that a search tries both. With libaom 3.11, smooth and dark
/// photographs are up to 13 % smaller at 10 bits, and other photographs are up to 13 % larger. Of 26 photographs, six
/// were more than 4 % smaller, and seven were more than 4 % larger.
pub(crate) fn may_be_smaller(image: &PlanarImage, content: Content) -> bool {
    let Shape { depth, chroma, .. } = image.shape();
    avif::IS_BUNDLED
        && content == Content::Photograph
        && (depth, chroma) == (Depth::Eight, Chroma::Yuv420)
        && image.alpha().is_none()
}

/// Widens 8-bit planes to 10 bits. White stays white and neutral chroma stays neutral, so luma is scaled by 1023/255
/// and chroma by 4.
///
/// # Errors
/// No known input causes an error, because the planes keep their sizes.
pub(crate) fn widen(image: &PlanarImage) -> Result<PlanarImage, ShapeError> {
    let shape = Shape { depth: Depth::Ten, ..image.shape() };
    let planes = image.planes().iter().enumerate();
    let planes =
        planes.map(|(plane, samples)| widen_samples(samples, if plane == 0 { luma } else { chroma })).collect();
    let alpha = image.alpha().map(|alpha| widen_samples(alpha, luma));
    PlanarImage::new(shape, planes, alpha, image.color().clone())
}

fn widen_samples(samples: &Samples, level: fn(u8) -> u16) -> Samples {
    let table: Vec<u16> = (0..=u8::MAX).map(level).collect();
    match samples {
        Samples::U8(samples) => Samples::U16(samples.iter().map(|&sample| table[usize::from(sample)]).collect()),
        Samples::U16(samples) => Samples::U16(samples.clone()),
    }
}

/// Maps 0..=255 to 0..=1023.
fn luma(sample: u8) -> u16 {
    (u16::from(sample) << 2) | (u16::from(sample) >> 6)
}

/// Maps neutral chroma, 128 at 8 bits, to 512 at 10 bits. One 8-bit step becomes four 10-bit steps.
fn chroma(sample: u8) -> u16 {
    u16::from(sample) << 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_white_and_neutral_chroma_are_exact_at_10_bits() {
        assert_eq!((luma(0), luma(255), chroma(128)), (0, 1023, 512));
    }
}

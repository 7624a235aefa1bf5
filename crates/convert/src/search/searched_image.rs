use image::DynamicImage;
use model::{Chroma, PlanarImage, Samples};

use super::compared_image::ComparedImage;
use super::comparison::SearchError;
use crate::pixels::planes;

/// An image whose quantizer is searched.
#[derive(Clone, Copy)]
pub(crate) struct SearchedImage<'a> {
    pub(crate) planar: &'a PlanarImage,
    /// The pixels that the planes were made from. Encodes are compared with these pixels. `None` if the planes were
    /// stored in a JPEG. Then encodes are compared with the planes.
    pub(crate) pixels: Option<&'a DynamicImage>,
    pub(crate) full_chroma: FullChroma,
}

/// Whether a search may encode 4:4:4 planes of an image that has 4:2:0 planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FullChroma {
    Never,
    /// If the 4:2:0 planes do not reach the target.
    IfMissed,
    /// If the 4:2:0 planes do not reach the target, or if the file of the 4:4:4 planes is smaller.
    IfSmaller,
}

/// If the mean square of the change that 4:2:0 makes to the chroma is smaller than this number of squared 8-bit levels,
/// a low score has another cause. Gray and sepia photographs have no change. A red line of one pixel in a photograph of
/// 1.8 megapixels has a mean square above 1.
const MIN_CHROMA_LOSS: f64 = 0.01;

impl<'a> SearchedImage<'a> {
    pub(super) fn reference(&self) -> ComparedImage<'a> {
        self.pixels.map_or(ComparedImage::Planar(self.planar), ComparedImage::Interleaved)
    }

    /// Returns 4:4:4 planes of the image, if a search may encode them and if the image has fine chroma detail.
    pub(super) fn full_chroma_planes(&self) -> Result<Option<PlanarImage>, SearchError> {
        let (Some(pixels), Chroma::Yuv420) = (self.pixels, self.planar.shape().chroma) else { return Ok(None) };
        if self.full_chroma == FullChroma::Never {
            return Ok(None);
        }
        let planar =
            planes::to_full_chroma(self.planar, pixels).map_err(|error| SearchError::Compare(error.to_string()))?;
        Ok((chroma_loss(&planar) >= MIN_CHROMA_LOSS).then_some(planar))
    }
}

/// Returns the mean square of the change that 4:2:0 makes to the chroma of 4:4:4 planes, in squared 8-bit levels.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn chroma_loss(planar: &PlanarImage) -> f64 {
    let width = planar.shape().width as usize;
    let (mut sum, mut count) = (0_u64, 0_u64);
    for plane in &planar.planes()[1..] {
        let (squares, samples) = match plane {
            Samples::U8(plane) => (loss_of_plane(plane, width), plane.len()),
            // These samples have 10 bits, so a step of an 8-bit sample is four steps.
            Samples::U16(plane) => (loss_of_plane(plane, width) / 16, plane.len()),
        };
        sum += squares;
        count += samples as u64;
    }
    sum as f64 / count.max(1) as f64
}

/// Returns the sum of the squared differences between the samples and the means of their 2x2 blocks.
fn loss_of_plane<T: Copy + Into<u64>>(plane: &[T], width: usize) -> u64 {
    plane
        .chunks_exact(2 * width)
        .flat_map(|rows| {
            let (upper, lower) = rows.split_at(width);
            upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0)
        })
        .map(|(upper, lower)| {
            let block: [u64; 4] = [upper[0], upper[1], lower[0], lower[1]].map(Into::into);
            let (sum, squares) =
                block.iter().fold((0, 0), |(sum, squares), level| (sum + level, squares + level * level));
            squares - sum * sum / 4
        })
        .sum()
}

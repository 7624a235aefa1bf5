use image::DynamicImage;
use model::{Chroma, PlanarImage};

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

impl<'a> SearchedImage<'a> {
    pub(super) fn reference(&self) -> ComparedImage<'a> {
        self.pixels.map_or(ComparedImage::Planar(self.planar), ComparedImage::Interleaved)
    }

    /// Returns 4:4:4 planes of the image, if it has 4:2:0 planes and a search may encode 4:4:4 planes.
    pub(super) fn full_chroma_planes(&self) -> Result<Option<PlanarImage>, SearchError> {
        let (Some(pixels), Chroma::Yuv420) = (self.pixels, self.planar.shape().chroma) else { return Ok(None) };
        if self.full_chroma == FullChroma::Never {
            return Ok(None);
        }
        planes::to_full_chroma(self.planar, pixels).map(Some).map_err(|error| SearchError::Compare(error.to_string()))
    }
}

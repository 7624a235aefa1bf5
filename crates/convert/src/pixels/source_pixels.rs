use std::borrow::Cow;

use image::DynamicImage;
use image::metadata::Orientation;

use crate::Error;
use crate::pixels::content::{self, Content};
use crate::pixels::ycbcr::YCbCr;

/// The decoded samples of a source.
pub(crate) enum SourcePixels {
    /// Interleaved gray or RGB, with or without alpha.
    Interleaved(DynamicImage),
    /// The luma and chroma planes that a JPEG stores.
    Planar(YCbCr),
}

impl SourcePixels {
    /// Rotates and mirrors the image according to its orientation. JPEG planes are decoded only if they support this
    /// orientation ([`YCbCr::allows_orientation`]).
    pub(crate) fn apply_orientation(self, orientation: Orientation) -> Self {
        match self {
            Self::Interleaved(mut image) => {
                image.apply_orientation(orientation);
                Self::Interleaved(image)
            }
            Self::Planar(planes) => Self::Planar(planes.apply_orientation(orientation)),
        }
    }

    /// Classifies the content of the image. The luma of planes is sufficient for this.
    pub(crate) fn content(&self) -> Content {
        match self {
            Self::Interleaved(image) => content::classify(image),
            Self::Planar(planes) => content::classify(planes.luma()),
        }
    }

    pub(crate) fn has_color(&self) -> bool {
        match self {
            Self::Interleaved(image) => image.color().has_color(),
            Self::Planar(_) => true,
        }
    }

    pub(crate) fn to_interleaved(&self) -> Result<Cow<'_, DynamicImage>, Error> {
        match self {
            Self::Interleaved(image) => Ok(Cow::Borrowed(image)),
            Self::Planar(planes) => Ok(Cow::Owned(planes.to_rgb()?.into())),
        }
    }
}

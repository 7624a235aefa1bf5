use std::borrow::Cow;

use avif::Content;
use image::DynamicImage;
use image::metadata::Orientation;

use crate::ycbcr::YCbCr;
use crate::{Error, content};

/// A picture's samples as they were decoded.
pub(crate) enum Raster {
    /// Gray or RGB, perhaps with alpha.
    Pixels(DynamicImage),
    /// A JPEG's own luma and chroma.
    Planes(YCbCr),
}

impl Raster {
    /// The same the right way up. Planes are only decoded where they bear that.
    pub(crate) fn upright(self, orientation: Orientation) -> Self {
        match self {
            Self::Pixels(mut image) => {
                image.apply_orientation(orientation);
                Self::Pixels(image)
            }
            Self::Planes(planes) => Self::Planes(planes.turned(orientation)),
        }
    }

    /// What it shows; luma tells as much of that as colors do.
    pub(crate) fn content(&self) -> Content {
        match self {
            Self::Pixels(image) => content::of(image),
            Self::Planes(planes) => content::of(planes.luma()),
        }
    }

    pub(crate) fn pixels(&self) -> Result<Cow<'_, DynamicImage>, Error> {
        match self {
            Self::Pixels(image) => Ok(Cow::Borrowed(image)),
            Self::Planes(planes) => Ok(Cow::Owned(planes.to_rgb()?.into())),
        }
    }
}

use thiserror::Error;

use crate::Color;

/// An image as the codec uses it: planes of samples, bit depth, chroma subsampling, color description, optional alpha.
///
/// Invariant: the image has one plane (4:0:0) or three planes. Each plane has exactly the number of samples that width,
/// height and chroma require, in the storage type that the depth requires. Alpha has full resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanarImage {
    shape: Shape,
    planes: Vec<Samples>,
    alpha: Option<Samples>,
    color: Color,
}

/// An image's dimensions and sample format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// Bits per sample.
    pub depth: Depth,
    /// Chroma subsampling.
    pub chroma: Chroma,
}

/// Bits per sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 8 bits, stored as `u8`.
    Eight,
    /// 10 bits, stored as `u16`.
    Ten,
    /// 12 bits, stored as `u16`. Images with 12 bits are decoded, but never encoded.
    Twelve,
}

/// Chroma subsampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chroma {
    /// 4:0:0, no chroma planes.
    Monochrome,
    /// 4:2:0, chroma at half width and half height, rounded up.
    Yuv420,
    /// 4:2:2, chroma at half width, rounded up. Images with 4:2:2 are decoded, but never encoded.
    Yuv422,
    /// 4:4:4, chroma at full resolution.
    Yuv444,
}

/// The samples of one plane, row by row without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Samples {
    /// 8-bit samples.
    U8(Vec<u8>),
    /// 10- or 12-bit samples.
    U16(Vec<u16>),
}

/// Planes that do not match the shape of the image.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ShapeError {
    /// Width or height is zero.
    #[error("an image of {width}x{height} has no pixels")]
    Empty {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The number of planes does not match the chroma subsampling.
    #[error("{chroma:?} requires {expected} planes, not {actual}")]
    PlaneCount {
        /// The chroma subsampling.
        chroma: Chroma,
        /// Required number of planes.
        expected: usize,
        /// Actual number of planes.
        actual: usize,
    },
    /// The length or storage type of a plane does not match its dimensions and depth.
    #[error(
        "plane {plane} has {actual} samples, or the wrong storage type; {expected} samples of depth {depth:?} are required"
    )]
    PlaneSamples {
        /// The plane's index; 3 is alpha.
        plane: usize,
        /// Required number of samples.
        expected: usize,
        /// Actual number of samples.
        actual: usize,
        /// The depth, which determines the storage type.
        depth: Depth,
    },
}

impl PlanarImage {
    /// Creates an image from its planes.
    ///
    /// # Errors
    /// [`ShapeError`] if the planes do not match `shape`.
    pub fn new(shape: Shape, planes: Vec<Samples>, alpha: Option<Samples>, color: Color) -> Result<Self, ShapeError> {
        let Shape { width, height, depth, chroma } = shape;
        if width == 0 || height == 0 {
            return Err(ShapeError::Empty { width, height });
        }
        if planes.len() != chroma.planes() {
            return Err(ShapeError::PlaneCount { chroma, expected: chroma.planes(), actual: planes.len() });
        }
        for (plane, samples) in planes.iter().enumerate() {
            let (width, height) = shape.plane_size(plane);
            samples.check(plane, width, height, depth)?;
        }
        if let Some(alpha) = &alpha {
            alpha.check(3, width, height, depth)?;
        }
        Ok(Self { shape, planes, alpha, color })
    }

    /// Returns the dimensions and the sample format.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns the planes: Y, U and V, or G, B and R with the identity matrix, or only Y if the image is monochrome.
    #[must_use]
    pub fn planes(&self) -> &[Samples] {
        &self.planes
    }

    /// Returns the alpha plane. A sample is 0 for transparent, and the maximum value of the bit depth for opaque. The
    /// colors are not premultiplied.
    #[must_use]
    pub fn alpha(&self) -> Option<&Samples> {
        self.alpha.as_ref()
    }

    /// Returns the color description.
    #[must_use]
    pub fn color(&self) -> &Color {
        &self.color
    }
}

impl Shape {
    /// Returns the width and height in samples of plane 0 (luma), or 1 or 2 (chroma).
    #[must_use]
    pub fn plane_size(self, plane: usize) -> (u32, u32) {
        match (plane, self.chroma) {
            (0, _) | (_, Chroma::Monochrome | Chroma::Yuv444) => (self.width, self.height),
            (_, Chroma::Yuv420) => (self.width.div_ceil(2), self.height.div_ceil(2)),
            (_, Chroma::Yuv422) => (self.width.div_ceil(2), self.height),
        }
    }
}

impl Depth {
    /// Returns the number of bits: 8, 10 or 12.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::Eight => 8,
            Self::Ten => 10,
            Self::Twelve => 12,
        }
    }
}

impl Chroma {
    /// Returns the number of planes: 1 or 3.
    #[must_use]
    pub fn planes(self) -> usize {
        match self {
            Self::Monochrome => 1,
            Self::Yuv420 | Self::Yuv422 | Self::Yuv444 => 3,
        }
    }
}

impl Samples {
    /// Returns the number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::U16(samples) => samples.len(),
        }
    }

    /// Whether the plane has no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn check(&self, plane: usize, width: u32, height: u32, depth: Depth) -> Result<(), ShapeError> {
        let expected = width as usize * height as usize;
        let has_right_storage =
            matches!((self, depth), (Self::U8(_), Depth::Eight) | (Self::U16(_), Depth::Ten | Depth::Twelve));
        if has_right_storage && self.len() == expected {
            return Ok(());
        }
        Err(ShapeError::PlaneSamples { plane, expected, actual: self.len(), depth })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cicp;

    fn image(shape: Shape, planes: Vec<Samples>, alpha: Option<Samples>) -> Result<PlanarImage, ShapeError> {
        PlanarImage::new(shape, planes, alpha, Color { cicp: Cicp::SRGB, icc: None })
    }

    #[test]
    fn odd_dimensions_round_chroma_up() {
        let shape = Shape { width: 5, height: 3, depth: Depth::Eight, chroma: Chroma::Yuv420 };
        let planes = [15, 6, 6].map(|samples| Samples::U8(vec![0; samples]));
        assert!(image(shape, planes.to_vec(), None).is_ok());
    }

    #[test]
    fn plane_with_wrong_length_or_storage_is_rejected() {
        let shape = Shape { width: 4, height: 4, depth: Depth::Ten, chroma: Chroma::Monochrome };
        let eight = Samples::U8(vec![0; 16]);
        let ten = Samples::U16(vec![0; 16]);
        let short = Samples::U16(vec![0; 15]);
        assert!(image(shape, vec![ten.clone()], Some(ten.clone())).is_ok());
        assert!(matches!(image(shape, vec![eight], None), Err(ShapeError::PlaneSamples { plane: 0, .. })));
        assert!(matches!(image(shape, vec![ten.clone()], Some(short)), Err(ShapeError::PlaneSamples { plane: 3, .. })));
        assert!(matches!(image(shape, vec![ten.clone(), ten], None), Err(ShapeError::PlaneCount { .. })));
        assert!(matches!(image(Shape { width: 0, ..shape }, vec![], None), Err(ShapeError::Empty { .. })));
    }
}

use thiserror::Error;

use crate::Color;

/// An image as the codec sees it: planes of samples, their depth and chroma, what they mean, perhaps alpha.
///
/// Invariant: one plane (4:0:0) or three, each with exactly the samples that width, height and chroma call for, in the
/// storage that the depth calls for; alpha, where there is one, has full resolution.
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
    /// Pixels across, at least 1.
    pub width: u32,
    /// Pixels down, at least 1.
    pub height: u32,
    /// Bits a sample.
    pub depth: Depth,
    /// Chroma subsampling.
    pub chroma: Chroma,
}

/// Bits a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 8 bits, stored as `u8`.
    Eight,
    /// 10 bits, stored as `u16`.
    Ten,
    /// 12 bits, stored as `u16`. Read, never written.
    Twelve,
}

/// Chroma subsampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chroma {
    /// 4:0:0, no chroma planes.
    Monochrome,
    /// 4:2:0, chroma at half width and half height, rounded up.
    Yuv420,
    /// 4:2:2, chroma at half width, rounded up. Read, never written.
    Yuv422,
    /// 4:4:4, chroma at full resolution.
    Yuv444,
}

/// One plane, row by row without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Samples {
    /// 8-bit samples.
    U8(Vec<u8>),
    /// 10- or 12-bit samples.
    U16(Vec<u16>),
}

/// Planes that do not make up an image.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ShapeError {
    /// Width or height is zero.
    #[error("an image of {width}x{height} has no pixels")]
    Empty {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The number of planes is not what the chroma calls for.
    #[error("{chroma:?} takes {expected} planes, not {got}")]
    Count {
        /// The chroma in question.
        chroma: Chroma,
        /// Planes it takes.
        expected: usize,
        /// Planes there were.
        got: usize,
    },
    /// A plane has another length or storage than its dimensions and depth call for.
    #[error(
        "plane {plane} has {got} samples in the wrong number or storage; {expected} at {depth:?} bits are called for"
    )]
    Plane {
        /// Its index; 3 is alpha.
        plane: usize,
        /// Samples called for.
        expected: usize,
        /// Samples there were.
        got: usize,
        /// The depth that decides the storage.
        depth: Depth,
    },
}

impl PlanarImage {
    /// Puts planes together.
    ///
    /// # Errors
    /// [`ShapeError`] where the planes are not what `shape` calls for.
    pub fn new(shape: Shape, planes: Vec<Samples>, alpha: Option<Samples>, color: Color) -> Result<Self, ShapeError> {
        let Shape { width, height, depth, chroma } = shape;
        if width == 0 || height == 0 {
            return Err(ShapeError::Empty { width, height });
        }
        if planes.len() != chroma.planes() {
            return Err(ShapeError::Count { chroma, expected: chroma.planes(), got: planes.len() });
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

    /// Dimensions and sample format.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Y, U and V (or G, B and R under the identity matrix); Y alone where there is no chroma.
    #[must_use]
    pub fn planes(&self) -> &[Samples] {
        &self.planes
    }

    /// Opacity, 0 to the depth's maximum, not premultiplied.
    #[must_use]
    pub fn alpha(&self) -> Option<&Samples> {
        self.alpha.as_ref()
    }

    /// What the samples mean.
    #[must_use]
    pub fn color(&self) -> &Color {
        &self.color
    }
}

impl Shape {
    /// Width and height in samples of plane 0 (luma), 1 and 2 (chroma).
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
    /// 8, 10 or 12.
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
    /// How many planes there are: 1 or 3.
    #[must_use]
    pub fn planes(self) -> usize {
        match self {
            Self::Monochrome => 1,
            Self::Yuv420 | Self::Yuv422 | Self::Yuv444 => 3,
        }
    }
}

impl Samples {
    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::U16(samples) => samples.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn check(&self, plane: usize, width: u32, height: u32, depth: Depth) -> Result<(), ShapeError> {
        let expected = width as usize * height as usize;
        let stored_right =
            matches!((self, depth), (Self::U8(_), Depth::Eight) | (Self::U16(_), Depth::Ten | Depth::Twelve));
        if stored_right && self.len() == expected {
            return Ok(());
        }
        Err(ShapeError::Plane { plane, expected, got: self.len(), depth })
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
    fn planes_that_do_not_agree_are_refused() {
        let shape = Shape { width: 4, height: 4, depth: Depth::Ten, chroma: Chroma::Monochrome };
        let eight = Samples::U8(vec![0; 16]);
        let ten = Samples::U16(vec![0; 16]);
        let short = Samples::U16(vec![0; 15]);
        assert!(image(shape, vec![ten.clone()], Some(ten.clone())).is_ok());
        assert!(matches!(image(shape, vec![eight], None), Err(ShapeError::Plane { plane: 0, .. })));
        assert!(matches!(image(shape, vec![ten.clone()], Some(short)), Err(ShapeError::Plane { plane: 3, .. })));
        assert!(matches!(image(shape, vec![ten.clone(), ten], None), Err(ShapeError::Count { .. })));
        assert!(matches!(image(Shape { width: 0, ..shape }, vec![], None), Err(ShapeError::Empty { .. })));
    }
}

/// The header of a JPEG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The width in pixels, 1 to 65,500.
    pub width: u32,
    /// The height in pixels, 1 to 65,500.
    pub height: u32,
    /// The color space of the components. As in browsers, a JFIF marker means luma and chroma. Otherwise, Adobe's
    /// marker decides (Adobe Technical Note 5116, section 18), and without it the IDs of the components: `RGB` is
    /// [`ColorSpace::Rgb`]. Four components are CMYK, or YCCK if Adobe's marker says so.
    pub color_space: ColorSpace,
    /// The resolution of the components.
    pub sampling: Sampling,
    /// Whether the file is progressive (ITU-T T.81, annex G).
    pub is_progressive: bool,
    /// Whether the file is lossless (ITU-T T.81, annex H). It then has no half size and no planes.
    pub is_lossless: bool,
    /// Whether the file has more than one scan, as all progressive files do. The decoder then keeps the coefficients of
    /// the whole image in memory.
    pub has_several_scans: bool,
    /// The maximum memory in bytes that the decoder allocates in addition to the output.
    pub working_bytes: u64,
}

/// The color space of a JPEG's components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorSpace {
    /// One component.
    Gray,
    /// Red, green and blue.
    Rgb,
    /// Luma and chroma (ITU-T T.871).
    YCbCr,
    /// Cyan, magenta, yellow and black.
    Cmyk,
    /// CMYK whose first three components are converted to luma and chroma.
    Ycck,
}

/// The resolution of a JPEG's components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// One component.
    Gray,
    /// Three components of the same size.
    Yuv444,
    /// The second and third component have half the width of the first.
    Yuv422,
    /// The second and third component have half the width and height of the first.
    Yuv420,
    /// Any other resolutions, and all files with four components.
    Other,
}

impl Header {
    /// Whether the decoder can return the stored planes: luma and chroma with [`Sampling::Yuv420`].
    #[must_use]
    pub fn has_planes(&self) -> bool {
        self.color_space == ColorSpace::YCbCr && self.sampling == Sampling::Yuv420 && !self.is_lossless
    }
}

impl ColorSpace {
    /// The number of components.
    #[must_use]
    pub fn components(self) -> u32 {
        match self {
            Self::Gray => 1,
            Self::Rgb | Self::YCbCr => 3,
            Self::Cmyk | Self::Ycck => 4,
        }
    }
}

impl Sampling {
    /// Classifies the sampling factors (horizontal, vertical) of all components (ITU-T T.81, A.1.1).
    pub(crate) fn from_factors(factors: &[(u32, u32)]) -> Self {
        match *factors {
            [_] => Self::Gray,
            [first, second, third] if second == third => match (ratio(first.0, second.0), ratio(first.1, second.1)) {
                (Some(1), Some(1)) => Self::Yuv444,
                (Some(2), Some(1)) => Self::Yuv422,
                (Some(2), Some(2)) => Self::Yuv420,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

fn ratio(dividend: u32, divisor: u32) -> Option<u32> {
    dividend.is_multiple_of(divisor).then(|| dividend / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_depends_on_the_ratio_of_the_factors() {
        let sampling = |factors: [(u32, u32); 3]| Sampling::from_factors(&factors);
        assert_eq!(sampling([(1, 1), (1, 1), (1, 1)]), Sampling::Yuv444);
        assert_eq!(sampling([(2, 2), (2, 2), (2, 2)]), Sampling::Yuv444);
        assert_eq!(sampling([(2, 1), (1, 1), (1, 1)]), Sampling::Yuv422);
        assert_eq!(sampling([(2, 2), (1, 2), (1, 2)]), Sampling::Yuv422);
        assert_eq!(sampling([(2, 2), (1, 1), (1, 1)]), Sampling::Yuv420);
        assert_eq!(sampling([(4, 4), (2, 2), (2, 2)]), Sampling::Yuv420);
        assert_eq!(sampling([(2, 2), (1, 1), (2, 1)]), Sampling::Other);
        assert_eq!(sampling([(1, 2), (1, 1), (1, 1)]), Sampling::Other);
        assert_eq!(sampling([(3, 1), (2, 1), (2, 1)]), Sampling::Other);
        assert_eq!(sampling([(1, 1), (2, 2), (2, 2)]), Sampling::Other);
        assert_eq!(Sampling::from_factors(&[(2, 2)]), Sampling::Gray);
        assert_eq!(Sampling::from_factors(&[(1, 1); 4]), Sampling::Other);
    }
}

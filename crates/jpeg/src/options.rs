use crate::header::ColorSpace;

/// What the caller decides about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options<'tables> {
    /// The maximum number of scans. The decoder processes the whole image for each scan. Encoders write about ten.
    pub max_scans: u32,
    /// The color space of the components, if another part of the file defines it, as in TIFF. `None` applies the rules
    /// of [`Header::color_space`](crate::Header::color_space).
    pub color_space: Option<ColorSpace>,
    /// A JPEG that contains only the tables of the file, as in TIFF's tag `JPEGTables` (TIFF Technical Note 2).
    pub tables: Option<&'tables [u8]>,
}

/// The form of the decoded image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The stored luma and chroma. Only if [`Header::has_planes`](crate::Header::has_planes).
    Planes,
    /// All pixels: gray, RGB or CMYK. Chroma is interpolated as in browsers.
    Pixels,
    /// Pixels at half the width and height, rounded up, in half the time. For a lossless file, all pixels.
    HalfPixels,
}

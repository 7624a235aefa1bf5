/// A decoded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The samples, with 8 bits each.
    pub samples: Samples,
    /// What is missing. `None`: the image is complete.
    pub damage: Option<Damage>,
}

/// The samples of a decoded image, row by row without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Samples {
    /// Luma, Cb and Cr as stored in the file. The chroma planes have half the width and height of luma, rounded up.
    Planes([Vec<u8>; 3]),
    /// Pixels of 1 byte (gray), 3 bytes (RGB) or 4 bytes (CMYK). CMYK has the polarity of the file. By Adobe's
    /// convention, 255 is no ink (Adobe Technical Note 5116, section 18).
    Pixels(Vec<u8>),
}

/// Why a part of the image is missing, and how much. The missing samples are gray, or less detailed in a progressive
/// file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// libjpeg's message about the first damage.
    pub message: String,
    /// The part of the file before the first damage.
    pub intact: Intact,
}

/// The part of a file before the first damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intact {
    /// The file has one scan: the number of stored rows from the top. If chroma is interpolated, the last of these rows
    /// also depends on the next row.
    Rows(u32),
    /// The file has several scans: the number of complete scans. Each scan describes a component or a level of detail
    /// of the whole image.
    Scans(u32),
}

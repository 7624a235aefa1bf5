/// Coding-independent code points: how sample values become colours (ITU-T H.273).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cicp {
    /// Colour primaries: 1 is BT.709 and sRGB, 2 is unspecified, 12 is Display P3.
    pub primaries: u16,
    /// Transfer characteristics: 13 is sRGB, 2 is unspecified.
    pub transfer: u16,
    /// Matrix coefficients: 0 is identity (planes G, B, R), 6 is BT.601.
    pub matrix: u16,
    /// Whether samples use their whole range.
    pub full_range: bool,
}

impl Cicp {
    /// sRGB as BT.601 luma and chroma, full range: what every reader assumes of an untagged picture, said aloud.
    pub const SRGB: Self = Self { primaries: 1, transfer: 13, matrix: 6, full_range: true };
    /// An ICC profile says what the colours are; these code points only say how luma and chroma were made.
    pub const BY_PROFILE: Self = Self { primaries: 2, transfer: 2, matrix: 6, full_range: true };

    /// The same colours with the planes being G, B and R themselves, which is what lossless needs.
    #[must_use]
    pub fn identity(self) -> Self {
        Self { matrix: 0, ..self }
    }
}

/// What a picture's sample values mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Color {
    /// By code points.
    pub cicp: Cicp,
    /// By ICC profile, which wins over primaries and transfer where there is one.
    pub icc: Option<Vec<u8>>,
}

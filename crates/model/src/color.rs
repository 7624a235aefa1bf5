/// Coding-independent code points, which define the colors of sample values (ITU-T H.273).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cicp {
    /// Color primaries: 1 is BT.709 and sRGB, 2 is unspecified, 12 is Display P3.
    pub primaries: u16,
    /// Transfer characteristics: 13 is sRGB, 2 is unspecified.
    pub transfer: u16,
    /// Matrix coefficients: 0 is identity (planes G, B, R), 6 is BT.601, 9 is BT.2020 non-constant luminance.
    pub matrix: u16,
    /// Whether samples use the full range of their bit depth.
    pub full_range: bool,
}

impl Cicp {
    /// sRGB as BT.601 luma and chroma, full range. Every reader assumes these values for an untagged image.
    pub const SRGB: Self = Self { primaries: 1, transfer: 13, matrix: 6, full_range: true };
    /// The code points of an image with an ICC profile. The profile defines the colors, and these code points define
    /// only the matrix from RGB to luma and chroma.
    pub const ICC: Self = Self { primaries: 2, transfer: 2, matrix: 6, full_range: true };

    /// Returns full-range code points with these primaries and this transfer. If the primaries are BT.2020, as in HDR
    /// images, the matrix is also BT.2020. Otherwise the matrix is BT.601, which every reader supports.
    #[must_use]
    pub fn with_default_matrix(primaries: u16, transfer: u16) -> Self {
        const BT2020: u16 = 9;
        let matrix = if primaries == BT2020 { 9 } else { Self::SRGB.matrix };
        Self { primaries, transfer, matrix, full_range: true }
    }

    /// Whether the transfer characteristics are SDR: neither PQ nor HLG (ITU-R BT.2100). Metrics and filters that
    /// assume the sRGB curve are valid for SDR only.
    #[must_use]
    pub fn is_sdr(self) -> bool {
        const PQ: u16 = 16;
        const HLG: u16 = 18;
        !matches!(self.transfer, PQ | HLG)
    }

    /// Returns the same colors with the identity matrix, so that the planes are G, B and R. Lossless encoding needs
    /// this matrix.
    #[must_use]
    pub fn with_identity_matrix(self) -> Self {
        Self { matrix: 0, ..self }
    }
}

/// The color description of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Color {
    /// The code points.
    pub cicp: Cicp,
    /// The ICC profile. If present, it overrides the primaries and the transfer.
    pub icc: Option<Vec<u8>>,
}

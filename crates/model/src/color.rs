/// Coding-independent code points: how sample values become colors (ITU-T H.273).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cicp {
    /// Color primaries: 1 is BT.709 and sRGB, 2 is unspecified, 12 is Display P3.
    pub primaries: u16,
    /// Transfer characteristics: 13 is sRGB, 2 is unspecified.
    pub transfer: u16,
    /// Matrix coefficients: 0 is identity (planes G, B, R), 6 is BT.601, 9 is BT.2020 with luminance as it is coded.
    pub matrix: u16,
    /// Whether samples use their whole range.
    pub full_range: bool,
}

impl Cicp {
    /// sRGB as BT.601 luma and chroma, full range: what every reader assumes of an untagged image, said aloud.
    pub const SRGB: Self = Self { primaries: 1, transfer: 13, matrix: 6, full_range: true };
    /// An ICC profile says what the colors are; these code points only say how luma and chroma were made.
    pub const BY_PROFILE: Self = Self { primaries: 2, transfer: 2, matrix: 6, full_range: true };

    /// Colors of these primaries and this transfer, as the full-range luma and chroma that belong to them: BT.2020's own,
    /// which is what HDR images come in, or BT.601's, which every reader knows.
    #[must_use]
    pub fn of(primaries: u16, transfer: u16) -> Self {
        const BT2020: u16 = 9;
        let matrix = if primaries == BT2020 { 9 } else { Self::SRGB.matrix };
        Self { primaries, transfer, matrix, full_range: true }
    }

    /// Whether the levels stand for light relative to white, as sRGB's do, and not for PQ's or HLG's (ITU-R BT.2100): what
    /// measures or filters images by sRGB's curve has no meaning there.
    #[must_use]
    pub fn is_sdr(self) -> bool {
        const PQ: u16 = 16;
        const HLG: u16 = 18;
        !matches!(self.transfer, PQ | HLG)
    }

    /// The same colors with the planes being G, B and R themselves, which is what lossless needs.
    #[must_use]
    pub fn identity(self) -> Self {
        Self { matrix: 0, ..self }
    }
}

/// What an image's sample values mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Color {
    /// By code points.
    pub cicp: Cicp,
    /// By ICC profile, which wins over primaries and transfer where there is one.
    pub icc: Option<Vec<u8>>,
}

use model::{Color, PlanarImage};

/// A gain map (ISO 21496-1): a smaller image that defines how much brighter an HDR display shows each part of the
/// image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GainMap {
    /// The pixels of the gain map, called levels. Of their color description, only the matrix and the range are used;
    /// the primaries and the transfer function must be unspecified (2).
    pub image: PlanarImage,
    /// How levels are converted to gains.
    pub metadata: GainMapMetadata,
    /// The color description of the alternate (HDR) image.
    pub alternate: Color,
}

/// How the levels of a gain map are converted to gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GainMapMetadata {
    /// The parameters for red, green and blue.
    pub channels: [GainMapChannel; 3],
    /// Displays with at most this headroom, in stops, show the base image.
    pub base_headroom: UnsignedFraction,
    /// Displays with at least this headroom, in stops, apply the full gain.
    pub alternate_headroom: UnsignedFraction,
    /// Whether the gain is applied to colors in the primaries of the base image. If false, it is applied to colors in
    /// the primaries of the alternate image.
    pub uses_base_color_space: bool,
}

/// How the levels of one channel are converted to gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GainMapChannel {
    /// The gain at level 0, in stops.
    pub min: SignedFraction,
    /// The gain at the highest level, in stops.
    pub max: SignedFraction,
    /// The exponent with which the levels were encoded.
    pub gamma: UnsignedFraction,
    /// The offset that is added to the linear base image before the gain is applied.
    pub base_offset: SignedFraction,
    /// The offset that is subtracted from the linear image after the gain is applied.
    pub alternate_offset: SignedFraction,
}

/// A signed fraction: a numerator, and a denominator above 0.
pub type SignedFraction = (i32, u32);
/// An unsigned fraction: a numerator, and a denominator above 0.
pub type UnsignedFraction = (u32, u32);

/// Whether this crate can encode gain maps. The bundled libavif cannot encode them, because it is too old.
#[must_use]
pub fn can_write_gain_maps() -> bool {
    cfg!(feature = "system")
}

impl GainMapMetadata {
    /// Whether all denominators and all gammas are above 0, no minimum is above its maximum, and the two headrooms
    /// differ.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let headrooms = [self.base_headroom, self.alternate_headroom];
        let [base, alternate] =
            headrooms.map(|(numerator, denominator)| u64::from(numerator) << 32 | u64::from(denominator));
        base != alternate
            && headrooms.iter().all(|(_, denominator)| *denominator > 0)
            && self.channels.iter().all(GainMapChannel::is_valid)
    }
}

impl GainMapChannel {
    fn is_valid(&self) -> bool {
        let Self { min, max, gamma, base_offset, alternate_offset } = *self;
        let denominators = [min.1, max.1, gamma.1, base_offset.1, alternate_offset.1];
        denominators.iter().all(|denominator| *denominator > 0)
            && gamma.0 > 0
            && i64::from(max.0) * i64::from(min.1) >= i64::from(min.0) * i64::from(max.1)
    }
}

use model::{Color, PlanarImage};

/// A smaller image that says how much brighter each part is on a display that can show it, and how to read it (ISO
/// 21496-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GainMap {
    /// Its levels. Of their color description, matrix and range count, primaries and transfer say nothing (2).
    pub image: PlanarImage,
    /// How levels become gains.
    pub gain: Gain,
    /// What the colors of the brighter image are described by.
    pub alternate: Color,
}

/// How a gain map's levels become gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gain {
    /// Of red, green and blue.
    pub channels: [Channel; 3],
    /// The display's headroom, in stops, up to which the image is shown as it is.
    pub base_headroom: Unsigned,
    /// That from which the whole gain counts.
    pub alternate_headroom: Unsigned,
    /// Whether it counts in the primaries of the image itself, rather than in those of the brighter one.
    pub in_base_colors: bool,
}

/// How one channel's levels become gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// The gain at level 0, in stops.
    pub min: Signed,
    /// The gain at the highest level, in stops.
    pub max: Signed,
    /// The exponent that levels were made with.
    pub gamma: Unsigned,
    /// Added to the image's light before the gain.
    pub base_offset: Signed,
    /// Taken off after it.
    pub alternate_offset: Signed,
}

/// A numerator and a denominator above 0.
pub type Signed = (i32, u32);
/// A numerator and a denominator above 0.
pub type Unsigned = (u32, u32);

/// Whether files with gain maps can be written: they came into libavif after the one that is bundled.
#[must_use]
pub fn writes_gain_maps() -> bool {
    cfg!(feature = "system")
}

impl Gain {
    /// Whether it means anything: no division by zero, no range that is upside down, a headroom to use it in.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let headrooms = [self.base_headroom, self.alternate_headroom];
        let [base, alternate] = headrooms.map(|(over, under)| u64::from(over) << 32 | u64::from(under));
        base != alternate
            && headrooms.iter().all(|(_, under)| *under > 0)
            && self.channels.iter().all(Channel::is_sound)
    }
}

impl Channel {
    fn is_sound(&self) -> bool {
        let Self { min, max, gamma, base_offset, alternate_offset } = *self;
        let whole = [min.1, max.1, gamma.1, base_offset.1, alternate_offset.1].iter().all(|under| *under > 0);
        whole && gamma.0 > 0 && i64::from(max.0) * i64::from(min.1) >= i64::from(min.0) * i64::from(max.1)
    }
}

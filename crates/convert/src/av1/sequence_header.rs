use super::bits::Bits;

/// What a sequence header decides (AV1 specification, 5.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SequenceHeader {
    /// The pixels of the largest frame that it allows.
    pub(super) largest_frame: u64,
    /// Every frame is shown, and its header does not say so.
    pub(super) is_reduced: bool,
    /// Spatial layers of all operating points; 1 where nothing is said of them.
    pub(super) spatial_layers: u32,
    /// The payload up to its last field, and the bits that end it.
    pub(super) payload: Vec<u8>,
}

impl SequenceHeader {
    /// Reads a unit's payload. Nothing where it ends too early.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(payload);
        let profile = bits.read(3)?;
        // Whether it is a still picture.
        bits.read(1)?;
        let is_reduced = bits.flag()?;
        let layers = if is_reduced {
            // The level.
            bits.read(5)?;
            0
        } else {
            operating_points(&mut bits)?
        };
        let (width_bits, height_bits) = (bits.read(4)? + 1, bits.read(4)? + 1);
        let largest_frame = (bits.read(width_bits)? + 1) * (bits.read(height_bits)? + 1);
        tools(&mut bits, is_reduced)?;
        color(&mut bits, profile)?;
        // Film grain.
        bits.read(1)?;
        let spatial_layers = layers.count_ones().max(1);
        Some(Self { largest_frame, is_reduced, spatial_layers, payload: bits.ended_here() })
    }
}

/// What stands between the header's beginning and its dimensions where it is not reduced to what a still picture needs.
/// Returns one bit for each spatial layer of any operating point.
fn operating_points(bits: &mut Bits<'_>) -> Option<u64> {
    let mut delay_bits = None;
    if bits.flag()? {
        // Timing: the display's ticks, and how many of them a picture takes where all take as many.
        bits.read(64)?;
        if bits.flag()? {
            bits.skip_variable()?;
        }
        if bits.flag()? {
            // The decoder's model: the length of its delays, its ticks, and two more lengths.
            delay_bits = Some(bits.read(5)? + 1);
            bits.read(42)?;
        }
    }
    let has_display_delays = bits.flag()?;
    let mut layers = 0;
    for _ in 0..=bits.read(5)? {
        // Four bits for spatial layers, then eight for temporal ones.
        layers |= bits.read(12)? >> 8;
        // From this level on there are two tiers.
        if bits.read(5)? > 7 {
            bits.read(1)?;
        }
        if let Some(delay) = delay_bits
            && bits.flag()?
        {
            bits.read(delay)?;
            bits.read(delay + 1)?;
        }
        if has_display_delays && bits.flag()? {
            bits.read(4)?;
        }
    }
    Some(layers)
}

/// The tools that are enabled.
fn tools(bits: &mut Bits<'_>, is_reduced: bool) -> Option<()> {
    if !is_reduced && bits.flag()? {
        // Lengths of frame numbers.
        bits.read(7)?;
    }
    // Superblocks of 128, filter intra, intra edge filter.
    bits.read(3)?;
    if !is_reduced {
        // Inter-intra, masked, warped motion, dual filter.
        bits.read(4)?;
        let has_order_hint = bits.flag()?;
        if has_order_hint {
            bits.read(2)?;
        }
        // Screen content tools, chosen by each frame or forced.
        let screen_content = bits.flag()? || bits.flag()?;
        if screen_content && !bits.flag()? {
            // Integer motion vectors, forced.
            bits.read(1)?;
        }
        if has_order_hint {
            bits.read(3)?;
        }
    }
    // Super-resolution, CDEF, restoration.
    bits.read(3).map(|_| ())
}

/// The configuration of color (5.5.2).
fn color(bits: &mut Bits<'_>, profile: u64) -> Option<()> {
    let is_deep = bits.flag()?;
    let is_twelve = profile == 2 && is_deep && bits.flag()?;
    let is_monochrome = profile != 1 && bits.flag()?;
    let code_points = if bits.flag()? { [bits.read(8)?, bits.read(8)?, bits.read(8)?] } else { [2; 3] };
    if is_monochrome {
        // The range.
        return bits.read(1).map(|_| ());
    }
    // BT.709, sRGB, identity: neither range nor subsampling is said.
    if code_points != [1, 13, 0] {
        bits.read(1)?;
        let (across, down) = match profile {
            0 => (true, true),
            1 => (false, false),
            _ if is_twelve => {
                let across = bits.flag()?;
                (across, across && bits.flag()?)
            }
            _ => (true, false),
        };
        if across && down {
            // The position of chroma samples.
            bits.read(2)?;
        }
    }
    // Whether the two planes of chroma have quantizers of their own.
    bits.read(1).map(|_| ())
}

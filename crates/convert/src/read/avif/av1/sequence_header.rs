use super::bits::BitReader;

/// The fields of a sequence header that are needed to check and to copy a stream (AV1 specification, 5.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SequenceHeader {
    /// Pixels of the largest frame that the header allows.
    pub(super) max_frame_pixels: u64,
    /// The flag `reduced_still_picture_header`. If the flag is set, every frame is shown, and frame headers do not
    /// contain the flags `show_existing_frame` and `show_frame`.
    pub(super) has_reduced_header: bool,
    /// The number of spatial layers that the operating points use; 1 if the header lists no layers.
    pub(super) spatial_layers: u32,
    /// The payload up to its last field, followed by trailing bits. The original bytes after the last field are
    /// dropped.
    pub(super) payload: Vec<u8>,
}

impl SequenceHeader {
    /// Reads the payload of a sequence header OBU. Returns `None` if the payload ends too early.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(payload);
        let profile = bits.read(3)?;
        // Skips `still_picture`.
        bits.read(1)?;
        let has_reduced_header = bits.read_flag()?;
        let layer_mask = if has_reduced_header {
            // Skips `seq_level_idx`.
            bits.read(5)?;
            0
        } else {
            read_operating_points(&mut bits)?
        };
        let (width_bits, height_bits) = (bits.read(4)? + 1, bits.read(4)? + 1);
        let max_frame_pixels = (bits.read(width_bits)? + 1) * (bits.read(height_bits)? + 1);
        skip_tools(&mut bits, has_reduced_header)?;
        skip_color_config(&mut bits, profile)?;
        // Skips `film_grain_params_present`.
        bits.read(1)?;
        let spatial_layers = layer_mask.count_ones().max(1);
        Some(Self { max_frame_pixels, has_reduced_header, spatial_layers, payload: bits.bytes_with_trailing_bits() })
    }
}

/// Reads the fields of a non-reduced header that precede the frame dimensions. Returns a bit mask of the spatial layers
/// that any operating point uses.
fn read_operating_points(bits: &mut BitReader<'_>) -> Option<u64> {
    let mut delay_bits = None;
    if bits.read_flag()? {
        // `timing_info()` contains the length of a display tick and the timescale. If all pictures have the same number
        // of ticks, `timing_info()` contains this number too.
        bits.read(64)?;
        if bits.read_flag()? {
            bits.skip_uvlc()?;
        }
        if bits.read_flag()? {
            // `decoder_model_info()` contains the number of bits of a buffer delay, the length of a decoding tick, and
            // the numbers of bits of two other fields.
            delay_bits = Some(bits.read(5)? + 1);
            bits.read(42)?;
        }
    }
    let has_display_delays = bits.read_flag()?;
    let mut layer_mask = 0;
    for _ in 0..=bits.read(5)? {
        // `operating_point_idc` has four bits for spatial layers, then eight bits for temporal layers.
        layer_mask |= bits.read(12)? >> 8;
        // A level above 7 is followed by a tier bit.
        if bits.read(5)? > 7 {
            bits.read(1)?;
        }
        if let Some(delay) = delay_bits
            && bits.read_flag()?
        {
            bits.read(delay)?;
            bits.read(delay + 1)?;
        }
        if has_display_delays && bits.read_flag()? {
            bits.read(4)?;
        }
    }
    Some(layer_mask)
}

/// Skips the flags of coding tools.
fn skip_tools(bits: &mut BitReader<'_>, has_reduced_header: bool) -> Option<()> {
    if !has_reduced_header && bits.read_flag()? {
        // Skips the two lengths of frame numbers.
        bits.read(7)?;
    }
    // Skips three flags: 128x128 superblocks, filter intra, intra edge filter.
    bits.read(3)?;
    if !has_reduced_header {
        // Skips four flags: inter-intra, masked compound, warped motion, dual filter.
        bits.read(4)?;
        let has_order_hint = bits.read_flag()?;
        if has_order_hint {
            bits.read(2)?;
        }
        // If the first flag is set, each frame chooses its screen content tools. If it is not set, a second flag
        // decides for all frames.
        let screen_content = bits.read_flag()? || bits.read_flag()?;
        if screen_content && !bits.read_flag()? {
            // Skips `seq_force_integer_mv`, the choice of integer motion vectors for all frames.
            bits.read(1)?;
        }
        if has_order_hint {
            bits.read(3)?;
        }
    }
    // Skips three flags: super-resolution, CDEF, loop restoration.
    bits.read(3).map(|_| ())
}

/// Skips `color_config()` (5.5.2).
fn skip_color_config(bits: &mut BitReader<'_>, profile: u64) -> Option<()> {
    let is_high_bit_depth = bits.read_flag()?;
    let is_twelve_bit = profile == 2 && is_high_bit_depth && bits.read_flag()?;
    let is_monochrome = profile != 1 && bits.read_flag()?;
    let code_points = if bits.read_flag()? { [bits.read(8)?, bits.read(8)?, bits.read(8)?] } else { [2; 3] };
    if is_monochrome {
        // Skips `color_range`.
        return bits.read(1).map(|_| ());
    }
    // With the code points of BT.709, sRGB and the identity matrix, the range is full and chroma is not subsampled. The
    // header then has no fields for range and subsampling.
    if code_points != [1, 13, 0] {
        bits.read(1)?;
        let (is_subsampled_x, is_subsampled_y) = match profile {
            0 => (true, true),
            1 => (false, false),
            _ if is_twelve_bit => {
                let is_subsampled_x = bits.read_flag()?;
                (is_subsampled_x, is_subsampled_x && bits.read_flag()?)
            }
            _ => (true, false),
        };
        if is_subsampled_x && is_subsampled_y {
            // Skips `chroma_sample_position`.
            bits.read(2)?;
        }
    }
    // Skips `separate_uv_delta_q`.
    bits.read(1).map(|_| ())
}

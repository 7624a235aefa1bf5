use model::Picture;

use crate::native::Decoder;
use crate::{Attached, Error};

/// What an AVIF file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Its (first) picture, as stored: not turned.
    pub picture: Picture,
    /// Its Exif and XMP.
    pub attached: Attached,
    /// How a viewer is to turn it.
    pub orientation: Orientation,
    /// How many pictures the file holds; more than 1 in a sequence.
    pub frames: u32,
}

/// The turns that the file's `irot` and `imir` properties ask for (ISO/IEC 23008-12, 6.5.10 and 6.5.12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orientation {
    /// Quarter turns anticlockwise, 0 to 3.
    pub quarter_turns: u8,
    /// Mirrored after turning: 0 swaps top and bottom, 1 swaps left and right.
    pub mirror_axis: Option<u8>,
}

impl Orientation {
    /// Whether a viewer shows the picture as it is stored.
    #[must_use]
    pub fn is_upright(self) -> bool {
        self == Self::default()
    }
}

/// Reads an AVIF file of at most `max_pixels` pixels.
///
/// # Errors
/// What libavif reported, its refusal of a picture above the limit included.
pub fn decode(bytes: &[u8], max_pixels: u32) -> Result<Decoded, Error> {
    Decoder::new(max_pixels)?.read(bytes)
}

use model::{Color, PlanarImage, Shape};

use crate::attachments::Attachments;

/// The contents of an AVIF file's boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Dimensions and sample format as stored, before cropping and rotation.
    pub shape: Shape,
    /// Whether the image has an alpha channel.
    pub has_alpha: bool,
    /// The color description.
    pub color: Color,
    /// Exif and XMP.
    pub attachments: Attachments,
    /// The part of the image that a viewer shows. `None` means the whole image.
    pub aperture: Option<Aperture>,
    /// How a viewer rotates and mirrors the image after cropping.
    pub orientation: Orientation,
    /// The number of frames: 1 for a still image.
    pub frames: u32,
}

/// A decoded AVIF file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedFile {
    /// The image, or the first frame of a sequence, as stored: neither cropped nor rotated.
    pub image: PlanarImage,
    /// Whether the colors are multiplied by alpha.
    pub is_premultiplied: bool,
    /// Exif and XMP.
    pub attachments: Attachments,
    /// How a viewer rotates and mirrors the image.
    pub orientation: Orientation,
    /// The number of frames: 1 for a still image.
    pub frames: u32,
}

/// The clean aperture: the part of an image that a viewer shows. Each value is a number of pixels as a fraction
/// (numerator, denominator), as in the file's `clap` property (ISO/IEC 14496-12, 12.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aperture {
    /// The width of the aperture.
    pub width: (i32, i32),
    /// The height of the aperture.
    pub height: (i32, i32),
    /// The horizontal offset of the aperture's center from the image's center. A positive offset is to the right.
    pub right: (i32, i32),
    /// The vertical offset of the aperture's center from the image's center. A positive offset is downward.
    pub down: (i32, i32),
}

/// The rotation and mirroring from the file's `irot` and `imir` properties (ISO/IEC 23008-12, 6.5.10 and 6.5.12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orientation {
    /// The number of anticlockwise quarter turns, 0 to 3.
    pub quarter_turns: u8,
    /// The mirroring after the rotation: 0 swaps top and bottom, 1 swaps left and right.
    pub mirror_axis: Option<u8>,
}

/// Interleaved pixels, row by row without padding: red, green, blue, and alpha if the image has an alpha channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pixels {
    /// 8 bits per sample.
    Eight(Vec<u8>),
    /// 16 bits per sample. The maximum is 65,535.
    Sixteen(Vec<u16>),
}

impl Orientation {
    /// Whether a viewer shows the image without rotation and mirroring.
    #[must_use]
    pub fn is_upright(self) -> bool {
        self == Self::default()
    }
}

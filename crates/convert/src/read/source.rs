use std::sync::Arc;

use image::DynamicImage;
use model::DamagedMode;

use super::header::Header;
use crate::animation::FrameSource;
use crate::pixels::ycbcr::YCbCr;
use crate::{Error, Format};

/// A file whose header was read.
pub(crate) struct Source<'bytes> {
    pub(crate) format: Format,
    pub(crate) header: Header<'bytes>,
    pub(crate) decoder: Box<dyn Decode + 'bytes>,
}

/// Decodes the pixels of one file.
pub(crate) trait Decode {
    /// # Errors
    /// [`Error::Damaged`] if any pixels are missing, unless the request allows it.
    fn decode(self: Box<Self>, request: &DecodeRequest) -> Result<Decoded, Error>;
}

/// What the later steps need from a decoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecodeRequest {
    /// The smallest form that is sufficient. A decoder may ignore it and output all pixels.
    pub(crate) form: PixelForm,
    pub(crate) damaged: DamagedMode,
    /// The size of the variant that is a copy of the source, after the orientation is applied.
    pub(crate) copied_size: Option<(u32, u32)>,
    /// Whether any variant is encoded.
    pub(crate) is_encoded: bool,
}

/// The form in which an image is decoded. It depends on the sizes and the quality of the variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PixelForm {
    /// The stored luma and chroma. They are used if the largest variant has the source's size and is lossy, and if the
    /// orientation can be applied to planes.
    Planes,
    /// All pixels.
    Pixels,
    /// Pixels at half the width and height of the source.
    HalfPixels,
}

/// The decoded content of a file.
pub(crate) struct Decoded {
    /// `None` if no variant is encoded.
    pub(crate) pixels: Option<DecodedPixels>,
    /// The source file, if one variant is a copy of it.
    pub(crate) copied_source: Option<CopiedSource>,
    /// Messages for the user.
    pub(crate) notes: Vec<String>,
}

/// The samples of a file, as its decoder outputs them.
pub(crate) enum DecodedPixels {
    /// Interleaved gray or RGB, with or without alpha.
    Interleaved(DynamicImage),
    /// The luma and chroma planes that a JPEG stores.
    Planar(YCbCr),
    /// Amounts of ink, four bytes per pixel in the order cyan, magenta, yellow, black; 255 is full ink.
    Cmyk {
        /// Width and height in pixels.
        size: (u32, u32),
        inks: Vec<u8>,
    },
    /// The frames of an animation.
    Frames(Box<dyn FrameSource>),
}

/// A source that becomes a variant without re-encoding.
#[derive(Debug, Clone)]
pub(crate) struct CopiedSource {
    pub(crate) file: Arc<[u8]>,
    /// Width and height in pixels, after the orientation is applied.
    pub(crate) size: (u32, u32),
}

impl From<DecodedPixels> for Decoded {
    fn from(pixels: DecodedPixels) -> Self {
        Self { pixels: Some(pixels), copied_source: None, notes: vec![] }
    }
}

impl From<DynamicImage> for Decoded {
    fn from(image: DynamicImage) -> Self {
        DecodedPixels::Interleaved(image).into()
    }
}

/// When the decoder halves an image, it averages levels instead of light. The more the resize filter then reduces the
/// halved image, the smaller the resulting error is. The error was measured on five photographs of 3 and 12 megapixels,
/// by comparing the result with an image that was resized from all pixels. At an eighth of the source's width, the
/// SSIMULACRA2 scores are 92 to 95; at a quarter of the width, they are 87 to 93. If the decoder reduced the image to a
/// quarter or an eighth, the decoding time would be another tenth shorter, and the score up to 8 points lower. So the
/// image is halved if it is at least this many times as wide and as high as the widest variant.
const MIN_HALVING_FACTOR: u32 = 8;

/// The minimum length of the source's shorter side, in pixels. For smaller images, halving saves no time.
const MIN_HALVED_SIDE: u32 = 512;

impl PixelForm {
    /// Chooses the form. `source` is the size of the source after the orientation is applied, and `widest` is the size
    /// of the widest variant. `can_use_planes` is whether a variant of the source's size can be encoded from planes.
    pub(crate) fn choose(source: (u32, u32), widest: (u32, u32), can_use_planes: bool) -> Self {
        let can_halve = source.0 / MIN_HALVING_FACTOR >= widest.0 && source.1 / MIN_HALVING_FACTOR >= widest.1;
        if source == widest && can_use_planes {
            Self::Planes
        } else if can_halve && source.0.min(source.1) >= MIN_HALVED_SIDE {
            Self::HalfPixels
        } else {
            Self::Pixels
        }
    }
}

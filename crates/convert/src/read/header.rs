use image::ColorType;
use image::metadata::Orientation;
use model::{Cicp, FocalPoint, OutputFormat, Recipe, VariantId};

use crate::animation::AnimationHeader;
use crate::gain_map::OpenedGainMap;
use crate::pixels::framing::{Framing, SourceGeometry};

/// The properties of a source file before its pixels are decoded. They have the same meaning for every format.
pub(crate) struct Header<'bytes> {
    /// Width in pixels, before the orientation is applied.
    pub(crate) width: u32,
    /// Height in pixels, before the orientation is applied.
    pub(crate) height: u32,
    pub(crate) orientation: Orientation,
    /// The type of the decoded pixels. CMYK has the type `Rgba8`, because it has four samples per pixel.
    pub(crate) color: ColorType,
    /// Whether the samples are CMYK inks.
    pub(crate) is_cmyk: bool,
    /// The ICC profile. It is empty if the file has a profile that cannot be read.
    pub(crate) icc: Option<Vec<u8>>,
    pub(crate) cicp: Option<Cicp>,
    /// Exif, starting at the TIFF header. It is empty if the file has Exif that cannot be read.
    pub(crate) exif: Option<Vec<u8>>,
    /// The XMP packet. It is empty if the file has a packet that cannot be read.
    pub(crate) xmp: Option<Vec<u8>>,
    /// The focal point that the file contains, as a position in the upright image.
    pub(crate) focal_point: Option<FocalPoint>,
    /// IPTC-IIM. It is only read if the recipe keeps the copyright.
    pub(crate) iim: Option<Vec<u8>>,
    /// The gain map, or the reason why it cannot be used.
    pub(crate) gain_map: Option<Result<OpenedGainMap<'bytes>, String>>,
    /// The animation, unless the image is still.
    pub(crate) animation: Option<AnimationHeader>,
    /// Whether the variant that has the size of the source is a copy of the source.
    pub(crate) is_copied: bool,
    /// Whether the source is an AVIF sequence. Its animation can only be copied.
    pub(crate) is_sequence: bool,
    pub(crate) cost: DecodingCost,
    /// Messages for the user about parts that are not read.
    pub(crate) notes: Vec<String>,
}

/// Returns the color type with the same samples and alpha.
pub(crate) fn with_alpha(color: ColorType) -> ColorType {
    match color {
        ColorType::L8 => ColorType::La8,
        ColorType::L16 => ColorType::La16,
        ColorType::Rgb8 => ColorType::Rgba8,
        ColorType::Rgb16 => ColorType::Rgba16,
        color => color,
    }
}

/// The memory and the work of decoding a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecodingCost {
    /// The number of images in memory while the pixels are decoded or rotated, each with the size of the pixels.
    pub(crate) pixel_copies: u64,
    /// The number of copies of the file in memory, including the file itself.
    pub(crate) file_copies: u64,
    /// Bytes that the decoder allocates while it decodes the pixels.
    pub(crate) decoding_bytes: u64,
    /// Bytes that are allocated until the variants are encoded.
    pub(crate) held_bytes: u64,
    /// The number of passes over the image that decoding takes.
    pub(crate) scans: u32,
}

impl Header<'_> {
    /// Creates the header of an upright still image without color description and without metadata.
    pub(crate) fn new((width, height): (u32, u32), color: ColorType) -> Self {
        Self {
            width,
            height,
            orientation: Orientation::NoTransforms,
            color,
            is_cmyk: false,
            icc: None,
            cicp: None,
            exif: None,
            xmp: None,
            focal_point: None,
            iim: None,
            gain_map: None,
            animation: None,
            is_copied: false,
            is_sequence: false,
            // Rotating the image or separating its channels needs a second copy of the pixels.
            cost: DecodingCost { pixel_copies: 2, file_copies: 1, decoding_bytes: 0, held_bytes: 0, scans: 1 },
            notes: vec![],
        }
    }

    /// Width and height in pixels, after the orientation is applied.
    pub(crate) fn size(&self) -> (u32, u32) {
        let is_transposed = self.orientation.to_exif() > 4;
        if is_transposed { (self.height, self.width) } else { (self.width, self.height) }
    }

    /// The number of frames to encode; 1 for a still image.
    pub(crate) fn frames(&self) -> u32 {
        self.animation.as_ref().map_or(1, AnimationHeader::frames)
    }

    /// The geometry of the upright source. Until the pixels are cut, it makes no difference where the focal point is.
    pub(crate) fn geometry(&self) -> SourceGeometry {
        SourceGeometry { size: self.size(), focal_point: self.focal_point.unwrap_or(FocalPoint::CENTER) }
    }

    /// The framings of the variants, without duplicates, the widest first.
    pub(crate) fn framings(&self, recipe: &Recipe) -> Vec<Framing> {
        self.geometry().framings(recipe.variants())
    }

    /// The size of the source after the orientation is applied, if the variant of this size is a copy of the source.
    pub(crate) fn copied_size(&self, recipe: &Recipe) -> Option<(u32, u32)> {
        let geometry = self.geometry();
        let is_copy =
            |id: VariantId| id.format == OutputFormat::Avif && geometry.framing(id) == Framing::whole(geometry.size);
        (self.is_copied && recipe.variants().any(is_copy)).then_some(geometry.size)
    }

    /// The framings of the variants that must be encoded.
    pub(crate) fn encoded_framings(&self, recipe: &Recipe) -> Vec<Framing> {
        let (geometry, copied) = (self.geometry(), self.copied_size(recipe).map(Framing::whole));
        let is_encoded = |id: &VariantId| id.format != OutputFormat::Avif || copied != Some(geometry.framing(*id));
        geometry.framings(recipe.variants().filter(is_encoded))
    }
}

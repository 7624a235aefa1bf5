use image::ColorType;
use model::{Cicp, Limits, Metadata, Recipe};

use crate::read::Source;
use crate::{Error, Format, OpenedImage};

/// The header of a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The file's format.
    pub format: Format,
    /// Width in pixels, before the orientation is applied.
    pub width: u32,
    /// Height in pixels, before the orientation is applied.
    pub height: u32,
    /// The number of frames: 1 for a still image.
    pub frames: u32,
    /// Bits per sample after decoding.
    pub depth: u32,
    /// The color channels, without alpha.
    pub channels: Channels,
    /// Whether the image has an alpha channel.
    pub has_alpha: bool,
    /// The Exif orientation, 1 to 8.
    pub orientation: u8,
    /// The code points that describe the colors, if the file has code points.
    pub cicp: Option<Cicp>,
    /// The ICC profile, or a profile made from other color metadata, such as the gAMA chunk of a PNG.
    pub icc: Option<Vec<u8>>,
    /// Exif, starting at the TIFF header.
    pub exif: Option<Vec<u8>>,
    /// The XMP packet.
    pub xmp: Option<Vec<u8>>,
}

/// The color channels of an image, without alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// One channel of luma.
    Gray,
    /// Red, green and blue.
    Rgb,
    /// Cyan, magenta, yellow and black.
    Cmyk,
}

/// Reads a source file's header.
///
/// # Errors
/// The error describes how the file is damaged, or which limit the file exceeds.
pub fn describe(bytes: &[u8], limits: &Limits) -> Result<Description, Error> {
    // With `Keep`, all metadata is read unchanged.
    let recipe = Recipe { metadata: Metadata::Keep, ..Recipe::default() };
    let Source { format, header, .. } = OpenedImage::open(bytes, &recipe, limits)?.source;
    let color = header.color;
    let depth = u32::from(color.bits_per_pixel()) / u32::from(color.channel_count());
    let channels = match color {
        _ if header.is_cmyk => Channels::Cmyk,
        ColorType::L8 | ColorType::L16 | ColorType::La8 | ColorType::La16 => Channels::Gray,
        _ => Channels::Rgb,
    };
    Ok(Description {
        format,
        width: header.width,
        height: header.height,
        frames: header.frames(),
        depth,
        channels,
        has_alpha: color.has_alpha() && channels != Channels::Cmyk,
        cicp: header.cicp,
        orientation: header.orientation.to_exif(),
        icc: header.icc,
        exif: header.exif,
        xmp: header.xmp,
    })
}

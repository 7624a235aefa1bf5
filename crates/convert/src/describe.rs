use image::ColorType;
use model::{Limits, Recipe};

use crate::{Error, Format, Opened};

/// What a source file's header tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its format.
    pub format: Format,
    /// Pixels across, as stored.
    pub width: u32,
    /// Pixels down, as stored.
    pub height: u32,
    /// Bits a sample, as it is decoded.
    pub depth: u32,
    /// Whether it has luma alone.
    pub grey: bool,
    /// Whether it has an alpha channel.
    pub alpha: bool,
    /// Exif orientation, 1 to 8: how it is to be turned upright.
    pub orientation: u8,
    /// Its ICC profile.
    pub icc: Option<Vec<u8>>,
    /// Its Exif, from the TIFF header on.
    pub exif: Option<Vec<u8>>,
    /// Its XMP packet.
    pub xmp: Option<Vec<u8>>,
}

/// Reads a source file's header.
///
/// # Errors
/// What is wrong with the file, or which limit it is over.
pub fn describe(bytes: &[u8], limits: &Limits) -> Result<Description, Error> {
    let opened = Opened::open(bytes, &Recipe::default(), limits)?;
    let color = opened.color_type();
    let channels = u32::from(color.channel_count());
    Ok(Description {
        format: opened.format,
        width: opened.width,
        height: opened.height,
        depth: u32::from(color.bits_per_pixel()) / channels,
        grey: matches!(color, ColorType::L8 | ColorType::L16 | ColorType::La8 | ColorType::La16),
        alpha: color.has_alpha(),
        orientation: opened.orientation.to_exif(),
        icc: opened.icc,
        exif: opened.exif,
        xmp: opened.xmp,
    })
}

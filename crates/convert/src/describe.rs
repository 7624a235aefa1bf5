use image::ColorType;
use model::{Cicp, Limits, Metadata, Recipe};

use crate::{Error, Format, OpenedImage};

/// What a source file's header tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its format.
    pub format: Format,
    /// Pixels across, as stored.
    pub width: u32,
    /// Pixels down, as stored.
    pub height: u32,
    /// How many pictures follow one another; 1 where nothing moves.
    pub frames: u32,
    /// Bits a sample, as it is decoded.
    pub depth: u32,
    /// What its samples are, alpha apart.
    pub channels: Channels,
    /// Whether it has an alpha channel.
    pub alpha: bool,
    /// Exif orientation, 1 to 8: how it is to be turned upright.
    pub orientation: u8,
    /// What it says of its colors by code points.
    pub cicp: Option<Cicp>,
    /// Its ICC profile, or one that says what it says otherwise.
    pub icc: Option<Vec<u8>>,
    /// Its Exif, from the TIFF header on.
    pub exif: Option<Vec<u8>>,
    /// Its XMP packet.
    pub xmp: Option<Vec<u8>>,
}

/// What a picture's samples are, alpha apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// Luma alone.
    Gray,
    /// Light of three colors.
    Rgb,
    /// Ink of four.
    Cmyk,
}

/// Reads a source file's header.
///
/// # Errors
/// What is wrong with the file, or which limit it is over.
pub fn describe(bytes: &[u8], limits: &Limits) -> Result<Description, Error> {
    // All that the file has, as it is.
    let recipe = Recipe { metadata: Metadata::Keep, ..Recipe::default() };
    let OpenedImage { header, .. } = OpenedImage::open(bytes, &recipe, limits)?;
    let color = header.color_type();
    let depth = u32::from(color.bits_per_pixel()) / u32::from(color.channel_count());
    let channels = match color {
        _ if header.is_cmyk() => Channels::Cmyk,
        ColorType::L8 | ColorType::L16 | ColorType::La8 | ColorType::La16 => Channels::Gray,
        _ => Channels::Rgb,
    };
    Ok(Description {
        format: header.format,
        width: header.width,
        height: header.height,
        frames: header.frames(),
        depth,
        channels,
        alpha: color.has_alpha() && channels != Channels::Cmyk,
        cicp: header.cicp,
        orientation: header.orientation.to_exif(),
        icc: header.icc,
        exif: header.exif,
        xmp: header.xmp,
    })
}

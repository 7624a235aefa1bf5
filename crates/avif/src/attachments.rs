use crate::gain_map::GainMap;

/// The metadata and the gain map of an AVIF file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attachments {
    /// Exif, starting at its TIFF header. Its orientation must be 1, because the pixels are upright.
    pub exif: Option<Vec<u8>>,
    /// XMP: an RDF/XML packet.
    pub xmp: Option<Vec<u8>>,
    /// The gain map for HDR displays. Encoding fails unless [`can_write_gain_maps`](crate::can_write_gain_maps).
    /// Decoding never returns one.
    pub gain_map: Option<GainMap>,
}

use std::fmt;

use image::ImageFormat;

use crate::Error;
use crate::read::{heif, tiff};

/// A supported format. The format of a file is detected by the file's first bytes, never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JPEG, baseline and progressive; gray, RGB and CMYK.
    Jpeg,
    /// PNG and APNG.
    Png,
    /// WebP, still or animated.
    WebP,
    /// GIF, still or animated.
    Gif,
    /// TIFF. Only the first page is converted.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// AVIF. Of a sequence, only the first frame is encoded.
    Avif,
}

impl Format {
    /// Detects the format of a file.
    pub(crate) fn detect(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.is_empty() {
            return Err(Error::Empty);
        }
        if let Some(format) = format_by_brand(bytes) {
            return format;
        }
        if tiff::recognize(bytes) {
            return Ok(Self::Tiff);
        }
        match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => Ok(Self::Jpeg),
            Ok(ImageFormat::Png) => Ok(Self::Png),
            Ok(ImageFormat::WebP) => Ok(Self::WebP),
            Ok(ImageFormat::Gif) => Ok(Self::Gif),
            Ok(ImageFormat::Bmp) => Ok(Self::Bmp),
            // This arm is required, because ImageFormat is a non-exhaustive enum of another crate.
            _ => Err(Error::UnknownFormat { begins: first_bytes_in_hex(bytes) }),
        }
    }

    /// Converts the format to the type of the `image` crate.
    pub(crate) fn image_format(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::WebP => ImageFormat::WebP,
            Self::Gif => ImageFormat::Gif,
            Self::Tiff => ImageFormat::Tiff,
            Self::Bmp => ImageFormat::Bmp,
            Self::Avif => ImageFormat::Avif,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Avif => "AVIF",
        })
    }
}

/// Detects the format of a file in the ISO base media file format (ISO/IEC 14496-12) by its brands: AVIF or HEIC. HEIC
/// has its own error, because users upload it often.
fn format_by_brand(bytes: &[u8]) -> Option<Result<Format, Error>> {
    let brands = heif::brands(bytes);
    if brands.iter().any(|brand| matches!(brand, b"avif" | b"avis")) {
        return Some(Ok(Format::Avif));
    }
    let is_heic =
        matches!(brands.first()?, b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1");
    let reason = "its codec is patented; export the image as JPEG";
    is_heic.then_some(Err(Error::UnsupportedFormat { format: "HEIC", reason }))
}

fn first_bytes_in_hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_is_detected_by_the_first_bytes() {
        assert_eq!(Format::detect(b"\xff\xd8\xff\xe0").unwrap(), Format::Jpeg);
        assert_eq!(Format::detect(b"GIF89a").unwrap(), Format::Gif);
        assert_eq!(Format::detect(b"RIFF\0\0\0\0WEBP").unwrap(), Format::WebP);
        assert_eq!(Format::detect(b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10").unwrap(), Format::Tiff);
        assert_eq!(Format::detect(b"\0\0\0\x10ftypavif\0\0\0\0").unwrap(), Format::Avif);
        assert_eq!(Format::detect(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif").unwrap(), Format::Avif);
    }

    #[test]
    fn empty_unknown_and_unsupported_files_have_different_errors() {
        assert_eq!(Format::detect(b"").unwrap_err().to_string(), "the file is empty");
        let text = Format::detect(b"Dear all,").unwrap_err().to_string();
        assert!(text.ends_with("it begins with 44 65 61 72 20 61 6c 6c"), "{text}");
        let heic = Format::detect(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").unwrap_err().to_string();
        assert_eq!(heic, "HEIC is not supported: its codec is patented; export the image as JPEG");
    }
}

use std::fmt;

use image::ImageFormat;

use crate::{Error, heif};

/// A format read here, recognized by a file's first bytes and never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JPEG, baseline and progressive; gray, RGB and CMYK.
    Jpeg,
    /// PNG and APNG.
    Png,
    /// WebP, still or moving.
    WebP,
    /// GIF, still or moving.
    Gif,
    /// TIFF's first page.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// AVIF, and a sequence's first picture.
    Avif,
}

impl Format {
    /// Recognizes a file.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.is_empty() {
            return Err(Error::Empty);
        }
        if let Some(format) = by_brand(bytes) {
            return format;
        }
        match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => Ok(Self::Jpeg),
            Ok(ImageFormat::Png) => Ok(Self::Png),
            Ok(ImageFormat::WebP) => Ok(Self::WebP),
            Ok(ImageFormat::Gif) => Ok(Self::Gif),
            Ok(ImageFormat::Tiff) => Ok(Self::Tiff),
            Ok(ImageFormat::Bmp) => Ok(Self::Bmp),
            // ImageFormat is somebody else's and open-ended.
            _ => Err(Error::Unknown { begins: begins(bytes) }),
        }
    }

    /// The same format in the decoders' words.
    pub(crate) fn decoder(self) -> ImageFormat {
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

/// What a file that begins as the ISO base media file format (ISO/IEC 14496-12) says it is: an AVIF, or one of the
/// pictures that people will send and that deserve a better answer than "unknown".
fn by_brand(bytes: &[u8]) -> Option<Result<Format, Error>> {
    let brands = heif::brands(bytes);
    if brands.iter().any(|brand| matches!(brand, b"avif" | b"avis")) {
        return Some(Ok(Format::Avif));
    }
    let heic = matches!(brands.first()?, b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1");
    let why = "its codec is patented; have the camera or app export JPEG";
    heic.then_some(Err(Error::Unread { format: "HEIC", why }))
}

fn begins(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_bytes() {
        assert_eq!(Format::of(b"\xff\xd8\xff\xe0").unwrap(), Format::Jpeg);
        assert_eq!(Format::of(b"GIF89a").unwrap(), Format::Gif);
        assert_eq!(Format::of(b"RIFF\0\0\0\0WEBP").unwrap(), Format::WebP);
        assert_eq!(Format::of(b"\0\0\0\x10ftypavif\0\0\0\0").unwrap(), Format::Avif);
        assert_eq!(Format::of(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif").unwrap(), Format::Avif);
    }

    #[test]
    fn what_is_no_picture_is_told_apart_from_what_is_not_read() {
        assert_eq!(Format::of(b"").unwrap_err().to_string(), "the file is empty");
        let text = Format::of(b"Dear all,").unwrap_err().to_string();
        assert!(text.ends_with("it begins with 44 65 61 72 20 61 6c 6c"), "{text}");
        let heic = Format::of(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").unwrap_err().to_string();
        assert_eq!(heic, "HEIC is not read here: its codec is patented; have the camera or app export JPEG");
    }
}

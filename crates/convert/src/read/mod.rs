//! Reads the header and the pixels of a source file.
//!
//! Each format has one [`Reader`], in its own module. The size, the color interpretation and the pixels of a format come
//! from the same decoder, because two decoders would disagree about unusual files. After [`open`], no code depends on
//! the format.

mod avif;
mod bmp;
mod gif;
mod header;
#[cfg(feature = "heic")]
mod heic;
mod heif;
mod jpeg;
pub(crate) mod metadata;
mod png;
mod regions;
mod source;
mod tiff;
mod webp;

use image::ImageError;
use model::{Limits, Recipe};

use self::metadata::MetadataBlocks;
use crate::error::brief;
use crate::{Error, Format};

pub(crate) use header::Header;
pub(crate) use source::{CopiedSource, Decode, DecodeRequest, Decoded, DecodedPixels, PixelForm, Source};

/// The reader of one format.
pub(crate) struct Reader {
    format: Format,
    /// Whether a file has this format. Only the first bytes are examined, because the reader reports all damage.
    recognize: fn(&[u8]) -> bool,
    /// Reads the header.
    open: for<'bytes> fn(&'bytes [u8], &ReadOptions<'_>) -> Result<Source<'bytes>, Error>,
}

/// The settings that affect reading.
#[derive(Clone, Copy)]
pub(crate) struct ReadOptions<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) limits: &'a Limits,
}

/// The readers of all formats. To add a format, add its module and a line to this list.
static READERS: &[Reader] = &[
    jpeg::READER,
    png::READER,
    webp::READER,
    gif::READER,
    tiff::READER,
    bmp::READER,
    avif::READER,
    #[cfg(feature = "heic")]
    heic::READER,
];

impl Format {
    /// Returns all supported formats.
    pub fn all() -> impl Iterator<Item = Self> {
        READERS.iter().map(|reader| reader.format)
    }
}

/// Recognizes the format of a file and reads its header.
///
/// # Errors
/// Returns an [`Error`] if the format is not supported, or the error of its reader.
pub(crate) fn open<'bytes>(bytes: &'bytes [u8], recipe: &Recipe, limits: &Limits) -> Result<Source<'bytes>, Error> {
    let reader = recognize(bytes)?;
    let mut source = (reader.open)(bytes, &ReadOptions { recipe, limits })?;
    let header = &mut source.header;
    if recipe.has_crops() {
        header.focal_point = header.xmp.as_deref().and_then(|xmp| regions::focal_point(xmp, header.orientation));
    }
    let blocks = MetadataBlocks { exif: header.exif.take(), xmp: header.xmp.take(), iim: header.iim.take() };
    let MetadataBlocks { exif, xmp, .. } = blocks.select(recipe.metadata, &mut header.notes);
    (header.exif, header.xmp) = (exif, xmp);
    Ok(source)
}

fn recognize(bytes: &[u8]) -> Result<&'static Reader, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    let reader = READERS.iter().find(|reader| (reader.recognize)(bytes));
    reader.ok_or_else(|| {
        if !cfg!(feature = "heic") && heif::is_heif(bytes) {
            let reason = "this program was built without the feature `heic`; export the image as JPEG";
            return Error::UnsupportedFormat { format: "HEIC", reason };
        }
        let begins: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Error::UnknownFormat { begins: begins.join(" ") }
    })
}

/// Converts an error of the `image` crate's decoders.
fn decoder_error(format: Format, error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(error) => Error::Unsupported { format, message: brief(&error.to_string()) },
        // The crate's text, "Memory limit exceeded", names no limit. The cause is the size that the file declares, so
        // the error is `Damaged`.
        ImageError::Limits(error) => Error::Damaged { format, message: format!("it needs too much memory: {error}") },
        // Takes only the cause: the rest of the text is the format's name, which our error contains already.
        ImageError::Decoding(error) => {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Error::Damaged { format, message: brief(&cause) }
        }
        error => Error::Damaged { format, message: brief(&error.to_string()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_is_recognized_by_the_first_bytes() {
        let name = |bytes: &[u8]| recognize(bytes).map(|reader| reader.format.to_string()).unwrap();
        assert_eq!(name(b"\xff\xd8\xff\xe0"), "JPEG");
        assert_eq!(name(b"\x89PNG\r\n\x1a\n"), "PNG");
        assert_eq!(name(b"GIF89a"), "GIF");
        assert_eq!(name(b"RIFF\0\0\0\0WEBP"), "WebP");
        assert_eq!(name(b"II*\0"), "TIFF");
        assert_eq!(name(b"BM"), "BMP");
        assert_eq!(name(b"\0\0\0\x10ftypavif\0\0\0\0"), "AVIF");
        assert_eq!(name(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif"), "AVIF");
        #[cfg(feature = "heic")]
        assert_eq!(name(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), "HEIC");
    }

    #[test]
    fn empty_unknown_and_unsupported_files_have_different_errors() {
        let error = |bytes: &[u8]| recognize(bytes).map(|_| ()).unwrap_err().to_string();
        assert_eq!(error(b""), "the file is empty");
        let formats = if cfg!(feature = "heic") { "AVIF, HEIC" } else { "AVIF" };
        assert_eq!(
            error(b"Dear all,"),
            format!(
                "not an image in a supported format (JPEG, PNG, WebP, GIF, TIFF, BMP, {formats}); it begins with 44 65 61 \
                 72 20 61 6c 6c"
            )
        );
        #[cfg(not(feature = "heic"))]
        assert_eq!(
            error(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
            "HEIC is not supported: this program was built without the feature `heic`; export the image as JPEG"
        );
    }
}

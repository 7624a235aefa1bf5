//! Windows and OS/2 bitmaps, decoded here. The `image` crate (0.25.10) ignores the alpha mask of an uncompressed bitmap,
//! the color space and the ICC profile, and rejects bitmaps without the last padding bytes and `BI_ALPHABITFIELDS`. Its
//! decoder has no interface to the pixels below the header, so a corrected header would be a second interpretation of the
//! file. The pixels are simple: the rows of a bitmap are not compressed, or run-length encoded.
//!
//! What the specification leaves open follows Chromium's `BMPImageReader`.

mod color;
mod header;
mod masks;
mod pixels;
mod run_lengths;

use image::{ColorType, DynamicImage, RgbImage, RgbaImage};

use self::header::{BmpHeader, Compression};
use super::{Decode, DecodeRequest, Decoded, Header, ReadOptions, Reader, Source};
use crate::{Error, Format};

impl Format {
    /// Windows bitmap.
    pub const BMP: Self = Self { name: "BMP", extensions: &["bmp"] };
}

pub(crate) const READER: Reader = Reader { format: Format::BMP, recognize, open };

fn recognize(bytes: &[u8]) -> bool {
    bytes.starts_with(b"BM")
}

fn open<'bytes>(bytes: &'bytes [u8], _: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    let bmp = BmpHeader::read(bytes)?;
    let mut header = Header::new(bmp.size, if bmp.has_alpha() { ColorType::Rgba8 } else { ColorType::Rgb8 });
    let color::ColorSpace { icc, note } = color::read(bytes);
    header.icc = icc;
    header.notes.extend(note);
    Ok(Source { format: Format::BMP, header, decoder: Box::new(BmpFile(bmp)) })
}

struct BmpFile<'bytes>(BmpHeader<'bytes>);

impl Decode for BmpFile<'_> {
    fn decode(self: Box<Self>, _: &DecodeRequest) -> Result<Decoded, Error> {
        let bmp = self.0;
        let (width, height) = bmp.size;
        let samples = match bmp.compression {
            Compression::None => pixels::decode(&bmp)?,
            Compression::RunLengths(unit) => run_lengths::decode(&bmp, unit)?,
        };
        let image: Option<DynamicImage> = if bmp.has_alpha() {
            RgbaImage::from_raw(width, height, samples).map(Into::into)
        } else {
            RgbImage::from_raw(width, height, samples).map(Into::into)
        };
        Ok(image.ok_or_else(|| damaged("it has fewer pixels than its dimensions"))?.into())
    }
}

fn missing_rows(rows: u32, height: u32) -> Error {
    damaged(&format!("it has only {rows} of its {height} rows"))
}

fn damaged(message: &str) -> Error {
    Error::Damaged { format: Format::BMP, message: message.into() }
}

//! Windows bitmaps, read with the `image` crate.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::{DynamicImage, ImageDecoder};

use super::{Decode, DecodeRequest, Decoded, Header, ReadOptions, Reader, Source, decoder_error};
use crate::{Error, Format};

impl Format {
    /// Windows bitmap.
    pub const BMP: Self = Self { name: "BMP", extensions: &["bmp"] };
}

pub(crate) const READER: Reader = Reader { format: Format::BMP, recognize, open };

fn recognize(bytes: &[u8]) -> bool {
    bytes.starts_with(b"BM")
}

fn open<'bytes>(bytes: &'bytes [u8], options: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    let mut decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(|error| decoder_error(Format::BMP, error))?;
    let mut allocation = image::Limits::no_limits();
    allocation.max_alloc = Some(options.limits.memory);
    decoder.set_limits(allocation).map_err(|error| decoder_error(Format::BMP, error))?;
    let header = Header::new(decoder.dimensions(), decoder.color_type());
    Ok(Source { format: Format::BMP, header, decoder: Box::new(BmpFile(decoder)) })
}

struct BmpFile<'bytes>(BmpDecoder<Cursor<&'bytes [u8]>>);

impl Decode for BmpFile<'_> {
    fn decode(self: Box<Self>, _: &DecodeRequest) -> Result<Decoded, Error> {
        let image = DynamicImage::from_decoder(self.0).map_err(|error| decoder_error(Format::BMP, error))?;
        Ok(image.into())
    }
}

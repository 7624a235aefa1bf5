//! WebP, still and animated, read with the `image` crate, which uses `image-webp`.

mod chunks;
mod frames;
mod prefix_codes;

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder};

use self::chunks::{find_chunk, table_bytes};
use self::frames::WebpAnimation;
use super::{
    Decode, DecodeRequest, Decoded, DecodedPixels, Header, ReadOptions, Reader, Source, decoder_error, metadata,
};
use crate::animation::{AnimationHeader, FrameBudget};
use crate::{Error, Format};

impl Format {
    /// WebP, still or animated.
    pub const WEBP: Self = Self { name: "WebP", extensions: &["webp"] };
}

pub(crate) const READER: Reader = Reader { format: Format::WEBP, recognize, open };

fn recognize(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP")
}

fn open<'bytes>(bytes: &'bytes [u8], options: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|error| decoder_error(Format::WEBP, error))?;
    let mut allocation = image::Limits::no_limits();
    allocation.max_alloc = Some(options.limits.memory);
    decoder.set_limits(allocation).map_err(|error| decoder_error(Format::WEBP, error))?;
    let size = decoder.dimensions();
    let mut header = Header::new(size, decoder.color_type());
    let [icc, exif, xmp] = [*b"ICCP", *b"EXIF", *b"XMP "].map(|name| find_chunk(bytes, name));
    header.icc = icc.map(metadata::copy_block);
    let exif = exif.map(metadata::strip_exif_prefix);
    header.orientation = exif.map_or(Orientation::NoTransforms, metadata::orientation);
    header.exif = exif.map(metadata::copy_block);
    header.xmp = xmp.map(metadata::copy_block);
    let mut budget = FrameBudget::new(size, options.limits.animation_pixels);
    let timings = frames::read_timings(bytes, &mut budget)?;
    header.animation = timings.map(|timings| AnimationHeader::new(Format::WEBP, size, &timings, &budget));
    let is_animated = header.animation.is_some();
    // Two encoders read the animation at the same time.
    let readers = if is_animated { 2 } else { 1 };
    header.cost.held_bytes = readers * table_bytes(bytes, size)?;
    let decoder: Box<dyn Decode> =
        if is_animated { Box::new(AnimatedWebp { bytes, canvas: size }) } else { Box::new(StillWebp(decoder)) };
    Ok(Source { format: Format::WEBP, header, decoder })
}

struct StillWebp<'bytes>(WebPDecoder<Cursor<&'bytes [u8]>>);

impl Decode for StillWebp<'_> {
    fn decode(self: Box<Self>, _: &DecodeRequest) -> Result<Decoded, Error> {
        let image = DynamicImage::from_decoder(self.0).map_err(|error| decoder_error(Format::WEBP, error))?;
        Ok(image.into())
    }
}

struct AnimatedWebp<'bytes> {
    bytes: &'bytes [u8],
    canvas: (u32, u32),
}

impl Decode for AnimatedWebp<'_> {
    fn decode(self: Box<Self>, _: &DecodeRequest) -> Result<Decoded, Error> {
        let animation = WebpAnimation { bytes: self.bytes.into(), canvas: self.canvas };
        Ok(DecodedPixels::Frames(Box::new(animation)).into())
    }
}

fn damaged(message: String) -> Error {
    Error::Damaged { format: Format::WEBP, message }
}

//! WebP, still and animated. The `image` crate's decoder, `image-webp`, decodes the images; it is the only maintained
//! decoder in Rust. It rejects containers that libwebp accepts, so the container is read here, and the decoder receives
//! files that contain only one image.

mod chunks;
mod container;
mod frames;
mod prefix_codes;

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder};

use self::chunks::table_bytes;
use self::container::{ALPHA_FLAG, Container, EXIF_FLAG, ICC_FLAG, StillImage, XMP_FLAG};
use self::frames::{WebpAnimation, WebpFrames};
use super::{
    Decode, DecodeRequest, Decoded, DecodedPixels, Header, ReadOptions, Reader, Source, decoder_error, metadata,
};
use crate::animation::{AnimationHeader, Canvas, FrameBudget};
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
    let container = Container::read(bytes);
    let canvas = container.extended.map(|(_, canvas)| canvas);
    let mut budget = FrameBudget::new(canvas.unwrap_or_default(), options.limits.animation_pixels);
    let timings = frames::read_timings(bytes, &container, &mut budget)?;
    // The tables are checked first, because a decoder would decode a truncated image up to its end.
    let table_bytes = table_bytes(container.bytes(), canvas.unwrap_or_default())?;
    let mut header;
    let decoder: Box<dyn Decode>;
    if let (Some(timings), Some(canvas)) = (timings, canvas) {
        header = Header::new(canvas, ColorType::Rgba8);
        let is_declared_opaque = !container.has_flag(ALPHA_FLAG);
        if timings.delays.len() > 1 {
            let animation = AnimationHeader::new(Format::WEBP, canvas, &timings, &budget);
            header.animation = Some(animation.with_declared_opacity(is_declared_opaque));
        }
        decoder = Box::new(AnimatedWebp { bytes, canvas, is_still: header.animation.is_none(), is_declared_opaque });
    } else {
        let image = container.still_image().ok_or_else(|| damaged("its image is missing or incomplete".into()))?;
        let still = StillWebp::open(&image, &container, options.limits.memory)?;
        header = Header::new(still.decoder.dimensions(), still.color());
        // The decoder reads a copy of the image.
        header.cost.held_bytes = image.len() as u64;
        decoder = Box::new(still);
    }
    // Two encoders read an animation at the same time.
    let readers = if header.animation.is_some() { 2 } else { 1 };
    header.cost.held_bytes += readers * table_bytes;
    header.icc = container.metadata(*b"ICCP", ICC_FLAG).map(metadata::copy_block);
    let exif = container.metadata(*b"EXIF", EXIF_FLAG).map(metadata::strip_exif_prefix);
    header.orientation = exif.map_or(Orientation::NoTransforms, metadata::orientation);
    header.exif = exif.map(metadata::copy_block);
    header.xmp = container.metadata(*b"XMP ", XMP_FLAG).map(metadata::copy_block);
    Ok(Source { format: Format::WEBP, header, decoder })
}

struct StillWebp {
    decoder: WebPDecoder<Cursor<Vec<u8>>>,
    /// Whether an extended file declares that its image is opaque. Browsers then ignore the alpha channel of a lossless
    /// image.
    is_declared_opaque: bool,
}

impl StillWebp {
    fn open(image: &StillImage<'_>, container: &Container<'_>, memory: u64) -> Result<Self, Error> {
        let canvas = container.extended.map(|(_, canvas)| canvas);
        let file = image.to_file(canvas.unwrap_or_default());
        let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(|error| decoder_error(Format::WEBP, error))?;
        let mut allocation = image::Limits::no_limits();
        allocation.max_alloc = Some(memory);
        decoder.set_limits(allocation).map_err(|error| decoder_error(Format::WEBP, error))?;
        if canvas.is_some_and(|canvas| canvas != decoder.dimensions()) {
            return Err(damaged("the size of its image differs from the size of its canvas".into()));
        }
        Ok(Self { decoder, is_declared_opaque: canvas.is_some() && !container.has_flag(ALPHA_FLAG) })
    }

    fn color(&self) -> ColorType {
        if self.is_declared_opaque { ColorType::Rgb8 } else { self.decoder.color_type() }
    }
}

impl Decode for StillWebp {
    fn decode(self: Box<Self>, _: &DecodeRequest) -> Result<Decoded, Error> {
        let image = DynamicImage::from_decoder(self.decoder).map_err(|error| decoder_error(Format::WEBP, error))?;
        Ok(if self.is_declared_opaque { DynamicImage::from(image.into_rgb8()).into() } else { image.into() })
    }
}

struct AnimatedWebp<'bytes> {
    bytes: &'bytes [u8],
    canvas: (u32, u32),
    /// Whether the file has only one frame.
    is_still: bool,
    is_declared_opaque: bool,
}

impl Decode for AnimatedWebp<'_> {
    fn decode(self: Box<Self>, _: &DecodeRequest) -> Result<Decoded, Error> {
        if self.is_still {
            let frames = WebpFrames::open(self.bytes, self.canvas).next();
            let frame = frames.ok_or_else(|| damaged("it has no frame".into()))??;
            let mut canvas = Canvas::new(self.canvas);
            canvas.draw(&frame);
            drop(frame);
            let image = DynamicImage::from(canvas.into_pixels());
            return Ok(if self.is_declared_opaque {
                DynamicImage::from(image.into_rgb8()).into()
            } else {
                image.into()
            });
        }
        let animation = WebpAnimation { bytes: self.bytes.into(), canvas: self.canvas };
        Ok(DecodedPixels::Frames(Box::new(animation)).into())
    }
}

fn damaged(message: String) -> Error {
    Error::Damaged { format: Format::WEBP, message }
}

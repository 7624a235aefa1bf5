//! PNG and APNG, read with the `png` crate (0.18.1), which Chromium also uses. The `image` crate's reader would keep all
//! text chunks in memory, and a file can contain millions of text chunks.

mod chunks;
mod frames;
mod rows;

use std::borrow::Cow;
use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageBuffer};
use model::{DamagedMode, Metadata};
use png::{BitDepth, Decoder, Limits, Transformations};

use self::frames::{ApngAnimation, ApngFrames, Shown};
use super::{Decode, DecodeRequest, Decoded, DecodedPixels, Header, ReadOptions, Reader, Source, metadata};
use crate::animation::{AnimationHeader, Canvas, FrameBudget, StoredFrame};
use crate::damage::Damage;
use crate::error::brief;
use crate::pixels::transparent_rows::with_transparent_rows;
use crate::read::header::with_alpha;
use crate::{Error, Format};

impl Format {
    /// PNG and APNG.
    pub const PNG: Self = Self { name: "PNG", extensions: &["png", "apng"] };
}

pub(crate) const READER: Reader = Reader { format: Format::PNG, recognize, open };

fn recognize(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n\x1a\n")
}

fn open<'bytes>(bytes: &'bytes [u8], options: &ReadOptions<'_>) -> Result<Source<'bytes>, Error> {
    let file = PngFile::open(bytes)?;
    let size = file.reader.info().size();
    let mut header = Header::new(size, file.color);
    // The decoder may read a copy of the file, to which the last chunk was added.
    header.cost.file_copies = if file.is_copied { 2 } else { 1 };
    let is_gray = !file.color.has_color();
    let icc = file.reader.info().icc_profile.as_ref().map(|icc| icc.to_vec());
    // If the file has a profile that cannot be read, an empty profile replaces it. The empty profile is later reported as
    // damaged.
    let icc = icc.or_else(|| chunks::has_profile(bytes).then(Vec::new));
    header.cicp = chunks::read_cicp(bytes).or_else(|| chunks::linear_cicp(bytes, is_gray).filter(|_| icc.is_none()));
    header.icc = icc.or_else(|| chunks::gamma_profile(bytes, is_gray)).filter(|_| header.cicp.is_none());
    let exif = chunks::find_exif(bytes).map(metadata::strip_exif_prefix);
    header.orientation = exif.map_or(Orientation::NoTransforms, metadata::orientation);
    header.exif = exif.map(metadata::copy_block);
    // The XMP may be compressed. It is decompressed only if metadata is kept.
    let xmp = chunks::find_xmp(bytes).filter(|_| options.recipe.metadata != Metadata::Strip);
    header.xmp = xmp.map(|chunk| read_xmp(bytes, chunk, metadata::MAX_BLOCK_BYTES));
    let mut budget = FrameBudget::new(size, options.limits.animation_pixels);
    let damaged_mode = options.recipe.damaged;
    let (shown, note) = frames::read_timings(bytes, damaged_mode, &mut budget)?;
    header.notes.extend(note);
    if let Shown::Animation(timings) = &shown {
        header.animation = Some(AnimationHeader::new(Format::PNG, size, timings, &budget));
    }
    if damaged_mode == DamagedMode::Convert {
        // An opaque image gets an alpha channel if rows are missing.
        header.color = with_alpha(header.color);
    }
    if matches!(shown, Shown::OnlyFrame) {
        // The frame is drawn onto a canvas of this type. The canvas, its copy and the frame are in memory.
        header.color = if is_gray { ColorType::La8 } else { ColorType::Rgba8 };
        header.cost.pixel_copies = if is_gray { 6 } else { 3 };
    }
    let file = PngFile { shown, ..file };
    Ok(Source { format: Format::PNG, header, decoder: Box::new(file) })
}

/// A PNG file, of which the chunks before the pixels were read.
struct PngFile<'bytes> {
    bytes: &'bytes [u8],
    /// Whether the reader has a copy of the file.
    is_copied: bool,
    reader: png::Reader<Cursor<Cow<'bytes, [u8]>>>,
    color: ColorType,
    shown: Shown,
}

/// The maximum size in bytes of a PNG's profile, Exif and a few rows together. A profile of a few hundred bytes could
/// inflate to gigabytes. The largest profiles in use have 4 MiB.
const MAX_METADATA_BYTES: usize = 16 << 20;

impl<'bytes> PngFile<'bytes> {
    fn open(bytes: &'bytes [u8]) -> Result<Self, Error> {
        // Xcode writes this chunk before the header, and omits the headers of the compressed data.
        if bytes.get(12..16) == Some(b"CgBI") {
            let message = "CgBI, Apple's variant for iOS; revert it with `pngcrush -revert-iphone-optimizations`";
            return Err(Error::Unsupported { format: Format::PNG, message: message.into() });
        }
        let file = chunks::with_end(bytes);
        let is_copied = matches!(file, Cow::Owned(_));
        let mut decoder = Decoder::new_with_limits(Cursor::new(file), Limits { bytes: MAX_METADATA_BYTES });
        // Samples with fewer than 8 bits are expanded to 8 bits, palette indices become colors, and a transparent color
        // becomes alpha.
        decoder.set_transformations(Transformations::EXPAND);
        decoder.set_ignore_text_chunk(true);
        let reader = decoder.read_info().map_err(|error| decoder_error(&error))?;
        let color = match reader.output_color_type() {
            (png::ColorType::Grayscale, BitDepth::Eight) => ColorType::L8,
            (png::ColorType::Grayscale, BitDepth::Sixteen) => ColorType::L16,
            (png::ColorType::GrayscaleAlpha, BitDepth::Eight) => ColorType::La8,
            (png::ColorType::GrayscaleAlpha, BitDepth::Sixteen) => ColorType::La16,
            (png::ColorType::Rgb, BitDepth::Eight) => ColorType::Rgb8,
            (png::ColorType::Rgb, BitDepth::Sixteen) => ColorType::Rgb16,
            (png::ColorType::Rgba, BitDepth::Eight) => ColorType::Rgba8,
            (png::ColorType::Rgba, BitDepth::Sixteen) => ColorType::Rgba16,
            (color, depth) => {
                let message = format!("{color:?} of {depth:?} bits");
                return Err(Error::Unsupported { format: Format::PNG, message });
            }
        };
        Ok(Self { bytes, is_copied, reader, color, shown: Shown::StillImage })
    }
}

impl Decode for PngFile<'_> {
    fn decode(self: Box<Self>, request: &DecodeRequest) -> Result<Decoded, Error> {
        let allows_damage = request.damaged == DamagedMode::Convert;
        match self.shown {
            Shown::StillImage => {
                let bytes = self.bytes;
                match self.decode_still_image() {
                    Err(Error::Damaged { .. }) if allows_damage => Self::open(bytes)?.decode_damaged_image(),
                    image => Ok(image?.into()),
                }
            }
            Shown::OnlyFrame => {
                let frame = ApngFrames::open(self.bytes)?.next().ok_or_else(|| damaged("it has no frame"))?;
                match frame {
                    Err(Error::Damaged { .. }) if allows_damage => self.decode_damaged_frame(),
                    frame => Ok(self.draw(frame?).into()),
                }
            }
            Shown::Animation(_) => {
                if allows_damage && let Some(Err(_)) = ApngFrames::open(self.bytes)?.next() {
                    return self.decode_damaged_frame();
                }
                Ok(DecodedPixels::Frames(Box::new(ApngAnimation { bytes: self.bytes.into() })).into())
            }
        }
    }
}

impl PngFile<'_> {
    fn decode_still_image(mut self) -> Result<DynamicImage, Error> {
        let mut samples = self.allocate()?;
        self.reader.next_frame(&mut samples).map_err(|error| decoder_error(&error))?;
        let image = to_image(samples, self.color, self.reader.info().size());
        image.ok_or_else(|| damaged("it has fewer pixels than its dimensions"))
    }

    /// Decodes the still image up to the first damage.
    fn decode_damaged_image(mut self) -> Result<Decoded, Error> {
        let mut samples = self.allocate()?;
        let size = self.reader.info().size();
        let rows = rows::decode_rows(&mut self.reader, &mut samples, size)?;
        let image =
            to_image(samples, self.color, size).ok_or_else(|| damaged("it has fewer pixels than its dimensions"))?;
        Ok(with_note(with_transparent_rows(image, rows.visible), &rows.damage))
    }

    /// Decodes the first frame of an animation up to the first damage.
    fn decode_damaged_frame(&self) -> Result<Decoded, Error> {
        let (frame, damage) = ApngFrames::open(self.bytes)?.decode_damaged_frame()?;
        Ok(with_note(self.draw(frame), &damage))
    }

    /// Draws a frame onto an empty canvas.
    fn draw(&self, frame: StoredFrame) -> DynamicImage {
        let mut canvas = Canvas::new(self.reader.info().size());
        canvas.draw(&frame);
        drop(frame);
        let image = DynamicImage::from(canvas.into_pixels());
        if self.color.has_color() { image } else { image.into_luma_alpha8().into() }
    }

    fn allocate(&self) -> Result<Vec<u8>, Error> {
        Ok(vec![0; self.reader.output_buffer_size().ok_or_else(|| damaged("it is too large for memory"))?])
    }
}

fn with_note(image: DynamicImage, damage: &Damage) -> Decoded {
    let mut decoded = Decoded::from(image);
    decoded.notes.push(damage.note(Format::PNG));
    decoded
}

/// Creates an image from samples. Samples of 16 bits are big-endian. Returns `None` if samples are missing.
fn to_image(samples: Vec<u8>, color: ColorType, (width, height): (u32, u32)) -> Option<DynamicImage> {
    if color.bytes_per_pixel() == color.channel_count() {
        return Some(match color.channel_count() {
            1 => DynamicImage::ImageLuma8(ImageBuffer::from_raw(width, height, samples)?),
            2 => DynamicImage::ImageLumaA8(ImageBuffer::from_raw(width, height, samples)?),
            3 => DynamicImage::ImageRgb8(ImageBuffer::from_raw(width, height, samples)?),
            _ => DynamicImage::ImageRgba8(ImageBuffer::from_raw(width, height, samples)?),
        });
    }
    let samples = samples.as_chunks().0.iter().map(|&sample| u16::from_be_bytes(sample)).collect();
    Some(match color.channel_count() {
        1 => DynamicImage::ImageLuma16(ImageBuffer::from_raw(width, height, samples)?),
        2 => DynamicImage::ImageLumaA16(ImageBuffer::from_raw(width, height, samples)?),
        3 => DynamicImage::ImageRgb16(ImageBuffer::from_raw(width, height, samples)?),
        _ => DynamicImage::ImageRgba16(ImageBuffer::from_raw(width, height, samples)?),
    })
}

/// Converts an error of the decoder.
fn decoder_error(error: &png::DecodingError) -> Error {
    let message = match error {
        png::DecodingError::LimitsExceeded => {
            format!("a row, its profile or its Exif is over {} MiB", MAX_METADATA_BYTES >> 20)
        }
        // The decoder's text describes the properties of the chunk's name.
        error => match brief(&error.to_string()) {
            message if message.starts_with("CRC error") => "the checksum of a chunk is wrong".into(),
            message => message,
        },
    };
    Error::Damaged { format: Format::PNG, message }
}

/// Reads the XMP packet in an `iTXt` chunk (XMP specification, part 3, 1.1.5), which may be compressed. Returns an
/// empty packet if the packet cannot be read or is larger than `max_bytes`. `chunk` is the chunk's data.
fn read_xmp(png: &[u8], chunk: &[u8], max_bytes: usize) -> Vec<u8> {
    // The decoder reads text only from a file. So this code builds a file that contains a header, the chunk, and the
    // start of the pixels.
    let Some(header) = png.get(..33).filter(|_| chunk.len() <= max_bytes) else { return vec![] };
    let length = u32::try_from(chunk.len()).unwrap_or(u32::MAX).to_be_bytes();
    let file = [header, &length, b"iTXt", chunk, &[0; 4], &[0; 4], b"IDAT"].concat();
    let mut decoder =
        Decoder::new_with_limits(Cursor::new(file), Limits { bytes: MAX_METADATA_BYTES.saturating_add(max_bytes) });
    decoder.ignore_checksums(true);
    let text = decoder.read_info().ok().and_then(|reader| {
        let mut text = reader.info().utf8_text.first()?.clone();
        text.decompress_text_with_limit(max_bytes).ok()?;
        text.get_text().ok()
    });
    text.unwrap_or_default().into_bytes()
}

fn damaged(message: &str) -> Error {
    Error::Damaged { format: Format::PNG, message: message.into() }
}

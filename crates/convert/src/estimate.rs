//! What converting a picture will take, from its header alone.

use model::{Depth, Recipe, Speed};

use crate::header::Header;
use crate::motion::Motion;
use crate::{Format, heif, search};

/// What converting a picture will take.
pub(crate) struct Estimate {
    /// Bytes at the peak, with a fixed quality.
    pub(crate) memory: u64,
    /// Bytes at the peak, where the quality is searched for.
    pub(crate) memory_to_search: u64,
    /// Pixels to encode, of all variants together. The least time that the conversion takes is proportional to them.
    pub(crate) encoded_pixels: u64,
}

/// Bytes a pixel of a file that was read back: 4:2:0 at 10 bits, or at 8 bits 4:4:4.
const READ_BACK: u64 = 3;
/// The function's own process, with its SDK and its connections, and in the process that converts: the program and the stacks
/// of its threads.
const PROGRAM: u64 = 48 << 20;

/// Bytes a pixel that decoding AV1 takes beside the pixels.
const AV1_DECODER: u64 = 30;

impl Estimate {
    /// Of a file of so many bytes.
    pub(crate) fn of(header: &Header<'_>, bytes: usize, recipe: &Recipe) -> Self {
        let pixels = u64::from(header.width) * u64::from(header.height);
        let color = header.color_type();
        let deep = u64::from(color.bytes_per_pixel()) > u64::from(color.channel_count());
        // Saturating from here on: a PNG may claim 2^62 pixels, and whoever sets the limits may set none.
        let raster = pixels.saturating_mul(u64::from(color.bytes_per_pixel()));
        // The worst case, 4:4:4 with alpha.
        let planes_per_pixel = u64::from(color.channel_count()) * if deep { 2 } else { 1 };
        let sizes = header.encoded_sizes(recipe);
        let narrower = sizes.iter().find(|&&size| size != header.size()).map(|&(width, _)| u64::from(width));
        let sizes: Vec<u64> = sizes.iter().map(|&(width, height)| u64::from(width) * u64::from(height)).collect();
        let encoded_pixels = sizes.iter().copied().fold(0, u64::saturating_add);
        // A second copy while it is turned or taken apart; a progressive JPEG's coefficients are another two.
        let copies = if header.format == Format::Jpeg { 3 } else { 2 };
        // AV1 is decoded into planes, of which there is a copy, beside what the decoder notes of every block.
        let codec = if header.format == Format::Avif {
            // The cells of a small grid may be larger than the image.
            pixels.max(heif::SMALL.into()).saturating_mul(AV1_DECODER)
        } else {
            0
        };
        let decoding = raster.saturating_mul(copies).saturating_add(codec);
        let planes = encoded_pixels.saturating_mul(planes_per_pixel);
        // Light is 16 bits a channel: the source's, half of the way to the widest size, and each size's.
        let light = u64::from(color.channel_count()) * 2;
        let resizing = narrower.map_or(0, |width| {
            let rows = width.saturating_mul(u64::from(header.size().1));
            // Colors are multiplied by their alpha in a copy.
            let copies = if color.has_alpha() { 2 } else { 1 };
            let lights =
                pixels.saturating_mul(copies).saturating_add(rows).saturating_add(encoded_pixels).saturating_mul(light);
            lights.saturating_add(raster)
        });
        // Two encodes run side by side, the largest first.
        let moves = header.frames() > 1;
        let encoder = if moves {
            avif::sequence_bytes_per_pixel(recipe.speed)
        } else {
            avif::bytes_per_pixel(if deep { Depth::Ten } else { Depth::Eight }, recipe.speed)
        };
        let two_encodes =
            |encoder: u64| sizes.iter().take(2).map(|size| size.saturating_mul(encoder)).fold(0, u64::saturating_add);
        let encoding = two_encodes(encoder);
        // Each of the two has frames of its own: what is seen and what was, the part that is drawn, and two on their way.
        let drawing = header.motion().map_or(0, |motion| {
            // A part may be larger than what is seen of it.
            let hidden = motion.largest_frame().saturating_sub(pixels);
            let frames = pixels.saturating_mul(5).saturating_add(hidden.saturating_mul(2));
            frames.saturating_mul(2 * 4).saturating_add(resizing.saturating_mul(2))
        });
        let encoding = encoding.saturating_add(drawing);
        let decoding = decoding.max(drawing);
        let peak = decoding.max(raster.max(resizing).saturating_add(planes)).max(planes.saturating_add(encoding));
        // Each picture has the profile and the metadata, and so has each encoder at work.
        let beside = [&header.icc, &header.exif, &header.xmp].map(|block| block.as_ref().map_or(0, Vec::len) as u64);
        let profiles = beside.iter().sum::<u64>() * (sizes.len() as u64 + 3);
        // What moves is read twice, from a copy; and what is made of it is there twice while it is put together. An AVIF is
        // there a second time, without its metadata, and a third time as a variant of itself, or while it is written.
        let copies = match header.format {
            Format::Avif => 3,
            _ if moves => 2 + 2 * sizes.len() as u64,
            _ => 1,
        };
        let files = bytes as u64 * copies;
        let besides = (PROGRAM + profiles + header.decoder_bytes).saturating_add(files);
        let memory = peak.saturating_add(besides);
        // What encodes are compared with stays, and takes the encoder's place with what is compared: the file read back by
        // the decoder, and once more in planes of our own.
        let references = encoded_pixels.saturating_mul(u64::from(color.bytes_per_pixel()));
        let read_back =
            sizes.iter().take(2).map(|size| size.saturating_mul(2 * READ_BACK)).fold(0, u64::saturating_add);
        let comparing = read_back.saturating_add(2 * search::CELL_MEMORY);
        // It may turn out that 10 bits are better.
        let encoding = two_encodes(encoder.max(avif::bytes_per_pixel(Depth::Ten, recipe.speed)));
        let searching = references.saturating_add(planes).saturating_add(encoding.max(comparing));
        let memory_to_search = peak.max(searching).saturating_add(besides);
        // A scan of a JPEG is a walk over the whole picture, however little it says: 0.75 ns a pixel were measured.
        let walks = pixels.saturating_mul(u64::from(header.scans().saturating_sub(1))) / 200;
        let encoded_pixels = encoded_pixels.saturating_add(walks);
        let encoded_pixels = header.motion().map_or(encoded_pixels, |motion| frames(motion, &sizes, recipe.speed));
        Self { memory, memory_to_search, encoded_pixels }
    }
}

/// The pixels of a still that takes the least time that an animation can take, at these sizes. Where hardly anything moves,
/// encoding a frame was measured to cost a quarter of a still; a fifth is counted. Decoding a pixel costs 3 ns, a fiftieth of
/// encoding it at speed 6; a hundredth is counted. Every variant decodes all frames once more.
fn frames(motion: &Motion, sizes: &[u64], speed: Speed) -> u64 {
    let after_first = u64::from(motion.frames()).saturating_sub(1);
    let encoding =
        sizes.iter().map(|size| size.saturating_add(after_first.saturating_mul((size / 5).max(least(speed)))));
    let decoding = (motion.stored_pixels() / 100).saturating_mul(sizes.len() as u64 + 1);
    encoding.fold(decoding, u64::saturating_add)
}

/// Pixels of a still that take as long as a frame of 1x1, which is 600 µs at speed 0, 220 at 4, 200 at 6 and 60 from 7 on:
/// less than that at each speed.
fn least(speed: Speed) -> u64 {
    if speed.number() < 5 { 60 } else { 700 }
}

//! The memory and work of a conversion, estimated from the header.

use model::{Depth, Recipe, Speed};

use crate::animation::AnimationHeader;
use crate::header::Header;
use crate::{Format, encoder_memory, heif, search};

/// The memory and work of a conversion.
pub(crate) struct Estimate {
    /// Peak memory in bytes with a fixed quality.
    pub(crate) memory: u64,
    /// Peak memory in bytes with a search for the quality.
    pub(crate) memory_to_search: u64,
    /// Pixels to encode, of all variants together. The minimum CPU time of the conversion is proportional to them.
    pub(crate) encoded_pixels: u64,
}

/// Bytes per pixel of an encode that was decoded again: 4:2:0 at 10 bits, or 4:4:4 at 8 bits.
const BYTES_PER_DECODED_PIXEL: u64 = 3;
/// Bytes of the function's process (the SDK and its connections) and of the process that converts (the program and the
/// stacks of its threads).
const PROCESS_BYTES: u64 = 48 << 20;

/// Bytes per pixel that an AV1 decoder allocates in addition to the pixels.
const AV1_DECODER_BYTES_PER_PIXEL: u64 = 30;

impl Estimate {
    /// Estimates the conversion of a file of this length.
    pub(crate) fn new(header: &Header<'_>, bytes: usize, recipe: &Recipe) -> Self {
        let pixels = u64::from(header.width) * u64::from(header.height);
        let color = header.color_type();
        let is_deep = u64::from(color.bytes_per_pixel()) > u64::from(color.channel_count());
        // All arithmetic saturates from here on: a PNG may declare 2^62 pixels, and the limits may be switched off.
        let source_bytes = pixels.saturating_mul(u64::from(color.bytes_per_pixel()));
        // The worst case is 4:4:4 with alpha.
        let planes_per_pixel = u64::from(color.channel_count()) * if is_deep { 2 } else { 1 };
        let sizes = header.encoded_sizes(recipe);
        let narrower = sizes.iter().find(|&&size| size != header.size()).map(|&(width, _)| u64::from(width));
        let sizes: Vec<u64> = sizes.iter().map(|&(width, height)| u64::from(width) * u64::from(height)).collect();
        let encoded_pixels = sizes.iter().copied().fold(0, u64::saturating_add);
        // Rotation and separation of the channels need a second copy. The coefficients of a progressive JPEG need as
        // much memory as two more copies.
        let copies = if header.format == Format::Jpeg { 3 } else { 2 };
        // AV1 is decoded to planes. They are copied once, and the decoder stores data for every block.
        let codec = if header.format == Format::Avif {
            // The cells of a small grid image may be larger than the image.
            pixels.max(heif::SMALL_IMAGE_PIXELS.into()).saturating_mul(AV1_DECODER_BYTES_PER_PIXEL)
        } else {
            0
        };
        let decoding = source_bytes.saturating_mul(copies).saturating_add(codec);
        let planes = encoded_pixels.saturating_mul(planes_per_pixel);
        // The filter uses 16 bits per channel: for the source, for the image between the horizontal and the vertical pass,
        // and for each size.
        let filter_bytes = u64::from(color.channel_count()) * 2;
        let resizing = narrower.map_or(0, |width| {
            let rows = width.saturating_mul(u64::from(header.size().1));
            // The filter multiplies colors by alpha in a copy.
            let copies = if color.has_alpha() { 2 } else { 1 };
            let filter_images = pixels
                .saturating_mul(copies)
                .saturating_add(rows)
                .saturating_add(encoded_pixels)
                .saturating_mul(filter_bytes);
            filter_images.saturating_add(source_bytes)
        });
        // Two encodes run at a time, the largest first.
        let is_animated = header.frames() > 1;
        let encoder = if is_animated {
            encoder_memory::bytes_per_animation_pixel(recipe.speed)
        } else {
            encoder_memory::bytes_per_pixel(if is_deep { Depth::Ten } else { Depth::Eight }, recipe.speed)
        };
        let two_encodes =
            |encoder: u64| sizes.iter().take(2).map(|size| size.saturating_mul(encoder)).fold(0, u64::saturating_add);
        let encoding = two_encodes(encoder);
        // Each of the two encodes has its own frames: the canvas and its previous state, the part that is drawn, and two
        // frames that are being converted.
        let drawing = header.animation().map_or(0, |animation| {
            // A stored frame may be larger than its visible part.
            let hidden = animation.largest_frame_pixels().saturating_sub(pixels);
            let frames = pixels.saturating_mul(5).saturating_add(hidden.saturating_mul(2));
            frames.saturating_mul(2 * 4).saturating_add(resizing.saturating_mul(2))
        });
        let encoding = encoding.saturating_add(drawing);
        let decoding = decoding.max(drawing);
        let peak = decoding.max(source_bytes.max(resizing).saturating_add(planes)).max(planes.saturating_add(encoding));
        // Each image and each running encoder has a copy of the profile and the metadata.
        let blocks = [&header.icc, &header.exif, &header.xmp].map(|block| block.as_ref().map_or(0, Vec::len) as u64);
        let profiles = blocks.iter().sum::<u64>() * (sizes.len() as u64 + 3);
        // An animation is copied and read twice, and each output exists twice while the file is assembled. An AVIF exists a
        // second time without its metadata, and a third time as a variant, or while it is written.
        let copies = match header.format {
            Format::Avif => 3,
            _ if is_animated => 2 + 2 * sizes.len() as u64,
            _ => 1,
        };
        let files = bytes as u64 * copies;
        let other = (PROCESS_BYTES + profiles + header.decoder_bytes).saturating_add(files);
        let memory = peak.saturating_add(other);
        // A search keeps the pixels that it compares encodes with. While it compares, no encoder runs, but the decoded
        // encode exists twice: in the decoder and in our planes.
        let references = encoded_pixels.saturating_mul(u64::from(color.bytes_per_pixel()));
        let read_back = sizes
            .iter()
            .take(2)
            .map(|size| size.saturating_mul(2 * BYTES_PER_DECODED_PIXEL))
            .fold(0, u64::saturating_add);
        let comparing = read_back.saturating_add(2 * search::CELL_MEMORY);
        // The search may choose 10 bits.
        let encoding = two_encodes(encoder.max(encoder_memory::bytes_per_pixel(Depth::Ten, recipe.speed)));
        let searching = references.saturating_add(planes).saturating_add(encoding.max(comparing));
        let memory_to_search = peak.max(searching).saturating_add(other);
        // Each scan of a JPEG takes time for the whole image, even if it contains little data: 0.75 ns per pixel were
        // measured.
        let scans = pixels.saturating_mul(u64::from(header.scans().saturating_sub(1))) / 200;
        let encoded_pixels = encoded_pixels.saturating_add(scans);
        let encoded_pixels =
            header.animation().map_or(encoded_pixels, |animation| animation_pixels(animation, &sizes, recipe.speed));
        Self { memory, memory_to_search, encoded_pixels }
    }
}

/// Returns the pixels of a still image that takes as long as the minimum time of this animation, at these sizes.
/// Encoding a frame with hardly any changes was measured to take a quarter of a still image; a fifth is counted.
/// Decoding a pixel takes 3 ns, 1/50 of encoding it at speed 6; 1/100 is counted. Every variant decodes all frames once
/// more.
fn animation_pixels(animation: &AnimationHeader, sizes: &[u64], speed: Speed) -> u64 {
    let after_first = u64::from(animation.frames()).saturating_sub(1);
    let encoding = sizes
        .iter()
        .map(|size| size.saturating_add(after_first.saturating_mul((size / 5).max(min_frame_pixels(speed)))));
    let decoding = (animation.stored_pixels() / 100).saturating_mul(sizes.len() as u64 + 1);
    encoding.fold(decoding, u64::saturating_add)
}

/// Returns the number of pixels that the smallest frame counts as: at each speed, a still image of so many pixels takes
/// less time than a frame of 1x1. Such a frame takes 600 µs at speed 0, 220 at 4, 200 at 6 and 60 from 7 on.
fn min_frame_pixels(speed: Speed) -> u64 {
    if speed.number() < 5 { 60 } else { 700 }
}

//! The memory and work of a conversion, estimated from the header.

use model::{Depth, OutputFormat, Recipe, Speed};

use crate::animation::AnimationHeader;
use crate::pixels::framing::Framing;
use crate::read::Header;
use crate::search;
use crate::write::memory;

/// The memory and work of a conversion.
pub(crate) struct Estimate {
    /// Peak memory in bytes with a fixed quality.
    pub(crate) memory: u64,
    /// Peak memory in bytes with a search for the quality.
    pub(crate) memory_to_search: u64,
    /// The number of pixels to encode, as a sum over all variants. The minimum CPU time of the conversion is
    /// proportional to this number.
    pub(crate) encoded_pixels: u64,
}

/// Bytes per pixel of an encoded file after it is decoded again: 4:2:0 at 10 bits, or 4:4:4 at 8 bits. With the system's
/// codecs, a search also encodes 4:4:4 at 10 bits.
const BYTES_PER_DECODED_PIXEL: u64 = if avif::IS_BUNDLED { 3 } else { 6 };
/// The memory of two processes in bytes: the process of the function (the SDK and its connections), and the process
/// that converts images (the program and the stacks of its threads).
const PROCESS_BYTES: u64 = 48 << 20;

impl Estimate {
    /// Estimates the memory and work of converting a file with this header. `bytes` is the length of the file.
    pub(crate) fn new(header: &Header<'_>, bytes: usize, recipe: &Recipe) -> Self {
        let pixels = u64::from(header.width) * u64::from(header.height);
        let color = header.color;
        let is_deep = u64::from(color.bytes_per_pixel()) > u64::from(color.channel_count());
        // All arithmetic saturates from here on: a PNG may declare 2^62 pixels, and the limits may be switched off.
        let source_bytes = pixels.saturating_mul(u64::from(color.bytes_per_pixel()));
        // The planes take the most memory if they have full resolution (4:4:4), so the estimate assumes 4:4:4.
        let planes_per_pixel = u64::from(color.channel_count()) * if is_deep { 2 } else { 1 };
        let framings = header.encoded_framings(recipe);
        let resized = framings.iter().filter(|framing| **framing != Framing::whole(header.size()));
        // The widest resized variant, and the largest part of the source that is copied before it is resized.
        let narrower = resized.clone().map(|framing| u64::from(framing.size.0)).max();
        let crop = resized.filter_map(|framing| framing.crop).map(|area| area_pixels((area.width, area.height))).max();
        let sizes: Vec<u64> = framings.iter().map(|framing| area_pixels(framing.size)).collect();
        let encoded_pixels = sizes.iter().copied().fold(0, u64::saturating_add);
        let cost = header.cost;
        let decoding = source_bytes.saturating_mul(cost.pixel_copies).saturating_add(cost.decoding_bytes);
        let references = encoded_pixels.saturating_mul(u64::from(color.bytes_per_pixel()));
        // WebP and JPEG are encoded from the pixels, so these stay in memory.
        let kept = if recipe.has_other_formats() { references } else { 0 };
        let planes = encoded_pixels.saturating_mul(planes_per_pixel);
        // The resize filter uses 16 bits per channel for three kinds of images: the source, the image between the
        // horizontal and the vertical pass, and the result for each size.
        let filter_bytes = u64::from(color.channel_count()) * 2;
        let resizing = narrower.map_or(0, |width| {
            let rows = width.saturating_mul(u64::from(header.size().1));
            // If the image has alpha, the filter creates a copy in which the colors are multiplied by alpha.
            let copies = if color.has_alpha() { 2 } else { 1 };
            let filter_images = pixels
                .saturating_mul(copies)
                .saturating_add(rows)
                .saturating_add(crop.unwrap_or(0))
                .saturating_add(encoded_pixels)
                .saturating_mul(filter_bytes);
            filter_images.saturating_add(source_bytes)
        });
        let is_animated = header.frames() > 1;
        let depth = if is_deep { Depth::Ten } else { Depth::Eight };
        let encoder = if is_animated {
            memory::bytes_per_animation_pixel(recipe.speed)
        } else {
            memory::bytes_per_pixel(depth, recipe.speed)
        };
        // At most two encodes run at the same time: those that need the most memory.
        let two_encodes = |encoder: u64| {
            let bytes_per_pixel = recipe.formats.iter().map(|format| match format {
                OutputFormat::Avif => encoder,
                OutputFormat::Webp | OutputFormat::Jpeg => memory::bytes_per_other_pixel(depth),
            });
            let bytes =
                bytes_per_pixel.flat_map(|bytes| sizes.iter().take(2).map(move |size| size.saturating_mul(bytes)));
            let mut bytes: Vec<u64> = bytes.collect();
            bytes.sort_unstable_by(|a, b| b.cmp(a));
            bytes.into_iter().take(2).fold(0, u64::saturating_add)
        };
        let encoding = two_encodes(encoder);
        // Each of the two encodes has its own frames in memory: the canvas, the previous state of the canvas, the
        // stored frame that is drawn, and two frames that are being converted.
        let drawing = header.animation.as_ref().map_or(0, |animation| {
            // A stored frame may be larger than its visible part.
            let hidden = animation.largest_frame_pixels().saturating_sub(pixels);
            let frames = pixels.saturating_mul(5).saturating_add(hidden.saturating_mul(2));
            frames.saturating_mul(2 * 4).saturating_add(resizing.saturating_mul(2))
        });
        let encoding = encoding.saturating_add(drawing);
        let decoding = decoding.max(drawing);
        let transformed = planes.saturating_add(kept);
        let peak = decoding
            .max(source_bytes.max(resizing).saturating_add(transformed))
            .max(transformed.saturating_add(encoding));
        // Each image and each running encoder has a copy of the profile and the metadata.
        let blocks = [&header.icc, &header.exif, &header.xmp].map(|block| block.as_ref().map_or(0, Vec::len) as u64);
        let profiles = blocks.iter().sum::<u64>() * (sizes.len() as u64 + 3);
        // An animation is in memory twice: as the source, and as the copy that the encoders read. Each output is also
        // in memory twice while its file is assembled.
        let copies = if is_animated { 2 + 2 * sizes.len() as u64 } else { cost.file_copies };
        let files = bytes as u64 * copies;
        let other = (PROCESS_BYTES + profiles).saturating_add(cost.held_bytes).saturating_add(files);
        let memory = peak.saturating_add(other);
        // A search keeps the original pixels, because it compares them with the decoded pixels of encoded files. During
        // a comparison no encoder runs, but the decoded pixels are in memory twice: in the decoder and in our planes.
        let two_largest = sizes.iter().take(2).fold(0, |sum: u64, size| sum.saturating_add(*size));
        let read_back = two_largest.saturating_mul(2 * BYTES_PER_DECODED_PIXEL);
        let widest = u64::from(header.size().0.max(header.size().1));
        let comparing = read_back.saturating_add(2 * search::COMPARISON_BYTES_PER_COLUMN * widest);
        // The search may choose 10 bits, so the estimate uses the larger number of the two depths.
        let encoding = two_encodes(encoder.max(memory::bytes_per_pixel(Depth::Ten, recipe.speed)));
        // With the system's codecs, the search may choose 4:4:4 planes at 10 bits.
        let planes = if is_deep || avif::IS_BUNDLED { planes } else { planes.saturating_mul(2) };
        // While 4:4:4 planes are searched, the 4:2:0 planes stay in memory. For opaque images of 8 bits, the numbers
        // above contain this memory: in such a search, 4:4:4 is encoded at 8 bits, so the number for the encoder is too
        // high.
        let second_planes = if is_deep || color.has_alpha() { two_largest.saturating_mul(planes_per_pixel) } else { 0 };
        let searching =
            references.saturating_add(planes).saturating_add(second_planes).saturating_add(encoding.max(comparing));
        let memory_to_search = peak.max(searching).saturating_add(other);
        // Decoding a scan of a JPEG takes time for every pixel of the image, even if the scan contains little data. A
        // scan was measured to take 0.75 ns per pixel.
        let scans = pixels.saturating_mul(u64::from(cost.scans.saturating_sub(1))) / 200;
        let encoded_pixels = encoded_pixels.saturating_add(scans);
        let encoded_pixels = header
            .animation
            .as_ref()
            .map_or(encoded_pixels, |animation| animation_pixels(animation, &sizes, recipe.speed));
        Self { memory, memory_to_search, encoded_pixels }
    }
}

fn area_pixels((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

/// Returns the number of pixels of a still image whose encoding takes as long as the minimum time for encoding this
/// animation at these sizes. Encoding a frame with hardly any changes was measured to take a quarter of the time of a
/// still image; this function counts a fifth. Decoding a pixel takes 3 ns, which is 1/50 of the time for encoding a
/// pixel at speed 6; this function counts 1/100. All frames are decoded once to check them, and once more for each
/// variant.
fn animation_pixels(animation: &AnimationHeader, sizes: &[u64], speed: Speed) -> u64 {
    let after_first = u64::from(animation.frames()).saturating_sub(1);
    let encoding = sizes
        .iter()
        .map(|size| size.saturating_add(after_first.saturating_mul((size / 5).max(min_frame_pixels(speed)))));
    let decoding = (animation.stored_pixels() / 100).saturating_mul(sizes.len() as u64 + 1);
    encoding.fold(decoding, u64::saturating_add)
}

/// Returns the minimum number of pixels that a frame counts as. At each speed, a still image with this number of pixels
/// takes less time than a frame of 1x1. A frame of 1x1 takes 600 µs at speed 0, 220 µs at speed 4, 200 µs at speed 6,
/// and 60 µs from speed 7 on.
fn min_frame_pixels(speed: Speed) -> u64 {
    if speed.number() < 5 { 60 } else { 700 }
}

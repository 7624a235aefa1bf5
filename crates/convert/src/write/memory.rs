//! The memory that encoders need. The numbers were measured (docs/performance.md).

use model::{Depth, Speed};

use crate::write::avif::INTRA_BLOCK_COPY_BELOW;

/// Returns the peak memory of an encoder in bytes per pixel, without the planes that the encoder reads. The number is
/// the maximum that was measured for photographs and graphics.
pub(crate) fn bytes_per_pixel(depth: Depth, speed: Speed) -> u64 {
    let [eight, ten] = if speed.number() < INTRA_BLOCK_COPY_BELOW { WITH_BLOCK_COPY } else { WITHOUT_BLOCK_COPY };
    match depth {
        Depth::Eight => eight,
        Depth::Ten | Depth::Twelve => ten,
    }
}

/// Returns the peak memory of an encoder in bytes per pixel, for an animation of 8 bits. libaom buffers the 35 frames
/// that follow the current frame. From speed 7 on, libaom buffers no frames.
pub(crate) fn bytes_per_animation_pixel(speed: Speed) -> u64 {
    if speed.number() < REAL_TIME_FROM { 560 } else { 120 }
}

/// Returns the peak memory of a WebP or JPEG encoder in bytes per pixel. It includes the encoder's copy of the pixels, and the
/// decoded file that a search compares. The number was measured for graphics of 12 megapixels, whose JPEGs have full chroma
/// and which are also encoded as lossless WebP. Photographs need half of it. Pixels of 16 bits need one more copy.
pub(crate) fn bytes_per_other_pixel(depth: Depth) -> u64 {
    match depth {
        Depth::Eight => 30,
        Depth::Ten | Depth::Twelve => 40,
    }
}

/// The lowest of libavif's speeds at which libaom encodes a sequence in its real-time mode.
const REAL_TIME_FROM: u8 = 7;

/// Bytes per pixel without intra block copy, at 8 and at 10 bits. Of the system's codecs, SVT-AV1 needs the most
/// memory at 8 bits, which includes a 10-bit copy of the planes, and libaom at 10 bits, in 4:4:4.
const WITHOUT_BLOCK_COPY: [u64; 2] = if avif::IS_BUNDLED { [17, 21] } else { [30, 39] };
/// Bytes per pixel at speeds with intra block copy, at 8 and at 10 bits. Only graphics use intra block copy, and
/// graphics have 8 bits.
const WITH_BLOCK_COPY: [u64; 2] = if avif::IS_BUNDLED { [65, 27] } else { [65, 67] };

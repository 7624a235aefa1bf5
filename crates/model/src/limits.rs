use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// The limits for one image. Each limit except `cpu_seconds` is checked before the memory for the image is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Maximum size of the source object in bytes.
    pub bytes: u64,
    /// Maximum width times height, in pixels.
    pub pixels: u64,
    /// Maximum pixels of all frames of an animation together. For each frame, the number of pixels is the area of the
    /// frame or the area of the animation, whichever is larger. Each frame counts as at least 32,768 pixels, because
    /// even a frame of one pixel takes time.
    pub animation_pixels: u64,
    /// Maximum peak memory of the conversion in bytes, estimated from the image's header.
    pub memory: u64,
    /// Maximum CPU time of the conversion in seconds, all threads together. Unlike the other limits, this limit is
    /// enforced while the conversion runs.
    pub cpu_seconds: Option<NonZeroU32>,
}

impl Default for Limits {
    /// Returns 256 MiB, 200 megapixels, 1,000 megapixels for an animation (20 s of 1080p), 8 GiB of memory, and no
    /// limit on CPU time. A file from a camera is below these limits, and a decompression bomb exceeds them.
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            pixels: 200_000_000,
            animation_pixels: 1_000_000_000,
            memory: 8 << 30,
            cpu_seconds: None,
        }
    }
}

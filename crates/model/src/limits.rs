use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// What one image may take. Each is checked before anything of its size is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The source object's size in bytes.
    pub bytes: u64,
    /// The image's width times its height.
    pub pixels: u64,
    /// The pixels of all frames of an animation together. A frame counts as its own area or as the animation's, whichever is
    /// larger, and as at least 32,768 pixels, because even a frame of one pixel takes time.
    pub animation_pixels: u64,
    /// Bytes of memory that converting it may need at its peak, by our own estimate from its header.
    pub memory: u64,
    /// Seconds of CPU time that converting it may take, all threads together. Unlike the others, it is enforced while the
    /// conversion runs.
    pub cpu_seconds: Option<NonZeroU32>,
}

impl Default for Limits {
    /// 256 MiB of file, 200 megapixels, five times as many that move (20 s of 1080p), 8 GiB of memory, any time: more than any camera
    /// makes, less than a bomb wants.
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

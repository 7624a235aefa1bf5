use crate::Error;

/// Counts the pixels of an animation's frames and compares them with the limit, before any frame is decoded.
pub(super) struct FrameBudget {
    /// Pixels of the visible image.
    canvas_pixels: u64,
    limit: u64,
    frames: u64,
    counted_pixels: u64,
    /// Pixels of the stored frames, which may be more or fewer than the visible ones.
    pub(super) stored_pixels: u64,
    /// Pixels of the largest stored frame.
    pub(super) largest_frame_pixels: u64,
}

/// The minimum number of pixels that a frame counts as. With 10,000 frames of 1x1, each took 200 µs of CPU time at
/// speed 6, from decoding to the encoded file, in GIF, APNG and WebP (620 µs at speed 0, 220 at 4, 60 from 7 on). A
/// pixel of a large frame takes about 30 ns, so a tiny frame costs as much as 6,700 pixels. Five times as many are
/// counted: the default limit then allows 30,000 tiny frames, which take 6 s, instead of 150,000, which take 30 s. No
/// real animation has so many frames of that size.
const MIN_COUNTED_PIXELS: u64 = 32_768;

impl FrameBudget {
    pub(super) fn new((width, height): (u32, u32), limit: u64) -> Self {
        Self {
            canvas_pixels: area(width, height),
            limit,
            frames: 0,
            counted_pixels: 0,
            stored_pixels: 0,
            largest_frame_pixels: 0,
        }
    }

    /// Counts a frame of this size.
    ///
    /// # Errors
    /// [`Error::TooManyFrames`] if the limit is exceeded. A single frame is a still image, which has its own limit.
    pub(super) fn add(&mut self, width: u32, height: u32) -> Result<(), Error> {
        let pixels = area(width, height);
        self.frames += 1;
        self.stored_pixels = self.stored_pixels.saturating_add(pixels);
        self.largest_frame_pixels = self.largest_frame_pixels.max(pixels);
        self.counted_pixels =
            self.counted_pixels.saturating_add(pixels.max(self.canvas_pixels).max(MIN_COUNTED_PIXELS));
        if self.frames > 1 && self.counted_pixels > self.limit {
            return Err(Error::TooManyFrames { frames: self.frames, pixels: self.counted_pixels, limit: self.limit });
        }
        Ok(())
    }
}

fn area(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height)
}

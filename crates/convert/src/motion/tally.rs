use crate::Error;

/// What the frames of an animation count as, held against the limit while they are counted and before any is decoded.
pub(super) struct Tally {
    /// Pixels that are shown at once.
    canvas: u64,
    limit: u64,
    frames: u64,
    counted: u64,
    /// Pixels of the frames as they are stored, which may be more or fewer than are shown.
    pub(super) stored: u64,
    /// Of the largest of them.
    pub(super) largest: u64,
}

/// The least number of pixels that a frame counts as. Of 10,000 frames of 1x1, each took 200 µs of CPU time at speed 6, from
/// decoding to the file, in GIF, APNG and WebP alike (620 µs at speed 0, 220 at 4, 60 from 7 on); of large frames, a pixel
/// takes some 30 ns. So a tiny frame costs as much as 6,700
/// pixels. Five times as many are counted: the default limit then ends at 30,000 tiny frames, which take 6 s, and not at
/// 150,000, which take 30 s. No real animation has so many frames of that size.
const LEAST: u64 = 32_768;

impl Tally {
    pub(super) fn new((width, height): (u32, u32), limit: u64) -> Self {
        Self { canvas: area(width, height), limit, frames: 0, counted: 0, stored: 0, largest: 0 }
    }

    /// Counts a frame of that size.
    ///
    /// # Errors
    /// [`Error::TooManyFrames`] where the limit is reached. One frame alone is a still, which has a limit of its own.
    pub(super) fn add(&mut self, width: u32, height: u32) -> Result<(), Error> {
        let own = area(width, height);
        self.frames += 1;
        self.stored = self.stored.saturating_add(own);
        self.largest = self.largest.max(own);
        self.counted = self.counted.saturating_add(own.max(self.canvas).max(LEAST));
        if self.frames > 1 && self.counted > self.limit {
            return Err(Error::TooManyFrames { frames: self.frames, pixels: self.counted, limit: self.limit });
        }
        Ok(())
    }
}

fn area(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height)
}

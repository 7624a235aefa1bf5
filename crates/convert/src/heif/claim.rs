//! What decoding an image takes against what it claims to be: memory and time are estimated by the claim.

use super::damaged;
use crate::Error;

/// The size that a file claims for an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) width: u32,
    pub(super) height: u32,
}

/// What decoding takes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Work {
    /// Pixels of the largest frame, or of the largest size that an item claims.
    pub(super) largest_frame: u64,
    /// Pixels of all frames.
    pub(super) pixels: u64,
}

/// The pixels of all frames for each claimed pixel: two images, the second one alpha, of four layers each. The cells of a
/// grid reach over its edges, and are four times as large as the image at most. A gain map may be as large.
pub(crate) const MOST_PIXELS: u32 = 8;

/// Pixels. The cells of a small grid may each be larger than the image.
pub(crate) const SMALL: u32 = 1 << 20;

impl Work {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            largest_frame: self.largest_frame.max(other.largest_frame),
            pixels: self.pixels.saturating_add(other.pixels),
        }
    }
}

impl Claim {
    /// Refuses an image whose frames are larger, or take more to decode than they should.
    pub(super) fn check(self, work: Work) -> Result<(), Error> {
        if work.largest_frame > self.pixels().max(SMALL.into()) {
            return Err(damaged("its images are larger than it claims"));
        }
        self.check_beside(work)
    }

    /// The same for an image of another size that belongs to this one.
    pub(super) fn check_beside(self, work: Work) -> Result<(), Error> {
        let most = self.pixels().saturating_mul(MOST_PIXELS.into());
        if work.pixels > most || work.largest_frame > most {
            return Err(damaged(&format!("its frames have more than {MOST_PIXELS} times the pixels that it claims")));
        }
        Ok(())
    }

    /// Of an image that is as large as it claims. None of its frames was counted.
    pub(super) fn work(self) -> Work {
        Work { largest_frame: self.pixels(), pixels: 0 }
    }

    fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

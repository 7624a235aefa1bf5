//! Rejects an image if decoding it takes too much work for the size that the file declares. The check is needed because
//! the memory and time of a conversion are estimated from the declared size.

use super::damaged;
use crate::Error;

/// The dimensions that a file declares for an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeclaredSize {
    pub(super) width: u32,
    pub(super) height: u32,
}

/// The work that decoding an image takes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DecodingCost {
    /// Pixels of the largest frame, or of the largest size that an item declares.
    pub(super) largest_frame_pixels: u64,
    /// Pixels of all frames.
    pub(super) total_pixels: u64,
}

/// The maximum number of decoded pixels for each declared pixel: color and alpha are two images, and each image may
/// have four layers. The cells of a grid may extend beyond the edges of the image. All cells together have at most four
/// times the pixels of the image. The same maximum applies to a gain map.
pub(crate) const MAX_DECODED_PIXEL_RATIO: u32 = 8;

/// Every frame may have this number of pixels, even if the file declares a smaller size. This is needed because each
/// cell of a small grid may be larger than the image.
pub(crate) const SMALL_IMAGE_PIXELS: u32 = 1 << 20;

impl DecodingCost {
    pub(super) fn combine(self, other: Self) -> Self {
        Self {
            largest_frame_pixels: self.largest_frame_pixels.max(other.largest_frame_pixels),
            total_pixels: self.total_pixels.saturating_add(other.total_pixels),
        }
    }
}

impl DeclaredSize {
    /// Rejects an image whose frames are larger than declared, or that takes too much work to decode.
    pub(super) fn check_cost(self, cost: DecodingCost) -> Result<(), Error> {
        if cost.largest_frame_pixels > self.pixels().max(SMALL_IMAGE_PIXELS.into()) {
            return Err(damaged("its images are larger than the declared size"));
        }
        check_limit(cost, self.pixels())
    }

    /// Checks a gain map. The size of a gain map may differ from the size of its base image. The map of a small image may
    /// be many times larger than the image.
    pub(super) fn check_gain_map_cost(self, cost: DecodingCost) -> Result<(), Error> {
        check_limit(cost, self.pixels().max(SMALL_IMAGE_PIXELS.into()))
    }

    /// Returns the cost of an image of this size, without any decoded frames.
    pub(super) fn decoding_cost(self) -> DecodingCost {
        DecodingCost { largest_frame_pixels: self.pixels(), total_pixels: 0 }
    }

    fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

fn check_limit(cost: DecodingCost, declared_pixels: u64) -> Result<(), Error> {
    let limit = declared_pixels.saturating_mul(MAX_DECODED_PIXEL_RATIO.into());
    if cost.total_pixels > limit || cost.largest_frame_pixels > limit {
        return Err(damaged(&format!("its frames have more than {MAX_DECODED_PIXEL_RATIO} times the declared pixels")));
    }
    Ok(())
}

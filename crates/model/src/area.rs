use serde::{Deserialize, Serialize};

/// A rectangle of an image, in pixels, after the orientation is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Area {
    /// The distance from the left edge of the image.
    pub x: u32,
    /// The distance from the top edge of the image.
    pub y: u32,
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
}

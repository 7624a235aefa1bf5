use std::fmt;

use model::{Limits, Recipe, Width};
use serde::{Deserialize, Serialize};

use crate::estimate::Estimate;
use crate::header::Header;
use crate::jpeg::Need;
use crate::ycbcr::YCbCr;
use crate::{Error, Format};

/// A file whose header was read and found within the limits. No pixel was touched.
pub struct OpenedImage<'bytes> {
    pub(crate) header: Header<'bytes>,
    pub(crate) need: Need,
    encoded_pixels: u64,
    /// Why the quality is not searched for, where the recipe asks for that.
    pub(crate) unsearched: Option<SearchObstacle>,
}

/// Why an image is encoded at a fixed quality, although the recipe asks for a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchObstacle {
    /// The deadline leaves no time. With more time the same image is searched.
    Time,
    /// The limit leaves no memory.
    Memory,
    /// No score is known for PQ and HLG.
    HighDynamicRange,
    /// Animations are not searched.
    Animation,
}

impl fmt::Display for SearchObstacle {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Time => "there was no time for it",
            Self::Memory => "there is no memory for it",
            Self::HighDynamicRange => "its levels are those of high dynamic range",
            Self::Animation => "it moves",
        })
    }
}

impl<'bytes> OpenedImage<'bytes> {
    /// Reads a file's header and holds it against the limits.
    ///
    /// # Errors
    /// What is wrong with the file, or which limit it is over and by how much.
    pub fn open(bytes: &'bytes [u8], recipe: &Recipe, limits: &Limits) -> Result<Self, Error> {
        if bytes.len() as u64 > limits.bytes {
            return Err(Error::TooManyBytes { bytes: bytes.len() as u64, limit: limits.bytes });
        }
        let mut header = Header::read(bytes, recipe, limits)?;
        check_pixels(&header, limits)?;
        let sizes = header.sizes(recipe);
        if let Some(&(width, height)) = sizes.iter().find(|(width, height)| *width.max(height) > Width::MAX) {
            return Err(Error::TooLong { width, height });
        }
        let (width, height) = header.size();
        let estimate = Estimate::of(&header, bytes.len(), recipe);
        let map = header.gain_map.as_ref().and_then(|map| map.as_ref().ok()).map(|map| map.memory(recipe.speed));
        let beside_map = limits.memory.saturating_sub(map.unwrap_or(0));
        if map.is_some() && estimate.memory > beside_map {
            header.gain_map = Some(Err("there is no memory for it".into()));
        }
        if estimate.memory > limits.memory {
            let (needed, limit) = (estimate.memory.div_ceil(1 << 20), limits.memory >> 20);
            return Err(Error::TooMuchMemory { width, height, needed, limit });
        }
        let widest = sizes.first().copied().unwrap_or((width, height));
        let bear = YCbCr::bears(header.orientation, (header.width, header.height));
        let need = Need::of((width, height), widest, bear && !recipe.quality.is_lossless());
        let unsearched = (estimate.memory_to_search > beside_map).then_some(SearchObstacle::Memory);
        Ok(Self { header, need, encoded_pixels: estimate.encoded_pixels, unsearched })
    }

    /// The file's format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.header.format
    }

    /// Width and height in pixels, upright.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.header.size()
    }

    /// How many pictures are encoded one after the other; 1 where nothing moves.
    #[must_use]
    pub fn frames(&self) -> u32 {
        self.header.frames()
    }

    /// How many pixels the recipe's variants have together, all frames counted: what encoding them costs is in proportion
    /// to it.
    #[must_use]
    pub fn encoded_pixels(&self) -> u64 {
        self.encoded_pixels
    }

    /// The same, to be encoded at a fixed quality even where the recipe asks for a search, because the deadline leaves no
    /// time for one.
    #[must_use]
    pub fn without_time_to_search(self) -> Self {
        // An obstacle that more time would not remove stays the reason.
        Self { unsearched: self.unsearched.or(Some(SearchObstacle::Time)), ..self }
    }
}

fn check_pixels(&Header { format, width, height, .. }: &Header<'_>, limits: &Limits) -> Result<(), Error> {
    if width == 0 || height == 0 {
        return Err(Error::Damaged { format, message: format!("{width}x{height} has no pixels") });
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.pixels {
        return Err(Error::TooManyPixels { width, height, pixels, limit: limits.pixels });
    }
    Ok(())
}

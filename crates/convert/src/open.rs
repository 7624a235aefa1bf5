use model::{Limits, Recipe, Width};

use crate::avif_file::Uses;
use crate::estimate::Estimate;
use crate::header::{Header, Reader};
use crate::jpeg::Need;
use crate::sizes::sizes;
use crate::ycbcr::YCbCr;
use crate::{Error, Format};

/// A file whose header was read and found within the limits. No pixel was touched.
pub struct Opened<'bytes> {
    pub(crate) header: Header<'bytes>,
    pub(crate) need: Need,
    bytes: usize,
    encoded_pixels: u64,
    /// Why the quality is not searched for, where the recipe asks for that.
    pub(crate) unsearched: Option<&'static str>,
}

impl<'bytes> Opened<'bytes> {
    /// Reads a file's header and holds it against the limits.
    ///
    /// # Errors
    /// What is wrong with the file, or which limit it is over and by how much.
    pub fn open(bytes: &'bytes [u8], recipe: &Recipe, limits: &Limits) -> Result<Self, Error> {
        if bytes.len() as u64 > limits.bytes {
            return Err(Error::TooManyBytes { bytes: bytes.len() as u64, limit: limits.bytes });
        }
        let header = Header::read(bytes, recipe, limits)?;
        let mut opened = Self { header, need: Need::Planes, bytes: bytes.len(), encoded_pixels: 0, unsearched: None };
        opened.check_pixels(limits)?;
        if let Some(&(width, height)) =
            opened.sizes(recipe).iter().find(|(width, height)| *width.max(height) > Width::MAX)
        {
            return Err(Error::TooLong { width, height });
        }
        let widest = opened.sizes(recipe).first().copied().unwrap_or(opened.size());
        let bear = YCbCr::bears(opened.header.orientation, (opened.header.width, opened.header.height));
        opened.need = Need::of(opened.size(), widest, bear && !recipe.quality.is_lossless());
        let estimate = Estimate::of(&opened, recipe);
        opened.encoded_pixels = estimate.encoded_pixels;
        let map = opened.header.gain_map.as_ref().and_then(|map| map.as_ref().ok()).map(|map| map.memory(recipe.speed));
        let beside_map = limits.memory.saturating_sub(map.unwrap_or(0));
        if map.is_some() && estimate.memory > beside_map {
            opened.header.gain_map = Some(Err("there is no memory for it".into()));
        }
        if estimate.memory_to_search > beside_map {
            opened.unsearched = Some("there is no memory for it");
        }
        if estimate.memory > limits.memory {
            let (width, height) = opened.size();
            let (needed, limit) = (estimate.memory.div_ceil(1 << 20), limits.memory >> 20);
            return Err(Error::TooMuchMemory { width, height, needed, limit });
        }
        Ok(opened)
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

    /// The same, to be encoded at a fixed quality even where the recipe asks for a search, and why.
    #[must_use]
    pub fn unsearched(self, why: &'static str) -> Self {
        Self { unsearched: Some(why), ..self }
    }

    /// The file's size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The variants' sizes in pixels, each once, the widest first.
    pub(crate) fn sizes(&self, recipe: &Recipe) -> Vec<(u32, u32)> {
        sizes(self.size(), recipe.widths.iter())
    }

    /// Those of them that have to be encoded.
    pub(crate) fn encoded_sizes(&self, recipe: &Recipe) -> Vec<(u32, u32)> {
        let mut sizes = self.sizes(recipe);
        if let Reader::Avif(_, Uses { kept: Some(kept), .. }) = self.header.reader {
            sizes.retain(|size| *size != kept);
        }
        sizes
    }

    fn check_pixels(&self, limits: &Limits) -> Result<(), Error> {
        let (width, height) = (self.header.width, self.header.height);
        if width == 0 || height == 0 {
            return Err(Error::Damaged {
                format: self.header.format,
                message: format!("{width}x{height} has no pixels"),
            });
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > limits.pixels {
            return Err(Error::TooManyPixels { width, height, pixels, limit: limits.pixels });
        }
        Ok(())
    }
}

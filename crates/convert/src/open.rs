use std::fmt;
use std::sync::Arc;

use model::{ChromaMode, ColorMode, FocalPoint, Limits, Recipe, Size};
use serde::{Deserialize, Serialize};

use crate::color::plan::{ColorPlan, SourceColors};
use crate::limits::Estimate;
use crate::pixels::ycbcr::YCbCr;
use crate::read::{self, Header, PixelForm, Source};
use crate::{Error, Format};

/// A file whose header was read and checked against the limits. The pixels have not been decoded yet.
pub struct OpenedImage<'bytes> {
    pub(crate) source: Source<'bytes>,
    pub(crate) recipe: Recipe,
    pub(crate) form: PixelForm,
    pub(crate) colors: Arc<ColorPlan>,
    encoded_pixels: u64,
    /// Why the quality is not searched, although the recipe asks for a search.
    pub(crate) search_obstacle: Option<SearchObstacle>,
}

/// Why an image is encoded at a fixed quality, although the recipe asks for a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchObstacle {
    /// There is not enough time for a search before the deadline. With more time, the quality of the same image would
    /// be searched.
    Time,
    /// A search needs more memory than the limit allows.
    Memory,
    /// The image uses PQ or HLG, for which the score is not defined.
    HighDynamicRange,
    /// The image is an animation. The quality of animations is not searched.
    Animation,
}

impl fmt::Display for SearchObstacle {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Time => "there was no time for it",
            Self::Memory => "there is no memory for it",
            Self::HighDynamicRange => "the image has a high dynamic range (PQ or HLG)",
            Self::Animation => "the image is animated",
        })
    }
}

impl<'bytes> OpenedImage<'bytes> {
    /// Reads a file's header and checks it against the limits. The later steps use this recipe.
    ///
    /// # Errors
    /// Returns an [`Error`] if the file is not a supported image, is damaged, or exceeds a limit.
    pub fn open(bytes: &'bytes [u8], recipe: &Recipe, limits: &Limits) -> Result<Self, Error> {
        if bytes.len() as u64 > limits.bytes {
            return Err(Error::TooManyBytes { bytes: bytes.len() as u64, limit: limits.bytes });
        }
        let mut source = read::open(bytes, recipe, limits)?;
        check_pixels(&source, limits)?;
        let header = &mut source.header;
        let colors = plan_colors(header, recipe);
        let framings = header.framings(recipe);
        let mut sizes = framings.iter().map(|framing| framing.size);
        if let Some((width, height)) = sizes.find(|(width, height)| *width.max(height) > Size::MAX_SIDE) {
            return Err(Error::SideTooLong { width, height });
        }
        let (width, height) = header.size();
        let estimate = Estimate::new(header, bytes.len(), recipe);
        let map = header.gain_map.as_ref().and_then(|map| map.as_ref().ok()).map(|map| map.memory(recipe.speed));
        let memory_without_map = limits.memory.saturating_sub(map.unwrap_or(0));
        if map.is_some() && estimate.memory > memory_without_map {
            header.gain_map = Some(Err("there is no memory for it".into()));
        }
        if estimate.memory > limits.memory {
            let (needed, limit) = (estimate.memory.div_ceil(1 << 20), limits.memory >> 20);
            return Err(Error::TooMuchMemory { width, height, needed, limit });
        }
        let scaled = framings.iter().map(|framing| framing.scaled_source((width, height)));
        let largest = scaled.max().unwrap_or((width, height));
        // Stored planes are 4:2:0, so they are not used if the recipe requires 4:4:4.
        let can_use_planes = YCbCr::allows_orientation(header.orientation, (header.width, header.height))
            && !recipe.quality.is_lossless()
            && recipe.chroma != ChromaMode::Yuv444
            && colors.keeps_pixels();
        let form = PixelForm::choose((width, height), largest, can_use_planes);
        let search_obstacle = (estimate.memory_to_search > memory_without_map).then_some(SearchObstacle::Memory);
        let encoded_pixels = estimate.encoded_pixels;
        Ok(Self { source, recipe: recipe.clone(), form, colors: Arc::new(colors), encoded_pixels, search_obstacle })
    }

    /// The file's format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.source.format
    }

    /// Width and height in pixels, after the orientation is applied.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.source.header.size()
    }

    /// The number of frames that are encoded: 1 for a still image.
    #[must_use]
    pub fn frames(&self) -> u32 {
        self.source.header.frames()
    }

    /// The number of pixels of all variants and all frames. The CPU time of encoding is proportional to this number.
    #[must_use]
    pub fn encoded_pixels(&self) -> u64 {
        self.encoded_pixels
    }

    /// Returns the same image, whose crops contain this point. It takes precedence over a focal point in the file.
    #[must_use]
    pub fn with_focal_point(mut self, point: FocalPoint) -> Self {
        self.source.header.focal_point = Some(point);
        self
    }

    /// Returns the same image, which is then encoded at a fixed quality, because there is not enough time for a search
    /// before the deadline.
    #[must_use]
    pub fn without_time_to_search(self) -> Self {
        // Any other obstacle takes precedence over `Time`, because more time would not remove it.
        Self { search_obstacle: self.search_obstacle.or(Some(SearchObstacle::Time)), ..self }
    }
}

/// Why a gain map is omitted.
const OTHER_COLORS: &str = "it is for the colors before the conversion to sRGB";

/// Chooses the color description of the variants. If the pixels are converted to sRGB, the gain map is omitted and a still
/// source is not copied.
fn plan_colors(header: &mut Header<'_>, recipe: &Recipe) -> ColorPlan {
    // The decoder converts CMYK to sRGB, with the profile of the file.
    if header.is_cmyk {
        header.gain_map = header.gain_map.take().map(|_| Err(OTHER_COLORS.into()));
        return ColorPlan::SRGB;
    }
    let Header { color, icc, cicp, notes, .. } = header;
    let source = SourceColors { is_gray: !color.has_color(), icc: icc.as_deref(), cicp: *cicp };
    let colors = ColorPlan::choose(source, recipe, notes);
    if !colors.keeps_pixels() {
        header.gain_map = header.gain_map.take().map(|_| Err(OTHER_COLORS.into()));
    }
    if recipe.color == ColorMode::Srgb && !colors.keeps_pixels() && header.is_copied {
        if header.is_sequence {
            let note = header.copied_size(recipe).map(|_| "the copied animation was not converted to sRGB".to_owned());
            header.notes.extend(note);
        } else {
            header.is_copied = false;
        }
    }
    colors
}

fn check_pixels(source: &Source<'_>, limits: &Limits) -> Result<(), Error> {
    let (format, width, height) = (source.format, source.header.width, source.header.height);
    if width == 0 || height == 0 {
        return Err(Error::Damaged { format, message: format!("{width}x{height} has no pixels") });
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.pixels {
        return Err(Error::TooManyPixels { width, height, pixels, limit: limits.pixels });
    }
    Ok(())
}

use std::borrow::Cow;

use avif::Attachments;
use image::DynamicImage;
use model::{
    ChromaMode, Color, FixedQuality, Metadata, OutputFormat, PlanarImage, Quality, Recipe, Score, Shape, VariantId,
};

use crate::animation::Animation;
use crate::pixels::alpha::fill_transparent;
use crate::pixels::content::Content;
use crate::pixels::decoded_avif::planes_to_image;
use crate::pixels::framing::{Framing, SourceGeometry, scaled_area};
use crate::pixels::planes;
use crate::pixels::planes::PlaneFormat;
use crate::pixels::resize::FilterImage;
use crate::pixels::source_pixels::SourcePixels;
use crate::read::{CopiedSource, metadata};
use crate::{DecodedImage, Error, SearchObstacle};

/// The images to encode, one for each framing.
pub struct TransformedImage {
    pub(crate) recipe: Recipe,
    /// The images to encode, the widest first.
    pub(crate) renditions: Vec<Rendition>,
    /// The source file, if one variant is a copy of it.
    pub(crate) copied_source: Option<CopiedSource>,
    /// The source after the orientation is applied.
    pub(crate) geometry: SourceGeometry,
    pub(crate) content: Content,
    pub(crate) format: PlaneFormat,
    /// Why no format can be searched: the time or the memory.
    pub(crate) search_obstacle: Option<SearchObstacle>,
    /// How the quantizers of the AVIF variants are chosen.
    pub(crate) quality: QualityMode,
    pub(crate) notes: Vec<String>,
    pub(crate) animation: Option<Animation>,
}

/// The image in one framing.
pub(crate) struct Rendition {
    pub(crate) framing: Framing,
    pub(crate) planar: PlanarImage,
    /// The pixels that the planes were made from. A search compares encodes with these pixels, and WebP and JPEG are encoded
    /// from them. `None` if neither is needed, or if the planes were stored in a JPEG. In the second case, the planes are
    /// used.
    pub(crate) reference: Option<DynamicImage>,
    /// The metadata and the gain map of the rendition's file. The gain map is at most as large as the rendition.
    pub(crate) attachments: Attachments,
}

/// How the quantizer of an image is chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) enum QualityMode {
    Fixed(FixedQuality),
    /// A search finds the coarsest quantizer that reaches this target score.
    Search(Score),
    /// A search is not possible, so the quantizer is used at which most images reach this target score.
    Estimate(Score, SearchObstacle),
}

impl DecodedImage {
    /// Applies the orientation, crops and resizes to the recipe's sizes, and converts RGB to luma and chroma. The RGB pixels are
    /// freed before the encoder allocates its memory, unless a search compares encodes with them.
    ///
    /// # Errors
    /// Returns [`Error::Planes`] if the planes cannot be computed. No known image causes this error.
    pub fn transform(self) -> Result<TransformedImage, Error> {
        let Self { recipe, pixels, copied_source, geometry, orientation, exif, xmp, .. } = self;
        let Self { search_obstacle, gain_map, mut notes, animation, .. } = self;
        let Recipe { quality, metadata, chroma, .. } = recipe;
        let has_other_formats = recipe.has_other_formats();
        let Some((pixels, color)) = pixels else {
            let content = Content::Photograph;
            return Ok(TransformedImage {
                recipe,
                renditions: vec![],
                copied_source,
                geometry,
                content,
                format: PlaneFormat::new(content, quality, chroma, false),
                search_obstacle,
                quality: QualityMode::new(quality, search_obstacle),
                notes,
                animation,
            });
        };
        let pixels = pixels.apply_orientation(orientation);
        let content = animation.as_ref().map_or_else(|| pixels.content(), Animation::content);
        // The obstacles that more time would not remove are checked first.
        let avif_obstacle = (!color.cicp.is_sdr())
            .then_some(SearchObstacle::HighDynamicRange)
            .or(animation.is_some().then_some(SearchObstacle::Animation))
            .or(search_obstacle);
        let format = PlaneFormat::new(content, quality, chroma, animation.is_some());
        if animation.is_some() && format.is_lossless {
            notes.push("Chromium shows lossless animations with too much contrast".into());
        }
        if chroma == ChromaMode::Yuv420 && format.is_lossless && pixels.has_color() {
            notes.push("the chroma resolution is 4:4:4, because lossless images keep all colors".into());
        }
        let is_copied = |id: &VariantId| is_copied(*id, geometry, copied_source.as_ref());
        let framings = geometry.framings(recipe.variants().filter(|id| !is_copied(id)));
        let gain_map = gain_map.map(|map| map.orient(orientation, geometry.size));
        let attachments = match metadata {
            Metadata::Strip => Attachments::default(),
            // The new blocks have no orientation.
            Metadata::Copyright => Attachments { exif, xmp, gain_map: None },
            Metadata::Keep => Attachments {
                exif: exif.map(metadata::reset_exif_orientation),
                xmp: xmp.map(metadata::reset_xmp_orientation),
                gain_map: None,
            },
        };
        // Gain maps are not images that viewers show, so the recipe's chroma resolution does not apply to them.
        let map_format = PlaneFormat::new(content, quality, ChromaMode::Auto, animation.is_some());
        let quality = QualityMode::new(quality, avif_obstacle);
        let is_kept = has_other_formats || matches!(quality, QualityMode::Search(_));
        let rendition = |framing: Framing, planar: PlanarImage, pixels: Option<DynamicImage>| {
            let reference = pixels.filter(|_| is_kept);
            let gain_map = gain_map.as_ref().map(|map| map.framed(framing, &planar, map_format)).transpose()?;
            Ok(Rendition { framing, planar, reference, attachments: Attachments { gain_map, ..attachments.clone() } })
        };
        let renditions = renditions(pixels, &color, geometry, &framings, format, rendition)?;
        Ok(TransformedImage {
            recipe,
            renditions,
            copied_source,
            geometry,
            content,
            format,
            search_obstacle,
            quality,
            notes,
            animation,
        })
    }
}

impl Rendition {
    /// Returns the pixels of the image.
    pub(crate) fn pixels(&self) -> Result<Cow<'_, DynamicImage>, Error> {
        if let Some(pixels) = &self.reference {
            return Ok(Cow::Borrowed(pixels));
        }
        let Shape { width, height, .. } = self.planar.shape();
        planes_to_image(&self.planar).map(Cow::Owned).map_err(|message| Error::Planes { width, height, message })
    }

    /// Converts 8-bit planes to 10 bits.
    pub(crate) fn widen_to_ten_bits(&mut self) -> Result<(), Error> {
        self.planar = planes::to_ten_bits(&self.planar, self.reference.as_ref())?;
        Ok(())
    }

    /// Converts the pixels to 4:4:4 planes. Planes that were stored in a JPEG stay 4:2:0.
    pub(crate) fn use_full_chroma(&mut self) -> Result<(), Error> {
        if let Some(pixels) = &self.reference {
            self.planar = planes::to_full_chroma(&self.planar, pixels)?;
        }
        Ok(())
    }
}

/// Whether a variant is a copy of the source.
pub(crate) fn is_copied(id: VariantId, geometry: SourceGeometry, copied: Option<&CopiedSource>) -> bool {
    id.format == OutputFormat::Avif && copied.is_some_and(|source| Framing::whole(source.size) == geometry.framing(id))
}

impl QualityMode {
    pub(crate) fn new(quality: Quality, search_obstacle: Option<SearchObstacle>) -> Self {
        match (quality, search_obstacle) {
            (Quality::Fixed(quality), _) => Self::Fixed(quality),
            (Quality::Visual(target), None) => Self::Search(target),
            (Quality::Visual(target), Some(obstacle)) => Self::Estimate(target, obstacle),
        }
    }
}

/// Crops and resizes the image to each of these framings. The framings are sorted, the widest first.
fn renditions(
    source: SourcePixels,
    color: &Color,
    geometry: SourceGeometry,
    framings: &[Framing],
    format: PlaneFormat,
    rendition: impl Fn(Framing, PlanarImage, Option<DynamicImage>) -> Result<Rendition, Error>,
) -> Result<Vec<Rendition>, Error> {
    let from_pixels = |framing: Framing, mut image: DynamicImage| {
        if !format.is_lossless {
            fill_transparent(&mut image);
        }
        rendition(framing, planes::to_planar(&image, color, format)?, Some(image))
    };
    let whole_source = Framing::whole(geometry.size);
    let has_whole_source = framings.first() == Some(&whole_source);
    let others = &framings[usize::from(has_whole_source)..];
    let mut renditions = Vec::with_capacity(framings.len());
    if !others.is_empty() {
        let largest = FilterImage::from_pixels(source.to_interleaved()?.as_ref(), color.cicp)?;
        let mut resized: Vec<FilterImage> = Vec::with_capacity(others.len());
        for &framing in others {
            let image = if let Some(crop) = framing.crop {
                largest.crop(scaled_area(crop, geometry.size, largest.size())).resize(framing.size)?
            } else {
                // From the smallest image that is large enough, resizing takes the least time.
                let from = resized.iter().rfind(|image| image.is_large_enough_for(framing.size)).unwrap_or(&largest);
                from.resize(framing.size)?
            };
            renditions.push(from_pixels(framing, image.to_pixels()?)?);
            if framing.crop.is_none() {
                resized.push(image);
            }
        }
    }
    if has_whole_source {
        // The rendition of the source's own size is made last, because this step consumes the source's pixels.
        let largest = match source {
            SourcePixels::Interleaved(image) => from_pixels(whole_source, image)?,
            // The planes of a JPEG stay 4:2:0, even if `format` requires 4:4:4, because more chroma samples would
            // contain no more detail. If the recipe requires 4:4:4, the JPEG was decoded to pixels.
            SourcePixels::Planar(planes) => rendition(whole_source, planes.into_planar_image(color)?, None)?,
        };
        renditions.insert(0, largest);
    }
    Ok(renditions)
}

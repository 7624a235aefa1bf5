use avif::{Attached, Content};
use image::DynamicImage;
use model::{Color, Metadata, PlanarImage, Quality, Recipe, Score};

use crate::avif_file::Kept;
use crate::motion::Moving;
use crate::planes::Style;
use crate::raster::Raster;
use crate::resize::Light;
use crate::sizes::sizes;
use crate::{Decoded, Error, SearchObstacle, gain_map, metadata, planes};

/// Width and height in pixels.
type Size = (u32, u32);

/// The variants' pixels as the codec wants them, each size once.
pub struct TransformedImage {
    /// The widest first.
    pub(crate) renditions: Vec<Rendition>,
    /// The source itself, where it is a variant of its own.
    pub(crate) kept: Option<Kept>,
    /// The upright source's width and height.
    pub(crate) source: (u32, u32),
    pub(crate) content: Content,
    pub(crate) style: Style,
    pub(crate) aim: Aim,
    pub(crate) notes: Vec<String>,
    pub(crate) moving: Option<Moving>,
}

/// A picture at one size.
pub(crate) struct Rendition {
    pub(crate) picture: PlanarImage,
    /// The pixels that the planes were made of, for encodes to be compared with; nothing where the planes are the source
    /// itself, or where nothing is compared.
    pub(crate) reference: Option<DynamicImage>,
    /// What travels in its file beside the pixels; the gain map is of its size.
    pub(crate) attached: Attached,
}

/// What the recipe's quality comes to for this picture.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Aim {
    Fixed(model::FixedQuality),
    /// To be searched for.
    Search(Score),
    /// To be searched for, if something did not forbid it.
    Guess(Score, SearchObstacle),
}

impl Decoded {
    /// Turns the picture upright, makes the recipe's sizes of it, and separates luma from chroma where the file has not. The
    /// RGB pixels are gone when this is done, before the encoder asks for memory of its own, unless its encodes are compared
    /// with them.
    ///
    /// # Errors
    /// [`Error::Planes`], which no picture is known to cause.
    pub fn transform(self, recipe: &Recipe) -> Result<TransformedImage, Error> {
        let Self { raster, kept, source, orientation, exif, xmp, unsearched, gain_map, mut notes, moving } = self;
        let Some((raster, color)) = raster else {
            let content = Content::Photograph;
            let (aim, style) = (Aim::of(recipe.quality, unsearched), Style::of(content, recipe.quality, false));
            return Ok(TransformedImage { renditions: vec![], kept, source, content, style, aim, notes, moving });
        };
        let raster = raster.upright(orientation);
        let content = moving.as_ref().map_or_else(|| raster.content(), Moving::content);
        // First the obstacles that more time would not remove.
        let unsearched = (!color.cicp.is_sdr())
            .then_some(SearchObstacle::HighDynamicRange)
            .or(moving.is_some().then_some(SearchObstacle::Animation))
            .or(unsearched);
        let aim = Aim::of(recipe.quality, unsearched);
        let style = Style::of(content, recipe.quality, moving.is_some());
        if moving.is_some() && style.lossless {
            notes.push("Chromium shows animations that are lossless with too much contrast".into());
        }
        let mut sizes = sizes(source, recipe.widths.iter());
        sizes.retain(|size| kept.as_ref().is_none_or(|kept| kept.size != *size));
        let compared = matches!(aim, Aim::Search(_));
        let gain_map = match recipe.metadata {
            Metadata::Strip => gain_map.map(gain_map::Decoded::without_private_tags),
            Metadata::Keep => gain_map,
        };
        let map = gain_map.map(|map| map.upright(orientation, source));
        let attached = match recipe.metadata {
            Metadata::Strip => Attached::default(),
            Metadata::Keep => {
                Attached { exif: exif.map(metadata::upright_exif), xmp: xmp.map(metadata::upright_xmp), gain_map: None }
            }
        };
        let rendition = |picture: PlanarImage, reference: Option<DynamicImage>| {
            let gain_map = map.as_ref().map(|map| map.scaled(&picture, style)).transpose()?;
            Ok(Rendition { picture, reference, attached: Attached { gain_map, ..attached.clone() } })
        };
        let renditions = renditions(raster, &color, source, &sizes, style, compared, rendition)?;
        Ok(TransformedImage { renditions, kept, source, content, style, aim, notes, moving })
    }
}

impl Rendition {
    /// Makes 10 bits of its 8.
    pub(crate) fn deepen(&mut self) -> Result<(), Error> {
        self.picture = planes::deepened(&self.picture, self.reference.as_ref())?;
        Ok(())
    }
}

impl Aim {
    fn of(quality: Quality, unsearched: Option<SearchObstacle>) -> Self {
        match (quality, unsearched) {
            (Quality::Fixed(quality), _) => Self::Fixed(quality),
            (Quality::Visual(target), None) => Self::Search(target),
            (Quality::Visual(target), Some(why)) => Self::Guess(target, why),
        }
    }
}

/// The picture at those sizes, given the widest first.
fn renditions(
    raster: Raster,
    color: &Color,
    source: Size,
    sizes: &[Size],
    style: Style,
    compared: bool,
    rendition: impl Fn(PlanarImage, Option<DynamicImage>) -> Result<Rendition, Error>,
) -> Result<Vec<Rendition>, Error> {
    let of_pixels = |image: DynamicImage| {
        let picture = planes::picture(&image, color, style)?;
        rendition(picture, compared.then_some(image))
    };
    let whole = sizes.first() == Some(&source);
    let narrower = &sizes[usize::from(whole)..];
    let mut renditions = Vec::with_capacity(sizes.len());
    if !narrower.is_empty() {
        let all = Light::of(raster.pixels()?.as_ref(), color.cicp)?;
        let mut lights: Vec<Light> = Vec::with_capacity(narrower.len());
        for &size in narrower {
            // The smallest that will do, which costs least.
            let light = lights.iter().rfind(|light| light.suffices(size)).unwrap_or(&all).resized(size)?;
            renditions.push(of_pixels(light.pixels()?)?);
            lights.push(light);
        }
    }
    if whole {
        // The last that wants the source's pixels may keep them.
        let largest = match raster {
            Raster::Pixels(image) => of_pixels(image)?,
            // Chroma that a JPEG has halved gains nothing by being doubled, whatever the style.
            Raster::Planes(planes) => rendition(planes.into_picture(color)?, None)?,
        };
        renditions.insert(0, largest);
    }
    Ok(renditions)
}

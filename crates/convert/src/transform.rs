use avif::{Attached, Content};
use image::{DynamicImage, GenericImageView};
use model::{Color, Metadata, Picture, Quality, Recipe};

use crate::avif_file::Kept;
use crate::motion::Moving;
use crate::open::sizes;
use crate::planes::Style;
use crate::resize::Light;
use crate::{Decoded, Error, content, metadata, planes};

/// The variants' pixels as the codec wants them, each size once.
pub struct Transformed {
    /// The widest first.
    pub(crate) pictures: Vec<Picture>,
    /// The source itself, where it is a variant of its own.
    pub(crate) kept: Option<Kept>,
    /// The upright source's width and height.
    pub(crate) source: (u32, u32),
    pub(crate) content: Content,
    pub(crate) attached: Attached,
    pub(crate) notes: Vec<String>,
    pub(crate) moving: Option<Moving>,
}

impl Decoded {
    /// Turns the picture upright, makes the recipe's sizes of it, and separates luma from chroma. The RGB pixels are gone
    /// when this is done, before the encoder asks for memory of its own.
    ///
    /// # Errors
    /// [`Error::Planes`], which no picture is known to cause.
    pub fn transform(self, recipe: &Recipe) -> Result<Transformed, Error> {
        let Self { pixels, kept, source, orientation, exif, xmp, mut notes, moving } = self;
        let Some((mut image, color)) = pixels else {
            let (content, attached) = (Content::Photograph, Attached::default());
            return Ok(Transformed { pictures: vec![], kept, source, content, attached, notes, moving });
        };
        image.apply_orientation(orientation);
        let content = moving.as_ref().map_or_else(|| content::of(&image), Moving::content);
        let Quality::Fixed(quality) = recipe.quality;
        let style = Style { content, lossless: quality.is_lossless() };
        if moving.is_some() && style.lossless {
            notes.push("Chromium shows animations that are lossless with too much contrast".into());
        }
        let mut sizes = sizes(source, recipe.widths.iter());
        sizes.retain(|size| kept.as_ref().is_none_or(|kept| kept.size != *size));
        let pictures = pictures(&image, &color, &sizes, style)?;
        // The pixels' memory is the encoder's from here on.
        drop(image);
        let attached = match recipe.metadata {
            Metadata::Strip => Attached::default(),
            Metadata::Keep => Attached { exif: exif.map(metadata::upright_exif), xmp: xmp.map(metadata::upright_xmp) },
        };
        Ok(Transformed { pictures, kept, source, content, attached, notes, moving })
    }
}

fn pictures(image: &DynamicImage, color: &Color, sizes: &[(u32, u32)], style: Style) -> Result<Vec<Picture>, Error> {
    let source = image.dimensions();
    let whole = sizes.first() == Some(&source);
    let mut pictures = Vec::with_capacity(sizes.len());
    if whole {
        pictures.push(planes::picture(image, color, style)?);
    }
    let narrower = &sizes[usize::from(whole)..];
    if narrower.is_empty() {
        return Ok(pictures);
    }
    let all = Light::of(image, color.cicp)?;
    let mut lights: Vec<Light> = Vec::with_capacity(narrower.len());
    for &size in narrower {
        // The smallest that will do, which costs least.
        let light = lights.iter().rfind(|light| light.suffices(size)).unwrap_or(&all).resized(size)?;
        pictures.push(planes::picture(&light.pixels()?, color, style)?);
        lights.push(light);
    }
    Ok(pictures)
}

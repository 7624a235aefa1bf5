//! Pixels to compare, a rectangle at a time.

use image::{DynamicImage, GenericImageView, Rgba};
use model::{PlanarImage, Samples, Shape};

use super::Failed;
use crate::avif_file;

/// A rectangle of pixels. Its corner is at even numbers, where chroma at half resolution has a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// What can be compared: pixels as they were read, or as they were made ready for the codec.
#[derive(Clone, Copy)]
pub(super) enum Pixels<'a> {
    Image(&'a DynamicImage),
    Planes(&'a PlanarImage),
}

/// What transparent pixels are laid over: neither the lightest nor the darkest that they may be shown on.
const BACKGROUND: u32 = 128;

impl Pixels<'_> {
    pub(super) fn size(&self) -> (u32, u32) {
        match self {
            Self::Image(image) => image.dimensions(),
            Self::Planes(picture) => (picture.shape().width, picture.shape().height),
        }
    }

    /// The area's pixels, three bytes each, as a viewer shows them.
    pub(super) fn rgb(&self, area: Area) -> Result<Vec<u8>, Failed> {
        let part = match self {
            Self::Image(image) => image.crop_imm(area.x, area.y, area.width, area.height),
            Self::Planes(picture) => {
                let part = crop(picture, area);
                let pixels = avif::pixels(&part).map_err(|error| Failed::Compare(error.to_string()))?;
                let image = avif_file::image(pixels, part.shape(), part.alpha().is_some());
                image.expect("libavif fills every row of what it makes pixels of")
            }
        };
        if !part.color().has_alpha() {
            return Ok(part.into_rgb8().into_raw());
        }
        let pixels = part.into_rgba8();
        Ok(pixels.pixels().flat_map(|&Rgba([r, g, b, alpha])| [r, g, b].map(|level| over(level, alpha))).collect())
    }
}

fn over(level: u8, alpha: u8) -> u8 {
    let (level, alpha) = (u32::from(level), u32::from(alpha));
    u8::try_from((level * alpha + BACKGROUND * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
}

/// A part of a picture.
fn crop(picture: &PlanarImage, area: Area) -> PlanarImage {
    tiled(picture, &[area], 1)
}

/// Parts of one size, put side by side, so many to a row.
pub(super) fn tiled(picture: &PlanarImage, areas: &[Area], columns: u32) -> PlanarImage {
    let whole = picture.shape();
    let rows = u32::try_from(areas.len()).unwrap_or(u32::MAX) / columns;
    let tile = Shape { width: areas[0].width, height: areas[0].height, ..whole };
    let plane = |samples: &Samples, stride: u32, (width, height): (u32, u32)| {
        // Chroma at half resolution is where luma at twice the place is.
        let (across, down) = (tile.width.div_ceil(width), tile.height.div_ceil(height));
        let parts = areas.iter().map(|area| Area { x: area.x / across, y: area.y / down, width, height });
        let parts: Vec<Area> = parts.collect();
        match samples {
            Samples::U8(samples) => Samples::U8(rectangles(samples, stride, &parts, columns)),
            Samples::U16(samples) => Samples::U16(rectangles(samples, stride, &parts, columns)),
        }
    };
    let planes = picture.planes().iter().enumerate();
    let planes =
        planes.map(|(index, samples)| plane(samples, whole.plane_size(index).0, tile.plane_size(index))).collect();
    let alpha = picture.alpha().map(|alpha| plane(alpha, whole.width, (tile.width, tile.height)));
    let shape = Shape { width: tile.width * columns, height: tile.height * rows, ..whole };
    PlanarImage::new(shape, planes, alpha, picture.color().clone()).expect("tiles of a picture have the planes of one")
}

fn rectangles<T: Copy>(samples: &[T], stride: u32, areas: &[Area], columns: u32) -> Vec<T> {
    let mut tiles = Vec::with_capacity(areas.iter().map(|area| area.width as usize * area.height as usize).sum());
    for row in areas.chunks(columns as usize) {
        for y in 0..row[0].height {
            for area in row {
                let start = (area.y + y) as usize * stride as usize + area.x as usize;
                tiles.extend_from_slice(&samples[start..][..area.width as usize]);
            }
        }
    }
    tiles
}

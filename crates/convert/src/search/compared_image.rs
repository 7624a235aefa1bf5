//! Defines the images that are compared, and converts areas of them to RGB.

use image::{DynamicImage, GenericImageView, Rgba};
use model::{Area, PlanarImage, Samples, Shape};

use crate::pixels::decoded_avif::planes_to_image;

/// An image to compare.
#[derive(Clone, Copy)]
pub(super) enum ComparedImage<'a> {
    Interleaved(&'a DynamicImage),
    Planar(&'a PlanarImage),
}

/// The gray level behind transparent pixels: halfway between the lightest and the darkest background.
const BACKGROUND: u32 = 128;

impl ComparedImage<'_> {
    pub(super) fn size(&self) -> (u32, u32) {
        match self {
            Self::Interleaved(image) => image.dimensions(),
            Self::Planar(image) => (image.shape().width, image.shape().height),
        }
    }

    /// Returns the area's pixels as a viewer shows them, with three bytes per pixel. The coordinates of the top left corner
    /// are even, because each 4:2:0 chroma sample covers two columns and two rows. The error is the error message of libavif.
    pub(super) fn rgb(&self, area: Area) -> Result<Vec<u8>, String> {
        let part = match self {
            Self::Interleaved(image) => image.crop_imm(area.x, area.y, area.width, area.height),
            Self::Planar(image) => planes_to_image(&crop(image, area))?,
        };
        if !part.color().has_alpha() {
            return Ok(part.into_rgb8().into_raw());
        }
        let pixels = part.into_rgba8();
        Ok(pixels
            .pixels()
            .flat_map(|&Rgba([r, g, b, alpha])| [r, g, b].map(|level| blend_over_background(level, alpha)))
            .collect())
    }
}

fn blend_over_background(level: u8, alpha: u8) -> u8 {
    let (level, alpha) = (u32::from(level), u32::from(alpha));
    u8::try_from((level * alpha + BACKGROUND * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
}

fn crop(image: &PlanarImage, area: Area) -> PlanarImage {
    tile(image, &[area], 1)
}

/// Puts areas of an image next to each other as tiles, `columns` tiles in each row. All areas have the same size.
pub(super) fn tile(image: &PlanarImage, areas: &[Area], columns: u32) -> PlanarImage {
    let source = image.shape();
    let rows = u32::try_from(areas.len()).unwrap_or(u32::MAX) / columns;
    let tile_shape = Shape { width: areas[0].width, height: areas[0].height, ..source };
    let plane = |samples: &Samples, stride: u32, (width, height): (u32, u32)| {
        // The position of a chroma sample is the position of the luma sample divided by the subsampling factor.
        let (horizontal, vertical) = (tile_shape.width.div_ceil(width), tile_shape.height.div_ceil(height));
        let parts = areas.iter().map(|area| Area { x: area.x / horizontal, y: area.y / vertical, width, height });
        let parts: Vec<Area> = parts.collect();
        match samples {
            Samples::U8(samples) => Samples::U8(rectangles(samples, stride, &parts, columns)),
            Samples::U16(samples) => Samples::U16(rectangles(samples, stride, &parts, columns)),
        }
    };
    let planes = image.planes().iter().enumerate();
    let planes = planes
        .map(|(index, samples)| plane(samples, source.plane_size(index).0, tile_shape.plane_size(index)))
        .collect();
    let alpha = image.alpha().map(|alpha| plane(alpha, source.width, (tile_shape.width, tile_shape.height)));
    let shape = Shape { width: tile_shape.width * columns, height: tile_shape.height * rows, ..source };
    PlanarImage::new(shape, planes, alpha, image.color().clone()).expect("each plane has the samples of all tiles")
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

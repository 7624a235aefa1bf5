//! A sample is a small image made from parts of a large one. The search encodes the sample instead of the large image.

use image::{DynamicImage, RgbImage, imageops};
use model::{PlanarImage, Shape};

use super::compared_image::{Area, ComparedImage, tile};
use super::comparison::{Comparison, SearchError};
use super::score::Parts;
use crate::pixels::planes;

/// Images with at most this many pixels need no sample, because a sample would be about as large as the image.
const MAX_PIXELS_WITHOUT_SAMPLE: u64 = 1_200_000;
/// The maximum number of tiles of a sample. The tiles are distributed over the whole image.
const MAX_TILES: u32 = 64;
/// The side of a tile in pixels.
const TILE_SIDE: u32 = 128;

/// A sample consists of tiles of an image, and the same tiles of its reference.
pub(super) struct Sample {
    planar: PlanarImage,
    reference: DynamicImage,
    /// Whether the planes were made from the reference.
    is_made_from_reference: bool,
    parts: Parts,
}

impl Sample {
    /// Takes a sample of an image. Returns `None` if the image is hardly larger than a sample, or too narrow for tiles.
    pub(super) fn new(planar: &PlanarImage, reference: ComparedImage<'_>) -> Result<Option<Self>, SearchError> {
        let Shape { width, height, .. } = planar.shape();
        if u64::from(width) * u64::from(height) <= MAX_PIXELS_WITHOUT_SAMPLE || width.min(height) < TILE_SIDE {
            return Ok(None);
        }
        let rows = (height / TILE_SIDE).min(8);
        let columns = (width / TILE_SIDE).min(MAX_TILES / rows);
        let starts = |count: u32, length: u32| {
            (0..count).map(move |index| ((length - TILE_SIDE) * (2 * index + 1) / (2 * count)) & !1)
        };
        let areas: Vec<Area> = starts(rows, height)
            .flat_map(|y| starts(columns, width).map(move |x| Area { x, y, width: TILE_SIDE, height: TILE_SIDE }))
            .collect();
        let mut pixels = RgbImage::new(columns * TILE_SIDE, rows * TILE_SIDE);
        let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (column * TILE_SIDE, row * TILE_SIDE)));
        for (area, (x, y)) in areas.iter().zip(places) {
            let tile = reference.rgb(*area).map_err(SearchError::Compare)?;
            let tile = RgbImage::from_raw(TILE_SIDE, TILE_SIDE, tile).expect("the area has three bytes for each pixel");
            imageops::replace(&mut pixels, &tile, x.into(), y.into());
        }
        let is_made_from_reference = matches!(reference, ComparedImage::Interleaved(_));
        let planar = tile(planar, &areas, columns);
        let parts = Parts::new(pixels.dimensions(), u64::MAX);
        Ok(Some(Self { planar, reference: pixels.into(), is_made_from_reference, parts }))
    }

    /// Converts the sample to 10 bits.
    pub(super) fn into_ten_bits(self) -> Result<Self, SearchError> {
        let planar = planes::to_ten_bits(&self.planar, self.pixels())
            .map_err(|error| SearchError::Compare(error.to_string()))?;
        Ok(Self { planar, ..self })
    }

    /// The pixels of the sample, if the planes were made from pixels.
    pub(super) fn pixels(&self) -> Option<&DynamicImage> {
        self.is_made_from_reference.then_some(&self.reference)
    }

    pub(super) fn comparison(&self) -> Comparison<'_> {
        let reference = ComparedImage::Interleaved(&self.reference);
        Comparison { planar: &self.planar, reference, parts: &self.parts }
    }
}

//! A sample is a small image made from parts of a large one. The search encodes the sample instead of the large image.

use image::{DynamicImage, RgbImage, imageops};
use model::{Area, PlanarImage, Shape};

use super::MAX_EXTRAPOLATION;
use super::compared_image::{ComparedImage, tile};
use super::comparison::{Comparison, SearchError};
use super::curve::CurveShape;
use super::curve_fit::Probe;
use crate::pixels::planes;
use crate::write::Encoder;

/// Images with at most this many pixels need no sample, because a sample would be about as large as the image.
const MAX_PIXELS_WITHOUT_SAMPLE: u64 = 1_200_000;
/// The maximum number of tiles of a sample. The tiles are distributed over the whole image.
const MAX_TILES: u32 = 64;
/// The side of a tile in pixels.
const TILE_SIDE: u32 = 128;

/// The pixels of a sample: tiles of the reference.
pub(super) struct PixelSample {
    pub(super) pixels: DynamicImage,
}

/// A sample of planes, and the same sample of their reference.
pub(super) struct Sample {
    pub(super) planar: PlanarImage,
    pub(super) pixels: PixelSample,
    /// Whether the planes were made from the reference.
    is_made_from_reference: bool,
}

/// The tiles of a sample.
struct Tiles {
    areas: Vec<Area>,
    columns: u32,
    rows: u32,
}

impl Tiles {
    /// Chooses the tiles. Returns `None` if the image is hardly larger than a sample, or too narrow for tiles.
    fn choose((width, height): (u32, u32)) -> Option<Self> {
        if u64::from(width) * u64::from(height) <= MAX_PIXELS_WITHOUT_SAMPLE || width.min(height) < TILE_SIDE {
            return None;
        }
        let rows = (height / TILE_SIDE).min(8);
        let columns = (width / TILE_SIDE).min(MAX_TILES / rows);
        let starts = |count: u32, length: u32| {
            (0..count).map(move |index| ((length - TILE_SIDE) * (2 * index + 1) / (2 * count)) & !1)
        };
        let areas = starts(rows, height)
            .flat_map(|y| starts(columns, width).map(move |x| Area { x, y, width: TILE_SIDE, height: TILE_SIDE }))
            .collect();
        Some(Self { areas, columns, rows })
    }

    /// Returns the tiles of the reference as a viewer shows them.
    fn pixels(&self, reference: ComparedImage<'_>) -> Result<PixelSample, SearchError> {
        let Self { areas, columns, rows } = self;
        let mut pixels = RgbImage::new(columns * TILE_SIDE, rows * TILE_SIDE);
        let places = (0..*rows).flat_map(|row| (0..*columns).map(move |column| (column * TILE_SIDE, row * TILE_SIDE)));
        for (area, (x, y)) in areas.iter().zip(places) {
            let tile = reference.rgb(*area).map_err(SearchError::Compare)?;
            let tile = RgbImage::from_raw(TILE_SIDE, TILE_SIDE, tile).expect("the area has three bytes for each pixel");
            imageops::replace(&mut pixels, &tile, x.into(), y.into());
        }
        Ok(PixelSample { pixels: pixels.into() })
    }
}

impl PixelSample {
    /// Takes a sample of an image. Returns `None` if the image is hardly larger than a sample, or too narrow for tiles.
    pub(super) fn new(image: ComparedImage<'_>) -> Result<Option<Self>, SearchError> {
        Tiles::choose(image.size()).map(|tiles| tiles.pixels(image)).transpose()
    }

    /// Returns the measurement of the sample for an image with a curve of this shape.
    pub(super) fn probe<'a>(&'a self, encoder: &'a dyn Encoder, shape: &CurveShape) -> Probe<'a> {
        let comparison = Comparison { encoder, reference: ComparedImage::Interleaved(&self.pixels) };
        Probe { comparison, score_bias: shape.sample_score_bias, max_distance: MAX_EXTRAPOLATION }
    }
}

impl Sample {
    /// Takes a sample of an image. Returns `None` if the image is hardly larger than a sample, or too narrow for tiles.
    pub(super) fn new(planar: &PlanarImage, reference: ComparedImage<'_>) -> Result<Option<Self>, SearchError> {
        let Shape { width, height, .. } = planar.shape();
        let Some(tiles) = Tiles::choose((width, height)) else { return Ok(None) };
        let pixels = tiles.pixels(reference)?;
        let is_made_from_reference = matches!(reference, ComparedImage::Interleaved(_));
        let planar = tile(planar, &tiles.areas, tiles.columns);
        Ok(Some(Self { planar, pixels, is_made_from_reference }))
    }

    /// Converts the sample to 10 bits.
    pub(super) fn into_ten_bits(self) -> Result<Self, SearchError> {
        let planar = planes::to_ten_bits(&self.planar, self.source_pixels())
            .map_err(|error| SearchError::Compare(error.to_string()))?;
        Ok(Self { planar, ..self })
    }

    /// The pixels of the sample, if the planes were made from pixels.
    pub(super) fn source_pixels(&self) -> Option<&DynamicImage> {
        self.is_made_from_reference.then_some(&self.pixels.pixels)
    }
}

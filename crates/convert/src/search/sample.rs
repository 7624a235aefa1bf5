//! A small picture that stands for a large one.

use image::{DynamicImage, RgbImage, imageops};
use model::{PlanarImage, Shape};

use super::pixels::{Area, Pixels, tiled};
use super::score::Cell;
use super::{Failed, Subject};
use crate::planes;

/// Pixels of a picture that needs no sample: one would be as large.
const WHOLE: u64 = 1_200_000;
/// Tiles of a sample, from all over the picture.
const TILES: u32 = 16;
/// Pixels along a tile's side.
const SIDE: u32 = 256;
/// Pixels along its edges that are encoded with it and not counted: beyond them lies a tile from elsewhere. A multiple of
/// 32, as are the others, for the sake of the coarsest scale that is compared.
const MARGIN: u32 = 32;

/// Tiles of a picture put side by side, the same tiles of what it is compared with, and which pixels of them count.
pub(super) struct Sample {
    picture: PlanarImage,
    reference: DynamicImage,
    /// Whether the planes were made of what they are compared with.
    of_pixels: bool,
    cells: Vec<Cell>,
}

impl Sample {
    /// Nothing where the picture is hardly larger itself, or too narrow for tiles.
    pub(super) fn of(picture: &PlanarImage, reference: Pixels<'_>) -> Result<Option<Self>, Failed> {
        let Shape { width, height, .. } = picture.shape();
        if u64::from(width) * u64::from(height) <= WHOLE || width.min(height) < SIDE {
            return Ok(None);
        }
        let rows = (height / SIDE).min(4);
        let columns = (width / SIDE).min(TILES / rows);
        let starts = |count: u32, length: u32| {
            (0..count).map(move |index| ((length - SIDE) * (2 * index + 1) / (2 * count)) & !1)
        };
        let areas: Vec<Area> = starts(rows, height)
            .flat_map(|y| starts(columns, width).map(move |x| Area { x, y, width: SIDE, height: SIDE }))
            .collect();
        let mut pixels = RgbImage::new(columns * SIDE, rows * SIDE);
        let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (column * SIDE, row * SIDE)));
        let mut cells = vec![];
        for (area, (x, y)) in areas.iter().zip(places) {
            let tile = RgbImage::from_raw(SIDE, SIDE, reference.rgb(*area)?).expect("an area has all of its pixels");
            imageops::replace(&mut pixels, &tile, x.into(), y.into());
            let side = SIDE - 2 * MARGIN;
            let counted = Area { x: x + MARGIN, y: y + MARGIN, width: side, height: side };
            cells.push(Cell { counted, compared: Area { x, y, width: SIDE, height: SIDE } });
        }
        let of_pixels = matches!(reference, Pixels::Image(_));
        Ok(Some(Self { picture: tiled(picture, &areas, columns), reference: pixels.into(), of_pixels, cells }))
    }

    /// The same at 10 bits.
    pub(super) fn deepened(self) -> Result<Self, Failed> {
        let pixels = self.of_pixels.then_some(&self.reference);
        let picture = planes::deepened(&self.picture, pixels).map_err(|error| Failed::Compare(error.to_string()))?;
        Ok(Self { picture, ..self })
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        Subject { picture: &self.picture, reference: Pixels::Image(&self.reference), cells: &self.cells }
    }
}

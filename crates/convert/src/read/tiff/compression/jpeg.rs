//! Decompresses JPEG (TIFF Technical Note 2). Each strip or tile is a JPEG, whose tables may be in the tag `JPEGTables`.

use jpeg::{ColorSpace, Decoder, Options, Output, Samples};
use tiff::tags::Tag;

use crate::Error;
use crate::error::brief;
use crate::read::tiff::compression::{Budget, Decompressor, too_short};
use crate::read::tiff::damaged;
use crate::read::tiff::directory::Directory;

/// What the decoder does with the colors of a JPEG. The tags decide this; markers in the JPEG are ignored, as in
/// libtiff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JpegColors {
    /// The three components are luma and chroma and are converted to RGB.
    YCbCrToRgb,
    /// The components are the samples.
    Unchanged,
}

pub(super) struct Jpeg {
    tables: Vec<u8>,
    colors: JpegColors,
    size: (u32, u32),
    samples: usize,
    budget: Budget,
    pixels: Vec<u8>,
    read_bytes: usize,
}

/// The limit on scans. Encoders write about ten scans.
const MAX_SCANS: u32 = 64;

/// The maximum size of `JPEGTables` in bytes. Four tables of each kind have less than 3 KiB.
const MAX_TABLE_BYTES: usize = 64 << 10;

/// Reads the tag `JPEGTables`: a JPEG without a scan. The result is empty if the tag is missing.
pub(super) fn jpeg_tables(directory: &mut Directory<'_>) -> Result<Vec<u8>, Error> {
    match directory.block(Tag::JPEGTables, MAX_TABLE_BYTES) {
        Some(tables) if tables.is_empty() => Err(damaged("its JPEGTables cannot be read")),
        tables => Ok(tables.unwrap_or_default()),
    }
}

impl Jpeg {
    pub(super) fn new(tables: Vec<u8>, colors: JpegColors, size: (u32, u32), samples: usize, budget: Budget) -> Self {
        Self { tables, colors, size, samples, budget, pixels: vec![], read_bytes: 0 }
    }
}

impl<'bytes> Decompressor<'bytes> for Jpeg {
    fn start(&mut self, data: &'bytes [u8], rows: u32) -> Result<(), Error> {
        self.budget.spend(self.tables.len() + data.len())?;
        // Frees the pixels of the previous strip or tile first.
        self.pixels = vec![];
        self.pixels = decode_jpeg_chunk(&self.tables, data, self.colors, self.size, (rows, self.samples))?;
        self.read_bytes = 0;
        Ok(())
    }

    fn read(&mut self, row: &mut [u8]) -> Result<(), Error> {
        let end = self.read_bytes + row.len();
        row.copy_from_slice(self.pixels.get(self.read_bytes..end).ok_or_else(too_short)?);
        self.read_bytes = end;
        Ok(())
    }
}

/// Decodes the JPEG of a strip or tile of this size to interleaved samples. It must have the width of the strip or tile,
/// and at least the number of rows that are needed.
fn decode_jpeg_chunk(
    tables: &[u8],
    data: &[u8],
    colors: JpegColors,
    (width, height): (u32, u32),
    (rows, samples): (u32, usize),
) -> Result<Vec<u8>, Error> {
    let failed = |error: jpeg::Error| damaged(format!("JPEG: {}", brief(&error.to_string())));
    let color_space = match (samples, colors) {
        (1, _) => ColorSpace::Gray,
        (3, JpegColors::YCbCrToRgb) => ColorSpace::YCbCr,
        (3, JpegColors::Unchanged) => ColorSpace::Rgb,
        _ => ColorSpace::Cmyk,
    };
    let tables = (!tables.is_empty()).then_some(tables);
    let options = Options { max_scans: MAX_SCANS, color_space: Some(color_space), tables };
    let decoder = Decoder::open(data, options).map_err(failed)?;
    let (actual_width, actual_height) = (decoder.header().width, decoder.header().height);
    if actual_width != width || !(rows..=height).contains(&actual_height) {
        return Err(damaged(format!("a JPEG has {actual_width}x{actual_height} pixels instead of {width}x{height}")));
    }
    let jpeg::Decoded { samples, damage, .. } = decoder.decode(Output::Pixels).map_err(failed)?;
    match (samples, damage) {
        (_, Some(damage)) => Err(damaged(format!("JPEG: {}", brief(&damage.message)))),
        (Samples::Pixels(pixels), None) => Ok(pixels),
        (Samples::Planes(_), None) => Err(damaged("JPEG: its pixels are missing")),
    }
}

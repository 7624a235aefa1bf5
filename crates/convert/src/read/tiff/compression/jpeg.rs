//! Decompresses JPEG (TIFF Technical Note 2). Each strip or tile is a JPEG, whose tables may be in the tag `JPEGTables`.

use tiff::tags::Tag;
use turbojpeg::{Colorspace, Decompressor as Turbo, Image, PixelFormat};

use crate::Error;
use crate::error::brief;
use crate::read::jpeg::segments::{RST0, RST7, SOI, SOS, TEM, all_segments};
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
    let failed = |error: turbojpeg::Error| damaged(format!("JPEG: {}", brief(&error.to_string())));
    let jpeg = with_tables(tables, data, colors)?;
    let mut turbo = Turbo::new().map_err(failed)?;
    turbo.set_scan_limit(MAX_SCANS).map_err(failed)?;
    let header = turbo.read_header(&jpeg).map_err(failed)?;
    let format = match header.colorspace {
        Colorspace::Gray => PixelFormat::GRAY,
        Colorspace::RGB | Colorspace::YCbCr => PixelFormat::RGB,
        Colorspace::CMYK | Colorspace::YCCK => PixelFormat::CMYK,
    };
    if format.size() != samples {
        return Err(damaged(format!("a JPEG has {} components instead of {samples}", format.size())));
    }
    let has_rows = (rows as usize..=height as usize).contains(&header.height);
    if header.width != width as usize || !has_rows {
        let (actual_width, actual_height) = (header.width, header.height);
        return Err(damaged(format!("a JPEG has {actual_width}x{actual_height} pixels instead of {width}x{height}")));
    }
    let pitch = header.width * samples;
    let pixels = vec![0; pitch * header.height];
    let mut image = Image { pixels, width: header.width, pitch, height: header.height, format };
    turbo.decompress(&jpeg, image.as_deref_mut()).map_err(failed)?;
    Ok(image.pixels)
}

/// Builds a complete JPEG. An Adobe marker (ITU-T T.872, 6.5.3) replaces the markers that choose a color space.
fn with_tables(tables: &[u8], data: &[u8], colors: JpegColors) -> Result<Vec<u8>, Error> {
    const APP0: u8 = 0xe0;
    const APP14: u8 = 0xee;
    let transform = u8::from(colors == JpegColors::YCbCrToRgb);
    let mut jpeg = vec![0xff, SOI, 0xff, APP14, 0, 14];
    jpeg.extend(b"Adobe\0\x64\0\0\0\0");
    jpeg.push(transform);
    let scan = all_segments(data).find(|segment| segment.marker == SOS);
    let scan = scan.ok_or_else(|| damaged("a JPEG has no scan"))?;
    let header = all_segments(data).take_while(|segment| segment.marker != SOS);
    for segment in all_segments(tables).chain(header) {
        if !matches!(segment.marker, APP0..=0xef | TEM | RST0..=RST7 | SOI | SOS) {
            // The length is in front of the data.
            jpeg.extend([0xff, segment.marker]);
            jpeg.extend(u16::try_from(segment.data.len() + 2).unwrap_or(u16::MAX).to_be_bytes());
            jpeg.extend(segment.data);
        }
    }
    // The marker and the length of the scan's header precede its data.
    jpeg.extend(&data[scan.at - 4..]);
    Ok(jpeg)
}

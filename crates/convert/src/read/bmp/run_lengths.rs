//! Run-length encoded bitmaps (`BI_RLE4` and `BI_RLE8` of Windows, `BCA_RLE24` of OS/2).

use super::header::{BmpHeader, RunUnit};
use super::{damaged, missing_rows};
use crate::Error;

/// An opaque black pixel.
const BLACK: [u8; 4] = [0, 0, 0, u8::MAX];

/// Decodes the pixels to RGBA. Pixels that the file omits are black, as in Chromium. The marker for the end of the bitmap may be
/// missing after the last row.
pub(super) fn decode(bmp: &BmpHeader<'_>, unit: RunUnit) -> Result<Vec<u8>, Error> {
    let (width, height) = (bmp.size.0 as usize, bmp.size.1 as usize);
    let pixels = width.checked_mul(height).filter(|pixels| pixels.checked_mul(BLACK.len()).is_some());
    let mut canvas = Canvas {
        bmp,
        samples: BLACK.repeat(pixels.ok_or_else(|| damaged("it is too large for memory"))?),
        width,
        height,
        column: 0,
        row: 0,
    };
    canvas.draw(bmp.pixels, unit)?;
    Ok(canvas.samples)
}

/// The pixels, and the position of the next pixel. Rows are counted in the order in which they are stored.
struct Canvas<'a> {
    bmp: &'a BmpHeader<'a>,
    samples: Vec<u8>,
    width: usize,
    height: usize,
    column: usize,
    row: usize,
}

impl Canvas<'_> {
    fn draw(&mut self, mut data: &[u8], unit: RunUnit) -> Result<(), Error> {
        while self.row < self.height {
            let Some((&[count, code], rest)) = data.split_first_chunk() else { return self.check_end() };
            data = rest;
            match (count, code) {
                // The end of a row.
                (0, 0) => (self.column, self.row) = (0, self.row + 1),
                // The end of the bitmap.
                (0, 1) => return Ok(()),
                (0, 2) => {
                    let Some((&[right, down], rest)) = data.split_first_chunk() else { return self.check_end() };
                    data = rest;
                    self.column += usize::from(right);
                    self.row += usize::from(down);
                    if self.column > self.width || self.row >= self.height {
                        return Err(damaged("a position is outside the image"));
                    }
                }
                // Pixels that are not repeated, padded to an even number of bytes.
                (0, count) => {
                    let count = usize::from(count);
                    let length = unit.stored_bytes(count);
                    let Some(stored) = data.get(..length) else { return self.check_end() };
                    if self.column + count > self.width {
                        return Err(damaged("a run of pixels extends beyond its row"));
                    }
                    for index in 0..count {
                        let color = unit.color(self.bmp, stored, index);
                        self.put(color);
                    }
                    data = data.get(length.next_multiple_of(2)..).unwrap_or_default();
                }
                // A repeated pixel. The part of the run that extends beyond the row is ignored.
                (count, first) => {
                    let mut stored = [first, 0, 0];
                    if unit == RunUnit::Color {
                        let Some((&[green, red], rest)) = data.split_first_chunk() else { return self.check_end() };
                        data = rest;
                        stored = [first, green, red];
                    }
                    for index in 0..usize::from(count).min(self.width - self.column) {
                        // Two indices of four bits alternate.
                        let color = unit.color(self.bmp, &stored, if unit == RunUnit::Index4 { index % 2 } else { 0 });
                        self.put(color);
                    }
                }
            }
        }
        Ok(())
    }

    /// Sets the next pixel. The position is inside the image.
    fn put(&mut self, [red, green, blue]: [u8; 3]) {
        let row = if self.bmp.is_top_down { self.row } else { self.height - 1 - self.row };
        let at = (row * self.width + self.column) * 4;
        self.samples[at..at + 4].copy_from_slice(&[red, green, blue, u8::MAX]);
        self.column += 1;
    }

    /// Returns an error if the data ends before the end of the last row.
    fn check_end(&self) -> Result<(), Error> {
        let rows = if self.column == self.width { self.row + 1 } else { self.row };
        if rows >= self.height {
            return Ok(());
        }
        Err(missing_rows(u32::try_from(rows).unwrap_or(u32::MAX), self.bmp.size.1))
    }
}

impl RunUnit {
    /// The number of bytes that contain this number of pixels.
    fn stored_bytes(self, pixels: usize) -> usize {
        match self {
            Self::Index4 => pixels.div_ceil(2),
            Self::Index8 => pixels,
            Self::Color => pixels * 3,
        }
    }

    /// Returns red, green and blue of the pixel with this index in the stored bytes.
    fn color(self, bmp: &BmpHeader<'_>, stored: &[u8], index: usize) -> [u8; 3] {
        match self {
            Self::Index4 if index.is_multiple_of(2) => bmp.palette.color(stored[index / 2] >> 4),
            Self::Index4 => bmp.palette.color(stored[index / 2] & 0xf),
            Self::Index8 => bmp.palette.color(stored[index]),
            Self::Color => [stored[index * 3 + 2], stored[index * 3 + 1], stored[index * 3]],
        }
    }
}

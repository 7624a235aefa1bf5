//! Decompresses the fax encodings of ITU-T T.4 and T.6 (TIFF 6.0, sections 10 and 11). White is 0 and black is 1, as in
//! libtiff; `PhotometricInterpretation` may exchange them.

use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode, decode};

use crate::Error;
use crate::read::tiff::compression::{BitOrder, Decompressor, too_short};
use crate::read::tiff::damaged;

/// The encoding of a fax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read::tiff) enum FaxMode {
    /// Modified Huffman, with rows that start at a byte and have no end-of-line codes (`Compression` 2).
    HuffmanRows,
    /// T.4, one-dimensional.
    Group3,
    /// T.4, two-dimensional.
    Group3TwoDimensional,
    /// T.6.
    Group4,
}

pub(super) struct Fax {
    mode: FaxMode,
    width: u32,
    bits: BitOrder,
    rows: Rows,
    /// The number of bytes of the rows that have been read.
    read_bytes: usize,
}

impl Fax {
    pub(super) fn new(mode: FaxMode, width: u32, bits: BitOrder) -> Self {
        Self { mode, width, bits, rows: Rows::default(), read_bytes: 0 }
    }
}

impl<'bytes> Decompressor<'bytes> for Fax {
    fn start(&mut self, data: &'bytes [u8], rows: u32) -> Result<(), Error> {
        let data = self.bits.highest_first(data)?;
        let settings = DecodeSettings {
            columns: self.width,
            rows,
            end_of_block: self.mode != FaxMode::HuffmanRows,
            // The decoder detects end-of-line codes.
            end_of_line: false,
            rows_are_byte_aligned: self.mode == FaxMode::HuffmanRows,
            encoding: match self.mode {
                FaxMode::HuffmanRows | FaxMode::Group3 => EncodingMode::Group3_1D,
                FaxMode::Group3TwoDimensional => EncodingMode::Group3_2D,
                FaxMode::Group4 => EncodingMode::Group4,
            },
            strict: true,
        };
        self.rows.bits.clear();
        self.rows.row_bytes = self.width.div_ceil(8) as usize;
        self.read_bytes = 0;
        let result = decode(&data, &mut self.rows, &mut DecoderContext::new(settings));
        // An error after the last row does not affect the image.
        if self.rows.bits.len() < self.rows.row_bytes * rows as usize {
            return Err(result.map_or_else(|error| damaged(format!("fax: {error}")), |_| too_short()));
        }
        Ok(())
    }

    fn read(&mut self, row: &mut [u8]) -> Result<(), Error> {
        let end = self.read_bytes + row.len();
        row.copy_from_slice(self.rows.bits.get(self.read_bytes..end).ok_or_else(too_short)?);
        self.read_bytes = end;
        Ok(())
    }
}

/// Rows of one bit per pixel, of which each starts at a byte.
#[derive(Default)]
struct Rows {
    bits: Vec<u8>,
    row_bytes: usize,
}

impl Decoder for Rows {
    fn push_row(&mut self, changes: &[u32]) {
        let start = self.bits.len();
        self.bits.resize(start + self.row_bytes, 0);
        let row = &mut self.bits[start..];
        let end_of_row = row.len() * 8;
        for run in changes.chunks(2) {
            let black = run[0] as usize..run.get(1).map_or(end_of_row, |end| *end as usize);
            set_bits(row, black);
        }
    }
}

/// Sets the bits of a range, of which bit 0 is the highest bit of the first byte.
fn set_bits(row: &mut [u8], range: std::ops::Range<usize>) {
    let (first, last) = (range.start / 8, range.end / 8);
    let (head, tail) = (0xff_u8 >> (range.start % 8), !(0xff_u8 >> (range.end % 8)));
    if first == last {
        row[first] |= head & tail;
        return;
    }
    row[first] |= head;
    row[first + 1..last].fill(0xff);
    if tail != 0 {
        row[last] |= tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_a_range_are_set() {
        for (range, expected) in [
            (0..24, [0xff, 0xff, 0xff]),
            (3..5, [0x18, 0, 0]),
            (3..8, [0x1f, 0, 0]),
            (3..9, [0x1f, 0x80, 0]),
            (7..17, [0x01, 0xff, 0x80]),
            (8..16, [0, 0xff, 0]),
            (23..24, [0, 0, 0x01]),
        ] {
            let mut row = [0; 3];
            set_bits(&mut row, range.clone());
            assert_eq!(row, expected, "{range:?}");
        }
    }
}

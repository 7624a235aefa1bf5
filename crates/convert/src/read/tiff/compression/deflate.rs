//! Decompresses Deflate (Adobe Photoshop TIFF Technical Notes, "ZIP Compression"), with the header of RFC 1950.

use std::borrow::Cow;
use std::io::Cursor;

use flate2::{Decompress, FlushDecompress};

use crate::Error;
use crate::error::brief;
use crate::read::tiff::compression::{BitOrder, Decompressor, remaining, too_short};
use crate::read::tiff::damaged;

pub(super) struct Deflate<'bytes> {
    bits: BitOrder,
    data: Cursor<Cow<'bytes, [u8]>>,
    state: Decompress,
}

impl Deflate<'_> {
    pub(super) fn new(bits: BitOrder) -> Self {
        Self { bits, data: Cursor::default(), state: Decompress::new(true) }
    }
}

impl<'bytes> Decompressor<'bytes> for Deflate<'bytes> {
    fn start(&mut self, data: &'bytes [u8], _rows: u32) -> Result<(), Error> {
        self.data = Cursor::new(self.bits.highest_first(data)?);
        self.state.reset(true);
        Ok(())
    }

    fn read(&mut self, row: &mut [u8]) -> Result<(), Error> {
        let mut filled = 0;
        while filled < row.len() {
            let (in_before, out_before) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(remaining(&self.data), &mut row[filled..], FlushDecompress::None);
            status.map_err(|error| damaged(format!("Deflate: {}", brief(&error.to_string()))))?;
            let (consumed, written) = (self.state.total_in() - in_before, self.state.total_out() - out_before);
            if consumed + written == 0 {
                return Err(too_short());
            }
            self.data.set_position(self.data.position() + consumed);
            filled += usize::try_from(written).unwrap_or(usize::MAX);
        }
        Ok(())
    }
}

//! Reads strips and tiles that are not compressed.

use crate::Error;
use crate::read::tiff::compression::{Decompressor, too_short};

pub(super) struct Stored<'bytes> {
    has_reversed_bits: bool,
    data: &'bytes [u8],
}

impl Stored<'_> {
    pub(super) fn new(has_reversed_bits: bool) -> Self {
        Self { has_reversed_bits, data: &[] }
    }
}

impl<'bytes> Decompressor<'bytes> for Stored<'bytes> {
    fn start(&mut self, data: &'bytes [u8], _rows: u32) -> Result<(), Error> {
        self.data = data;
        Ok(())
    }

    fn read(&mut self, row: &mut [u8]) -> Result<(), Error> {
        let (next, rest) = self.data.split_at_checked(row.len()).ok_or_else(too_short)?;
        row.copy_from_slice(next);
        self.data = rest;
        if self.has_reversed_bits {
            for byte in row {
                *byte = byte.reverse_bits();
            }
        }
        Ok(())
    }
}

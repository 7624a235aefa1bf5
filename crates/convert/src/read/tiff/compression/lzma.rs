//! Decompresses LZMA in the `.xz` format (libtiff, `COMPRESSION_LZMA`).

use std::borrow::Cow;
use std::io::{Cursor, Read};

use lzma_rust2::XzReader;

use crate::Error;
use crate::error::brief;
use crate::read::tiff::compression::{BitOrder, Decompressor, too_short};
use crate::read::tiff::damaged;

/// The maximum dictionary in bytes, which is the one of preset 9 of liblzma. libtiff uses preset 6, with 8 MiB.
pub(super) const MAX_DICTIONARY_BYTES: u64 = 64 << 20;

/// The limit of the decoder in KiB: the dictionary, and 1 MiB for the rest.
const MEMORY_LIMIT_KIB: u32 = 65 << 10;

pub(super) struct Lzma<'bytes> {
    bits: BitOrder,
    stream: XzReader<Cursor<Cow<'bytes, [u8]>>>,
}

impl Lzma<'_> {
    pub(super) fn new(bits: BitOrder) -> Self {
        Self { bits, stream: stream(Cow::Borrowed(&[])) }
    }
}

fn stream(data: Cow<'_, [u8]>) -> XzReader<Cursor<Cow<'_, [u8]>>> {
    XzReader::new_mem_limit(Cursor::new(data), false, MEMORY_LIMIT_KIB)
}

impl<'bytes> Decompressor<'bytes> for Lzma<'bytes> {
    fn start(&mut self, data: &'bytes [u8], _rows: u32) -> Result<(), Error> {
        self.stream = stream(self.bits.highest_first(data)?);
        Ok(())
    }

    fn read(&mut self, mut row: &mut [u8]) -> Result<(), Error> {
        while !row.is_empty() {
            let read =
                self.stream.read(row).map_err(|error| damaged(format!("LZMA: {}", brief(&error.to_string()))))?;
            if read == 0 {
                return Err(too_short());
            }
            row = &mut row[read..];
        }
        Ok(())
    }
}

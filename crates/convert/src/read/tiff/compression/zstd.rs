//! Decompresses Zstandard (RFC 8878; libtiff, `COMPRESSION_ZSTD`).

use std::borrow::Cow;
use std::io::{Cursor, Read};

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::Error;
use crate::error::brief;
use crate::read::tiff::compression::{BitOrder, Decompressor, too_short};
use crate::read::tiff::damaged;

/// The maximum window in bytes, which is the one of level 22, the highest level of libzstd.
pub(super) const MAX_WINDOW_BYTES: u64 = 128 << 20;

pub(super) struct Zstd<'bytes> {
    bits: BitOrder,
    stream: Option<StreamingDecoder<Cursor<Cow<'bytes, [u8]>>, FrameDecoder>>,
}

impl Zstd<'_> {
    pub(super) fn new(bits: BitOrder) -> Self {
        Self { bits, stream: None }
    }
}

impl<'bytes> Decompressor<'bytes> for Zstd<'bytes> {
    fn start(&mut self, data: &'bytes [u8], _rows: u32) -> Result<(), Error> {
        let data = Cursor::new(self.bits.highest_first(data)?);
        // The decoder is used again, because it has allocated its tables and its window.
        let mut decoder = self.stream.take().map_or_else(FrameDecoder::new, StreamingDecoder::into_frame_decoder);
        decoder.set_max_window_size(MAX_WINDOW_BYTES);
        let stream = StreamingDecoder::new_with_decoder(data, decoder);
        self.stream = Some(stream.map_err(|error| damaged(format!("Zstandard: {}", brief(&error.to_string()))))?);
        Ok(())
    }

    fn read(&mut self, mut row: &mut [u8]) -> Result<(), Error> {
        let stream = self.stream.as_mut().ok_or_else(too_short)?;
        while !row.is_empty() {
            let read =
                stream.read(row).map_err(|error| damaged(format!("Zstandard: {}", brief(&error.to_string()))))?;
            if read == 0 {
                return Err(too_short());
            }
            row = &mut row[read..];
        }
        Ok(())
    }
}

//! Decompresses LZW (TIFF 6.0, section 13).

use std::borrow::Cow;
use std::io::Cursor;

use weezl::decode::{Configuration, Decoder};
use weezl::{BitOrder as CodeOrder, LzwStatus};

use crate::Error;
use crate::error::brief;
use crate::read::tiff::compression::{BitOrder, Decompressor, remaining, too_short};
use crate::read::tiff::damaged;

pub(super) struct Lzw<'bytes> {
    bits: BitOrder,
    data: Cursor<Cow<'bytes, [u8]>>,
    decoder: Decoder,
    /// The decoder for the codes of TIFF 5.0 drafts, which start with the lowest bit and become longer one code later.
    old_decoder: Decoder,
    is_old: bool,
}

impl Lzw<'_> {
    pub(super) fn new(bits: BitOrder) -> Self {
        let decoder = |codes: Configuration| codes.with_yield_on_full_buffer(true).build();
        Self {
            bits,
            data: Cursor::default(),
            decoder: decoder(Configuration::with_tiff_size_switch(CodeOrder::Msb, 8)),
            old_decoder: decoder(Configuration::new(CodeOrder::Lsb, 8)),
            is_old: false,
        }
    }
}

impl<'bytes> Decompressor<'bytes> for Lzw<'bytes> {
    fn start(&mut self, data: &'bytes [u8], _rows: u32) -> Result<(), Error> {
        let data = self.bits.highest_first(data)?;
        // The first code is the clear code, 256, with nine bits.
        self.is_old = matches!(data[..], [0, second, ..] if second & 1 == 1);
        self.data = Cursor::new(data);
        if self.is_old {
            self.old_decoder.reset();
        } else {
            self.decoder.reset();
        }
        Ok(())
    }

    fn read(&mut self, mut row: &mut [u8]) -> Result<(), Error> {
        let decoder = if self.is_old { &mut self.old_decoder } else { &mut self.decoder };
        while !row.is_empty() {
            let result = decoder.decode_bytes(remaining(&self.data), row);
            self.data.set_position(self.data.position() + result.consumed_in as u64);
            row = &mut row[result.consumed_out..];
            match result.status {
                Ok(LzwStatus::Ok) if result.consumed_in + result.consumed_out > 0 => {}
                Ok(_) if row.is_empty() => {}
                Ok(_) => return Err(too_short()),
                Err(error) => return Err(damaged(format!("LZW: {}", brief(&error.to_string())))),
            }
        }
        Ok(())
    }
}

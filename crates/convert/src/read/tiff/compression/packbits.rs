//! Decompresses `PackBits` (TIFF 6.0, section 9).

use std::borrow::Cow;
use std::io::{Cursor, Read};

use crate::Error;
use crate::read::tiff::compression::{BitOrder, Decompressor, too_short};

pub(super) struct PackBits<'bytes> {
    bits: BitOrder,
    data: Cursor<Cow<'bytes, [u8]>>,
    run: Run,
}

/// The rest of the current run. Some writers continue a run in the next row.
#[derive(Clone, Copy)]
enum Run {
    /// This number of bytes follows.
    Literal(usize),
    /// A byte, and how often it is repeated.
    Repeated(u8, usize),
}

impl PackBits<'_> {
    pub(super) fn new(bits: BitOrder) -> Self {
        Self { bits, data: Cursor::default(), run: Run::Literal(0) }
    }

    fn next_byte(&mut self) -> Result<u8, Error> {
        let mut byte = [0];
        self.data.read_exact(&mut byte).map_err(|_| too_short())?;
        Ok(byte[0])
    }

    fn next_run(&mut self) -> Result<Run, Error> {
        Ok(match self.next_byte()? {
            header @ 0..=127 => Run::Literal(usize::from(header) + 1),
            // No operation.
            128 => Run::Literal(0),
            header @ 129..=255 => Run::Repeated(self.next_byte()?, 257 - usize::from(header)),
        })
    }
}

impl<'bytes> Decompressor<'bytes> for PackBits<'bytes> {
    fn start(&mut self, data: &'bytes [u8], _rows: u32) -> Result<(), Error> {
        self.data = Cursor::new(self.bits.highest_first(data)?);
        self.run = Run::Literal(0);
        Ok(())
    }

    fn read(&mut self, mut row: &mut [u8]) -> Result<(), Error> {
        while !row.is_empty() {
            let (Run::Literal(length) | Run::Repeated(_, length)) = self.run;
            if length == 0 {
                self.run = self.next_run()?;
                continue;
            }
            let (next, rest) = row.split_at_mut(length.min(row.len()));
            match &mut self.run {
                Run::Literal(length) => {
                    self.data.read_exact(next).map_err(|_| too_short())?;
                    *length -= next.len();
                }
                Run::Repeated(byte, length) => {
                    next.fill(*byte);
                    *length -= next.len();
                }
            }
            row = rest;
        }
        Ok(())
    }
}

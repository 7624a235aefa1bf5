/// Reads bits, the most significant bit of each byte first. Methods return `None` if the data ends too early.
#[derive(Debug)]
pub(super) struct BitReader<'data> {
    data: &'data [u8],
    position: usize,
}

impl<'data> BitReader<'data> {
    pub(super) fn new(data: &'data [u8]) -> Self {
        Self { data, position: 0 }
    }

    /// Reads an unsigned number of `bits` bits, at most 64.
    pub(super) fn read(&mut self, bits: u64) -> Option<u64> {
        (0..bits).try_fold(0, |number, _| {
            let byte = self.data.get(self.position / 8)?;
            let bit = byte >> (7 - self.position % 8) & 1;
            self.position += 1;
            Some(number << 1 | u64::from(bit))
        })
    }

    pub(super) fn read_flag(&mut self) -> Option<bool> {
        Some(self.read(1)? == 1)
    }

    /// Skips a `uvlc()` value (AV1 specification, 4.10.3): a run of zero bits, a one bit, and then as many bits as the
    /// run has zeros.
    pub(super) fn skip_uvlc(&mut self) -> Option<()> {
        let mut zeros = 0;
        while !self.read_flag()? {
            zeros += 1;
        }
        // A run of 32 zeros encodes the highest number. No bits follow such a run.
        if zeros < 32 { self.read(zeros).map(|_| ()) } else { Some(()) }
    }

    /// Returns the bytes that were read, followed by `trailing_bits()` (5.3.4): a one bit, then zero bits up to the
    /// next byte boundary.
    pub(super) fn bytes_with_trailing_bits(&self) -> Vec<u8> {
        let mut data = self.data[..self.position.div_ceil(8)].to_vec();
        let last = 0x80_u8 >> (self.position % 8);
        match data.last_mut() {
            None => data.push(last),
            Some(_) if self.position.is_multiple_of(8) => data.push(last),
            Some(byte) => *byte = *byte & !(last | (last - 1)) | last,
        }
        data
    }
}

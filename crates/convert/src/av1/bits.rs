/// Bits, the highest of each byte first. Nothing where the data ends too early.
#[derive(Debug)]
pub(super) struct Bits<'data> {
    data: &'data [u8],
    at: usize,
}

impl<'data> Bits<'data> {
    pub(super) fn new(data: &'data [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// A number of so many bits, 64 at most.
    pub(super) fn read(&mut self, bits: u64) -> Option<u64> {
        (0..bits).try_fold(0, |number, _| {
            let byte = self.data.get(self.at / 8)?;
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(number << 1 | u64::from(bit))
        })
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        Some(self.read(1)? == 1)
    }

    /// As many zeros as there are bits behind the one that ends them (AV1 specification, 4.10.3).
    pub(super) fn skip_variable(&mut self) -> Option<()> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        // 32 of them stand for the highest number, and nothing follows.
        if zeros < 32 { self.read(zeros).map(|_| ()) } else { Some(()) }
    }

    /// The bits so far, and the ones that end a unit's payload (5.3.4): a one, and zeros up to the next byte.
    pub(super) fn ended_here(&self) -> Vec<u8> {
        let mut data = self.data[..self.at.div_ceil(8)].to_vec();
        let last = 0x80_u8 >> (self.at % 8);
        match data.last_mut() {
            None => data.push(last),
            Some(_) if self.at.is_multiple_of(8) => data.push(last),
            Some(byte) => *byte = *byte & !(last | (last - 1)) | last,
        }
        data
    }
}

//! Numbers of a TIFF's structure, which Exif, makers' notes and multi-picture files share (TIFF 6.0, section 2).

/// Whole numbers of either byte order.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'bytes> {
    bytes: &'bytes [u8],
    big_endian: bool,
}

/// Bytes of a directory's entry.
const ENTRY: usize = 12;

impl<'bytes> Numbers<'bytes> {
    /// Of a block that begins with its byte order.
    pub(super) fn of(bytes: &'bytes [u8]) -> Self {
        Self { bytes, big_endian: bytes.starts_with(b"MM") }
    }

    pub(super) fn big_endian(bytes: &'bytes [u8]) -> Self {
        Self { bytes, big_endian: true }
    }

    pub(super) fn at(self, at: usize, bytes: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(bytes)?)?.iter().map(|&byte| u64::from(byte));
        let joined = |number, byte| number << 8 | byte;
        Some(if self.big_endian { bytes.fold(0, joined) } else { bytes.rev().fold(0, joined) })
    }

    /// The first directory, which follows the byte order.
    pub(super) fn first_directory(self) -> Option<usize> {
        usize::try_from(self.at(4, 4)?).ok()
    }

    /// How many values, or bytes of no type, an entry of a directory has, and the number that says where or what they are.
    pub(super) fn entry(self, directory: usize, tag: u64) -> Option<(usize, usize)> {
        let count = usize::try_from(self.at(directory, 2)?).ok()?;
        let entries = (0..count).map(|entry| directory + 2 + ENTRY * entry);
        let entry = entries.take_while(|entry| *entry < self.bytes.len()).find(|at| self.at(*at, 2) == Some(tag))?;
        Some((usize::try_from(self.at(entry + 4, 4)?).ok()?, usize::try_from(self.at(entry + 8, 4)?).ok()?))
    }
}

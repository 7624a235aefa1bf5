//! Reads the TIFF structure that Exif, maker notes and multi-picture files share (TIFF 6.0, section 2).

/// A block with a TIFF structure, in either byte order.
#[derive(Clone, Copy)]
pub(crate) struct TiffReader<'bytes> {
    bytes: &'bytes [u8],
    is_big_endian: bool,
}

/// The size of a directory entry, in bytes.
const ENTRY_BYTES: usize = 12;

impl<'bytes> TiffReader<'bytes> {
    /// Reads the byte order at the start of the block.
    pub(crate) fn new(bytes: &'bytes [u8]) -> Self {
        Self { bytes, is_big_endian: bytes.starts_with(b"MM") }
    }

    pub(crate) fn big_endian(bytes: &'bytes [u8]) -> Self {
        Self { bytes, is_big_endian: true }
    }

    pub(crate) fn read(self, at: usize, bytes: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(bytes)?)?.iter().map(|&byte| u64::from(byte));
        let joined = |number, byte| number << 8 | byte;
        Some(if self.is_big_endian { bytes.fold(0, joined) } else { bytes.rev().fold(0, joined) })
    }

    /// Reads the offset of the first directory.
    pub(crate) fn first_directory(self) -> Option<usize> {
        usize::try_from(self.read(4, 4)?).ok()
    }

    /// Returns the position of the entry with this tag in the directory at this position.
    pub(crate) fn entry_position(self, directory: usize, tag: u64) -> Option<usize> {
        let count = usize::try_from(self.read(directory, 2)?).ok()?;
        let entries = (0..count).map(|entry| directory + 2 + ENTRY_BYTES * entry);
        entries.take_while(|entry| *entry < self.bytes.len()).find(|at| self.read(*at, 2) == Some(tag))
    }

    /// Finds an entry of a directory. Returns the number of its values (for the type UNDEFINED, the number of bytes).
    /// Then returns either the value itself or the offset of the values.
    pub(crate) fn find_entry(self, directory: usize, tag: u64) -> Option<(usize, usize)> {
        let entry = self.entry_position(directory, tag)?;
        Some((usize::try_from(self.read(entry + 4, 4)?).ok()?, usize::try_from(self.read(entry + 8, 4)?).ok()?))
    }
}

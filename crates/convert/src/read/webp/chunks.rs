//! The chunks of a WebP. The decoder allocates the declared size of a chunk before it checks that the data is
//! present.

use super::prefix_codes;
use crate::{Error, Format};

/// A chunk (WebP container specification, "RIFF File Format").
#[derive(Clone, Copy)]
pub(super) struct Chunk<'bytes> {
    pub(super) name: &'bytes [u8; 4],
    pub(super) data: &'bytes [u8],
}

/// Returns the chunks in a slice, up to the first incomplete chunk.
pub(super) fn chunks_in(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> + use<'_> {
    chunks_with_truncated(bytes).take_while(|(_, is_complete)| *is_complete).map(|(chunk, _)| chunk)
}

/// Returns each chunk in a slice, with a flag that is true if the chunk is complete. Only the last chunk may be
/// incomplete.
fn chunks_with_truncated(mut rest: &[u8]) -> impl Iterator<Item = (Chunk<'_>, bool)> + use<'_> {
    std::iter::from_fn(move || {
        let (name, after_name) = rest.split_first_chunk::<4>()?;
        let (length, data) = after_name.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        // Every chunk is padded to an even number of bytes. The padding of the last chunk may be missing.
        rest = data.get(length.next_multiple_of(2)..).unwrap_or_default();
        let complete = data.get(..length);
        Some((Chunk { name, data: complete.unwrap_or(data) }, complete.is_some()))
    })
}

/// Computes the size in bytes of the prefix code tables that the decoder builds. For several images, frames or alpha
/// channels, returns the size of the largest tables.
///
/// # Errors
/// Returns [`Error::Damaged`] if the tables exceed the limit or cannot be read.
pub(super) fn table_bytes(chunks: &[u8], canvas: (u32, u32)) -> Result<u64, Error> {
    let mut largest = 0;
    for (chunk, _) in chunks_with_truncated(chunks) {
        // A frame's position, size and flags precede its chunks.
        let tables = match chunk {
            Chunk { name: b"ANMF", data: [_, _, _, _, _, _, w0, w1, w2, h0, h1, h2, _, _, _, _, data @ ..] } => {
                let [width, height] = [[*w0, *w1, *w2, 0], [*h0, *h1, *h2, 0]].map(|side| u32::from_le_bytes(side) + 1);
                chunks_with_truncated(data)
                    .try_fold(0, |largest, (chunk, _)| Ok(largest.max(chunk.table_bytes((width, height))?)))?
            }
            chunk => chunk.table_bytes(canvas)?,
        };
        largest = largest.max(tables);
    }
    Ok(largest)
}

impl Chunk<'_> {
    /// Whether the chunk contains a lossy or a lossless image.
    pub(super) fn is_image(&self) -> bool {
        matches!(self.name, b"VP8 " | b"VP8L")
    }

    /// Appends the chunk to a file.
    pub(super) fn write(&self, file: &mut Vec<u8>) {
        file.extend(self.name);
        file.extend(u32::try_from(self.data.len()).unwrap_or(u32::MAX).to_le_bytes());
        file.extend(self.data);
        file.resize(file.len().next_multiple_of(2), 0);
    }

    /// Returns the size of a chunk's tables in bytes. Returns 0 if the chunk is neither a lossless image nor a
    /// losslessly compressed alpha channel. `size` gives the dimensions of an alpha channel.
    fn table_bytes(&self, size: (u32, u32)) -> Result<u64, Error> {
        let tables = match (self.name, self.data) {
            (b"VP8L", data) => prefix_codes::table_bytes(data, None, MAX_TABLE_BYTES),
            // The lowest two bits are the compression method.
            (b"ALPH", [info, data @ ..]) if info & 0b11 == 1 => {
                prefix_codes::table_bytes(data, Some(size), MAX_TABLE_BYTES)
            }
            _ => Some(0),
        };
        let damaged = |message| Error::Damaged { format: Format::WEBP, message };
        match tables {
            None => Err(damaged("its prefix codes cannot be read".into())),
            Some(tables) if tables > MAX_TABLE_BYTES => {
                Err(damaged(format!("the tables of its prefix codes are over {} MiB", MAX_TABLE_BYTES >> 20)))
            }
            Some(tables) => Ok(tables),
        }
    }
}

/// The maximum size of prefix code tables. libwebp's encoder writes up to 2,600 groups of five codes, and the table of
/// a code takes up to 5 KiB.
const MAX_TABLE_BYTES: u64 = 128 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_chunk_is_found_after_a_padded_chunk() {
        let chunks = b"ICCP\x03\0\0\0icc\0EXIF\x04\0\0\0exif";
        let find = |bytes, name: &[u8; 4]| chunks_in(bytes).find(|chunk| chunk.name == name).map(|chunk| chunk.data);
        assert_eq!(find(chunks, b"ICCP"), Some(b"icc".as_slice()));
        assert_eq!(find(chunks, b"EXIF"), Some(b"exif".as_slice()));
        for end in 0..chunks.len() {
            assert_eq!(find(&chunks[..end], b"EXIF"), None);
        }
        assert_eq!(find(b"EXIF\xff\xff\xff\xffexif", b"EXIF"), None);
    }
}

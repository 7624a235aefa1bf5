//! What an extended WebP says beside its pixels. The decoder beneath makes room for whatever a chunk claims to hold before
//! it looks whether that is there.

use crate::{Error, Format, webp_codes};

/// A named piece of a WebP (WebP container specification, "RIFF File Format").
pub(crate) struct Chunk<'bytes> {
    pub(crate) name: &'bytes [u8; 4],
    pub(crate) data: &'bytes [u8],
}

/// A file's chunks, up to the first that is not all there.
pub(crate) fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    chunks_in(bytes.get(12..).unwrap_or_default())
}

/// Chunks that follow one another.
pub(crate) fn chunks_in(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    chunks_and_cut(bytes).take_while(|(_, is_whole)| *is_whole).map(|(chunk, _)| chunk)
}

/// The same with whether they are whole, which only the last may not be.
fn chunks_and_cut(mut rest: &[u8]) -> impl Iterator<Item = (Chunk<'_>, bool)> {
    std::iter::from_fn(move || {
        let (name, after_name) = rest.split_first_chunk::<4>()?;
        let (length, data) = after_name.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        // Every chunk fills an even number of bytes; of the last, the byte that fills it may be missing.
        rest = data.get(length.next_multiple_of(2)..).unwrap_or_default();
        let whole = data.get(..length);
        Some((Chunk { name, data: whole.unwrap_or(data) }, whole.is_some()))
    })
}

/// Bytes of the tables that decoding it takes: those of its largest picture, frame or alpha channel.
///
/// # Errors
/// [`Error::Damaged`] where they are over the limit or cannot be told.
pub(crate) fn table_bytes(bytes: &[u8], canvas: (u32, u32)) -> Result<u64, Error> {
    let mut largest = 0;
    for (chunk, _) in chunks_and_cut(bytes.get(12..).unwrap_or_default()) {
        // A frame's place, size and flags stand before its chunks.
        let tables = match chunk {
            Chunk { name: b"ANMF", data: [_, _, _, _, _, _, w0, w1, w2, h0, h1, h2, _, _, _, _, data @ ..] } => {
                let [width, height] = [[*w0, *w1, *w2, 0], [*h0, *h1, *h2, 0]].map(|side| u32::from_le_bytes(side) + 1);
                chunks_and_cut(data)
                    .try_fold(0, |most, (chunk, _)| Ok(most.max(chunk.table_bytes((width, height))?)))?
            }
            chunk => chunk.table_bytes(canvas)?,
        };
        largest = largest.max(tables);
    }
    Ok(largest)
}

impl Chunk<'_> {
    /// The same of a chunk that is a picture or alpha channel of that size; nothing of others.
    fn table_bytes(&self, size: (u32, u32)) -> Result<u64, Error> {
        let tables = match (self.name, self.data) {
            (b"VP8L", data) => webp_codes::table_bytes(data, None, MOST_TABLES),
            // The lowest bits tell whether it is compressed.
            (b"ALPH", [info, data @ ..]) if info & 0b11 == 1 => webp_codes::table_bytes(data, Some(size), MOST_TABLES),
            _ => Some(0),
        };
        let damaged = |message| Error::Damaged { format: Format::WebP, message };
        match tables {
            None => Err(damaged("its prefix codes cannot be read".into())),
            Some(tables) if tables > MOST_TABLES => {
                Err(damaged(format!("the tables of its prefix codes are over {} MiB", MOST_TABLES >> 20)))
            }
            Some(tables) => Ok(tables),
        }
    }
}

/// The most bytes of tables of prefix codes. libwebp's encoder writes up to 2,600 groups, which take up to 5 KiB for each of
/// their five codes.
const MOST_TABLES: u64 = 128 << 20;

/// The data of the first chunk of that name, if all of it is there.
pub(crate) fn chunk(bytes: &[u8], name: [u8; 4]) -> Option<&[u8]> {
    chunks(bytes).find(|chunk| *chunk.name == name).map(|chunk| chunk.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_found_behind_an_odd_one_and_only_where_it_is_whole() {
        let webp = b"RIFF\x1e\0\0\0WEBPICCP\x03\0\0\0icc\0EXIF\x04\0\0\0exif";
        assert_eq!(chunk(webp, *b"ICCP"), Some(b"icc".as_slice()));
        assert_eq!(chunk(webp, *b"EXIF"), Some(b"exif".as_slice()));
        for end in 0..webp.len() {
            assert_eq!(chunk(&webp[..end], *b"EXIF"), None);
        }
        assert_eq!(chunk(b"RIFF\0\0\0\0WEBPEXIF\xff\xff\xff\xffexif", *b"EXIF"), None);
    }
}

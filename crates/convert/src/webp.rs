//! What an extended WebP says beside its pixels. The decoder beneath makes room for whatever a chunk claims to hold before
//! it looks whether that is there.

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
pub(crate) fn chunks_in(mut rest: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    std::iter::from_fn(move || {
        let (name, after_name) = rest.split_first_chunk::<4>()?;
        let (length, data) = after_name.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let whole = data.get(..length)?;
        // Every chunk fills an even number of bytes; of the last, the byte that fills it may be missing.
        rest = data.get(length.next_multiple_of(2)..).unwrap_or_default();
        Some(Chunk { name, data: whole })
    })
}

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

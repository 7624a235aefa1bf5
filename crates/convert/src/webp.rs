//! What an extended WebP says beside its pixels. The decoder beneath makes room for whatever a chunk claims to hold before
//! it looks whether that is there.

/// The data of the first chunk of that name (WebP container specification, "Extended File Format"), if all of it is there.
pub(crate) fn chunk(bytes: &[u8], name: [u8; 4]) -> Option<Vec<u8>> {
    let mut rest = bytes.get(12..)?;
    while let Some((kind, after_kind)) = rest.split_first_chunk::<4>() {
        let (length, data) = after_kind.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        if *kind == name {
            return data.get(..length).map(<[u8]>::to_vec);
        }
        // Every chunk fills an even number of bytes.
        rest = data.get(length.checked_next_multiple_of(2)?..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_found_behind_an_odd_one_and_only_where_it_is_whole() {
        let webp = b"RIFF\x1e\0\0\0WEBPICCP\x03\0\0\0icc\0EXIF\x04\0\0\0exif";
        assert_eq!(chunk(webp, *b"ICCP").as_deref(), Some(b"icc".as_slice()));
        assert_eq!(chunk(webp, *b"EXIF").as_deref(), Some(b"exif".as_slice()));
        for end in 0..webp.len() {
            assert_eq!(chunk(&webp[..end], *b"EXIF"), None);
        }
        assert_eq!(chunk(b"RIFF\0\0\0\0WEBPEXIF\xff\xff\xff\xffexif", *b"EXIF"), None);
    }
}

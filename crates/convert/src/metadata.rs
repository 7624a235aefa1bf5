//! Exif and XMP: finding them, reading the orientation, and setting it to upright.

use image::metadata::Orientation;

/// The orientation an Exif block asks for; none where it is silent or broken.
pub(crate) fn orientation(exif: &[u8]) -> Orientation {
    Orientation::from_exif_chunk(exif).unwrap_or(Orientation::NoTransforms)
}

/// Exif begins with its TIFF header. Some writers put JPEG's segment name before it in other formats too.
pub(crate) fn without_prefix(mut exif: Vec<u8>) -> Vec<u8> {
    if exif.starts_with(b"Exif\0\0") {
        exif.drain(..6);
    }
    exif
}

/// The same Exif, saying that the picture is upright.
pub(crate) fn upright_exif(mut exif: Vec<u8>) -> Vec<u8> {
    // What it returns is the orientation it replaced, which was applied already.
    let _ = Orientation::remove_from_exif_chunk(&mut exif);
    exif
}

/// The same XMP, saying that the picture is upright: `tiff:Orientation` as an attribute or as an element (XMP
/// specification, part 1, 7.9.2.2). The packet keeps its length, since only one digit changes.
pub(crate) fn upright_xmp(mut xmp: Vec<u8>) -> Vec<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    let mut from = 0;
    while let Some(at) = xmp[from..].windows(NAME.len()).position(|window| window == NAME) {
        from += at + NAME.len();
        let value = xmp[from..].iter().position(|byte| !matches!(byte, b'=' | b'"' | b'\'' | b'>' | b' '));
        let Some(digit) = value.and_then(|value| xmp.get_mut(from + value)) else { break };
        if matches!(digit, b'1'..=b'8') {
            *digit = b'1';
        }
    }
    xmp
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXIF: &[u8] = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

    #[test]
    fn exif_is_set_upright_and_otherwise_kept() {
        assert_eq!(orientation(EXIF), Orientation::Rotate90);
        let upright = upright_exif(EXIF.to_vec());
        assert_eq!((orientation(&upright), upright.len()), (Orientation::NoTransforms, EXIF.len()));
        assert_eq!(upright_exif(b"broken".to_vec()), b"broken");
    }

    #[test]
    fn xmp_is_set_upright_in_both_its_forms() {
        for (before, after) in [
            (r#"<a tiff:Orientation="6"/>"#, r#"<a tiff:Orientation="1"/>"#),
            ("<tiff:Orientation>8</tiff:Orientation>", "<tiff:Orientation>1</tiff:Orientation>"),
            ("tiff:Orientation", "tiff:Orientation"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(upright_xmp(before.into()), after.as_bytes());
        }
    }

    #[test]
    fn the_segment_name_is_no_part_of_exif() {
        assert_eq!(without_prefix([b"Exif\0\0", EXIF].concat()), EXIF);
        assert_eq!(without_prefix(EXIF.to_vec()), EXIF);
    }
}

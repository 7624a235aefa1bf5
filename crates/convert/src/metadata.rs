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

/// A PNG's `eXIf` chunk, which may stand before or after the pixels (PNG specification, third edition, 11.3.4.7); a
/// decoder that has only read the header has not seen a later one.
pub(crate) fn png_exif(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes.get(8..)?;
    while let Some((length, after_length)) = rest.split_first_chunk::<4>() {
        let (kind, data) = after_length.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        if kind == b"eXIf" {
            return data.get(..length).map(<[u8]>::to_vec);
        }
        // The data is followed by its checksum.
        rest = data.get(length.checked_add(4)?..)?;
    }
    None
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

    fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length[..], &kind, data, &[0; 4]].concat()
    }

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
    fn exif_is_found_before_and_after_the_pixels_of_a_png() {
        let (exif, pixels) = (chunk(*b"eXIf", EXIF), chunk(*b"IDAT", b"pixels"));
        for body in [[&exif[..], &pixels], [&pixels[..], &exif]] {
            let png = [b"\x89PNG\r\n\x1a\n", &body.concat()[..]].concat();
            assert_eq!(png_exif(&png).as_deref(), Some(EXIF));
            for end in 0..png.len() {
                let _ = png_exif(&png[..end]);
            }
        }
    }

    #[test]
    fn the_segment_name_is_no_part_of_exif() {
        assert_eq!(without_prefix([b"Exif\0\0", EXIF].concat()), EXIF);
        assert_eq!(without_prefix(EXIF.to_vec()), EXIF);
    }
}

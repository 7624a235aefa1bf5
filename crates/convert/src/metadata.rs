//! Exif and XMP: finding them, reading the orientation, and setting it to upright.

use image::metadata::Orientation;
use model::{Metadata, Recipe};

/// The most bytes of Exif or XMP that are kept. Cameras write up to 64 KiB, which is all that a JPEG's segment holds; editors
/// that note every file a picture was made of write some MiB.
pub(crate) const MOST: usize = 16 << 20;

/// What is kept of Exif or XMP: all, or nothing and a note. An empty one stands for one that cannot be read.
pub(crate) fn kept(name: &str, block: Option<Vec<u8>>, recipe: &Recipe, notes: &mut Vec<String>) -> Option<Vec<u8>> {
    let block = block.filter(|_| recipe.metadata == Metadata::Keep)?;
    if block.is_empty() || block.len() > MOST {
        notes.push(format!("its {name} was left out: it is damaged or over {} MiB", MOST >> 20));
        return None;
    }
    Some(block)
}

/// The orientation an Exif block asks for; none where it is silent or broken.
pub(crate) fn orientation(exif: &[u8]) -> Orientation {
    Orientation::from_exif_chunk(exif).unwrap_or(Orientation::NoTransforms)
}

/// Exif begins with its TIFF header. Some writers put JPEG's segment name before it in other formats too.
pub(crate) fn without_prefix(exif: &[u8]) -> &[u8] {
    exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)
}

/// A copy of Exif, XMP or a profile; an empty one where it is over the limit.
pub(crate) fn copy(block: &[u8]) -> Vec<u8> {
    if block.len() > MOST { vec![] } else { block.to_vec() }
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
        assert_eq!(without_prefix(&[b"Exif\0\0", EXIF].concat()), EXIF);
        assert_eq!(without_prefix(EXIF), EXIF);
    }
}

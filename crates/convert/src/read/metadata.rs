//! Selects the metadata that the recipe keeps, limits its size, reads the orientation, and resets the orientation after it was
//! applied.

use image::metadata::Orientation;
use model::Metadata;

use crate::copyright::{ExifFields, XmpFields, read_iim};

/// The maximum size of Exif or XMP that is copied. Cameras write up to 64 KiB, the size of a JPEG segment. Some editors
/// list all source files of an image in its metadata and write several MiB.
pub(crate) const MAX_BLOCK_BYTES: usize = 16 << 20;

/// The metadata of a file. A block is empty if the file has a block that cannot be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetadataBlocks {
    /// Exif, starting at the TIFF header.
    pub(crate) exif: Option<Vec<u8>>,
    /// The XMP packet.
    pub(crate) xmp: Option<Vec<u8>>,
    /// IPTC-IIM. It is never copied: [`Metadata::Copyright`] moves its fields to XMP.
    pub(crate) iim: Option<Vec<u8>>,
}

impl MetadataBlocks {
    /// Returns Exif and XMP as the variants contain them. A block that cannot be used is omitted with a note.
    pub(crate) fn select(self, metadata: Metadata, notes: &mut Vec<String>) -> Self {
        match metadata {
            Metadata::Strip => Self::default(),
            Metadata::Copyright => self.select_copyright(notes),
            Metadata::Keep => Self {
                exif: limit_block("Exif", self.exif, notes),
                xmp: limit_block("XMP", self.xmp, notes),
                iim: None,
            },
        }
    }

    fn select_copyright(self, notes: &mut Vec<String>) -> Self {
        let exif = limit_block("Exif", self.exif, notes);
        let exif = exif.map(|exif| ExifFields::read(&exif).and_then(|fields| fields.write()));
        let xmp = limit_block("XMP", self.xmp, notes);
        let xmp = without_error("XMP", xmp.map(|xmp| XmpFields::read(&xmp).map(Some)), notes).unwrap_or_default();
        let iim = self.iim.map(|iim| read_iim(&iim)).unwrap_or_default();
        Self {
            exif: without_error("Exif", exif, notes),
            xmp: without_error("XMP", Some(xmp.or(iim).write()), notes),
            iim: None,
        }
    }
}

/// Omits a block that is too large or empty, with a note.
fn limit_block(name: &str, block: Option<Vec<u8>>, notes: &mut Vec<String>) -> Option<Vec<u8>> {
    let block = block?;
    if block.is_empty() || block.len() > MAX_BLOCK_BYTES {
        notes.push(format!("its {name} was omitted: it is damaged or over {} MiB", MAX_BLOCK_BYTES >> 20));
        return None;
    }
    Some(block)
}

/// Replaces an error by a note.
fn without_error<T>(name: &str, result: Option<Result<Option<T>, &'static str>>, notes: &mut Vec<String>) -> Option<T> {
    result?.unwrap_or_else(|reason| {
        notes.push(format!("its {name} was omitted: {reason}"));
        None
    })
}

/// Returns the orientation of an Exif block. Returns `NoTransforms` if the block has no orientation or is damaged.
pub(crate) fn orientation(exif: &[u8]) -> Orientation {
    Orientation::from_exif_chunk(exif).unwrap_or(Orientation::NoTransforms)
}

/// Removes the name of the JPEG segment, so that the Exif begins with its TIFF header. Some programs write this name
/// also in other file formats.
pub(crate) fn strip_exif_prefix(exif: &[u8]) -> &[u8] {
    exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)
}

/// Copies Exif, XMP or a profile. The copy is empty if the block is larger than the limit.
pub(crate) fn copy_block(block: &[u8]) -> Vec<u8> {
    if block.len() > MAX_BLOCK_BYTES { vec![] } else { block.to_vec() }
}

/// Sets the orientation in Exif to upright.
pub(crate) fn reset_exif_orientation(mut exif: Vec<u8>) -> Vec<u8> {
    // The function returns the old orientation, which was already applied to the pixels.
    let _ = Orientation::remove_from_exif_chunk(&mut exif);
    exif
}

/// Sets `tiff:Orientation` in XMP to upright, as an attribute or as an element (XMP specification, part 1, 7.9.2.2).
/// The packet keeps its length, because only one digit changes.
pub(crate) fn reset_xmp_orientation(mut xmp: Vec<u8>) -> Vec<u8> {
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
    fn exif_orientation_is_reset_and_other_bytes_are_unchanged() {
        assert_eq!(orientation(EXIF), Orientation::Rotate90);
        let upright = reset_exif_orientation(EXIF.to_vec());
        assert_eq!((orientation(&upright), upright.len()), (Orientation::NoTransforms, EXIF.len()));
        assert_eq!(reset_exif_orientation(b"damaged".to_vec()), b"damaged");
    }

    #[test]
    fn xmp_orientation_is_reset_in_attribute_and_element() {
        for (before, after) in [
            (r#"<a tiff:Orientation="6"/>"#, r#"<a tiff:Orientation="1"/>"#),
            ("<tiff:Orientation>8</tiff:Orientation>", "<tiff:Orientation>1</tiff:Orientation>"),
            ("tiff:Orientation", "tiff:Orientation"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(reset_xmp_orientation(before.into()), after.as_bytes());
        }
    }

    #[test]
    fn exif_prefix_is_removed() {
        assert_eq!(strip_exif_prefix(&[b"Exif\0\0", EXIF].concat()), EXIF);
        assert_eq!(strip_exif_prefix(EXIF), EXIF);
    }
}

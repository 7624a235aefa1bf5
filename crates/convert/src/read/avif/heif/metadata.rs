//! Exif and XMP of an AVIF (ISO/IEC 23008-12, annex A).

use super::MediaData;
use super::meta::{Item, MetaBox};
use super::still::StillItem;
use super::track::Movie;
use crate::Error;
use crate::read::metadata::MetadataBlocks;
use avif::boxes::FieldReader;

/// The media type of XMP.
pub(super) const XMP: &[u8] = b"application/rdf+xml";

/// Reads the Exif and XMP of the sequence's track. If the track has no Exif, reads the Exif that describes the primary
/// item, and likewise for XMP.
pub(super) fn read(
    meta: Option<&MetaBox<'_>>,
    movie: Option<&Movie<'_>>,
    media: &mut MediaData<'_>,
) -> Result<MetadataBlocks, Error> {
    let track = movie.and_then(|movie| movie.meta.as_ref()).map(MetaBox::read).transpose()?;
    let mut blocks = MetadataBlocks::default();
    let MetadataBlocks { exif, xmp, .. } = &mut blocks;
    for meta in track.as_ref().into_iter().chain(meta) {
        let describes = |item: &Item<'_>| match meta.primary {
            // All items in the `meta` box of a track describe the track.
            None => true,
            Some(primary) => meta.referenced_items(item.id, *b"cdsc").is_some_and(|to| to.contains(&primary)),
        };
        for item in &meta.items {
            if item.kind == *b"Exif" && exif.is_none() && describes(item) {
                let data = media.read(&meta.data_ranges(item)?)?;
                let mut fields = FieldReader { bytes: &data, box_type: item.kind };
                // The first field is the offset of the TIFF header. The bytes before the header are not needed.
                let start = usize::try_from(fields.u32()?).unwrap_or(usize::MAX);
                fields.take(start)?;
                *exif = Some(fields.bytes.to_vec());
            } else if item.kind == *b"mime" && item.content_type == XMP && xmp.is_none() && describes(item) {
                *xmp = Some(media.read(&meta.data_ranges(item)?)?.into_owned());
            }
        }
    }
    Ok(blocks)
}

/// Adds the blocks to the media data, and returns their items.
pub(super) fn add_items(blocks: &MetadataBlocks, media: &mut MediaData<'_>) -> Vec<StillItem> {
    // The first four bytes of an Exif item are the number of bytes before its TIFF header.
    let exif = blocks.exif.as_ref().map(|exif| (*b"Exif", [&[0; 4], &exif[..]].concat()));
    let xmp = blocks.xmp.as_ref().map(|xmp| (*b"mime", xmp.clone()));
    let item = |(kind, data): (_, Vec<u8>)| {
        let range = media.append(&data);
        StillItem { kind, is_hidden: false, properties: vec![], range }
    };
    exif.into_iter().chain(xmp).map(item).collect()
}

//! Exif and XMP of an AVIF (ISO/IEC 23008-12, annex A).

use avif::Attachments;

use super::Media;
use super::boxes::Fields;
use super::meta::{Item, Meta};
use super::track::Movie;
use crate::Error;

/// The media type of XMP.
const XMP: &[u8] = b"application/rdf+xml";

/// Exif and XMP: those of the sequence's track, or those that describe the primary item.
pub(super) fn read(
    meta: Option<&Meta<'_>>,
    movie: Option<&Movie<'_>>,
    media: &mut Media<'_>,
) -> Result<Attachments, Error> {
    let track = movie.and_then(|movie| movie.meta.as_ref()).map(Meta::read).transpose()?;
    let mut attachments = Attachments::default();
    let Attachments { exif, xmp, .. } = &mut attachments;
    for meta in track.as_ref().into_iter().chain(meta) {
        let describes = |item: &Item<'_>| match meta.primary {
            // All items of a track's box describe the track.
            None => true,
            Some(primary) => meta.references_from(item.id, *b"cdsc").is_some_and(|to| to.contains(&primary)),
        };
        for item in &meta.items {
            if item.kind == *b"Exif" && exif.is_none() && describes(item) {
                let data = media.gather(&meta.data(item)?)?;
                let mut fields = Fields { bytes: &data, name: item.kind };
                // Where the TIFF header begins; what stands before it is not needed.
                let start = usize::try_from(fields.u32()?).unwrap_or(usize::MAX);
                fields.take(start)?;
                *exif = Some(fields.bytes.to_vec());
            } else if item.kind == *b"mime" && item.content_type == XMP && xmp.is_none() && describes(item) {
                *xmp = Some(media.gather(&meta.data(item)?)?.into_owned());
            }
        }
    }
    Ok(attachments)
}

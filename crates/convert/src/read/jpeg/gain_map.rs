//! The gain map of a JPEG: an additional image of a multi-picture file.

use super::JpegFile;
use super::metadata::XMP;
use super::multi_picture::additional_images;
use super::segments::{APP1, APP2, segments};
use crate::gain_map::{GainMapImage, ISO_SEGMENT_NAME, OpenedGainMap, StoredMetadata};

/// Finds the gain map of a JPEG. Returns `None` if the JPEG has no gain map. Returns an error with the reason if the
/// gain map cannot be used. `exif` is the Exif of the base image.
pub(super) fn find<'bytes>(
    jpeg: &'bytes [u8],
    exif: Option<&'bytes [u8]>,
) -> Option<Result<OpenedGainMap<'bytes>, String>> {
    additional_images(jpeg).into_iter().find_map(|range| {
        let map = &jpeg[range];
        let stored = StoredMetadata {
            iso: segments(map).filter_map(|segment| segment.data_after(APP2, ISO_SEGMENT_NAME)).collect(),
            xmp: segments(map).find_map(|segment| segment.data_after(APP1, XMP)),
            base_exif: exif,
        };
        let metadata = stored.resolve()?.map_err(str::to_owned);
        Some(metadata.and_then(|metadata| OpenedGainMap::new(open(map)?, metadata)))
    })
}

fn open(map: &[u8]) -> Result<GainMapImage<'_>, String> {
    let jpeg = JpegFile::open(map).map_err(|error| error.to_string())?;
    if jpeg.is_cmyk() {
        return Err("it is CMYK".into());
    }
    Ok(GainMapImage {
        size: jpeg.size(),
        icc: jpeg.icc(),
        decoding_bytes: jpeg.working_bytes(),
        decode: Box::new(|| jpeg.decode_image()),
    })
}

//! The gain map of a HEIC: an item `tmap` (ISO/IEC 23008-12, 6.6.2.4) with the numbers of ISO 21496-1, or an auxiliary
//! image in Apple's format.

use std::sync::Arc;

use heifer_isobmff::{HeifFile, ItemId};
use image::DynamicImage;
use model::Chroma;

use super::color;
use super::image::{Content, StoredImage, find_auxiliary, to_image};
use super::pictures::{Pictures, pixels};
use super::transforms::Transforms;
use crate::Error;
use crate::gain_map::{GainMapImage, OpenedGainMap, StoredMetadata};

/// The auxiliary type of Apple's gain maps.
const APPLE_TYPE: &str = "urn:com:apple:photo:2020:aux:hdrgainmap";

/// Finds the gain map of the primary image. Returns `None` if the file has no gain map. Returns an error with the reason if
/// the gain map cannot be used.
pub(super) fn find<'bytes>(
    file: &Arc<HeifFile<'bytes>>,
    base: &StoredImage<'_>,
    exif: Option<&[u8]>,
    bytes: usize,
) -> Option<Result<OpenedGainMap<'bytes>, String>> {
    let (map, derived, packet) = find_iso(file).or_else(|| find_apple(file))?;
    let numbers = derived.and_then(|item| file.item_data(item).ok());
    // The first byte is the version of the item. It is 0.
    let iso = numbers.as_deref().and_then(|data| data.strip_prefix(&[0])).into_iter().collect();
    let stored = StoredMetadata { iso, xmp: packet.as_deref(), base_exif: exif };
    let metadata = match stored.resolve()? {
        Ok(metadata) => metadata,
        Err(reason) => return Some(Err(reason.to_owned())),
    };
    let icc = derived.and_then(|item| color::profile(file, &[item]));
    let image = open(file, map, base, icc, bytes);
    Some(image.and_then(|image| OpenedGainMap::new(image, metadata)))
}

/// Finds the gain map of a `tmap` item whose base image is the primary image, and this item.
fn find_iso(file: &HeifFile<'_>) -> Option<(ItemId, Option<ItemId>, Option<Vec<u8>>)> {
    let derived = file.items.iter().filter(|item| item.item_type.0 == *b"tmap");
    derived.map(|item| item.id).find_map(|item| match *file.referenced_items(item, b"dimg") {
        [base, map] if base == file.primary_id => Some((map, Some(item), None)),
        _ => None,
    })
}

/// Finds Apple's gain map of the primary image, and its XMP packet.
fn find_apple(file: &HeifFile<'_>) -> Option<(ItemId, Option<ItemId>, Option<Vec<u8>>)> {
    let map = find_auxiliary(file, file.primary_id, &[APPLE_TYPE])?;
    Some((map, None, file.xmp(map).ok()?))
}

fn open<'bytes>(
    file: &Arc<HeifFile<'bytes>>,
    map: ItemId,
    base: &StoredImage<'_>,
    icc: Option<Vec<u8>>,
    bytes: usize,
) -> Result<GainMapImage<'bytes>, String> {
    if !matches!(base.content, Content::Coded(_)) {
        return Err("the image is derived from other images".into());
    }
    let own = file.item_properties(map).map_err(|error| error.to_string())?;
    let transforms = base.transforms;
    let is_aligned = |own: Transforms| own.orientation.is_upright() || own.orientation == transforms.orientation;
    let is_cropped = |own: Transforms| own.aperture.is_some() || transforms.aperture.is_some();
    if Transforms::read(own).is_none_or(|own| is_cropped(own) || !is_aligned(own)) {
        return Err("it is not cropped and rotated like the image".into());
    }
    let pictures = Pictures::open(file, map, bytes).map_err(|error| error.to_string())?;
    let size = (pictures.shape.width, pictures.shape.height);
    let [_, _, width, height] = base.crop();
    if pixels(size) > pixels((width, height)) {
        return Err("it is larger than the image".into());
    }
    Ok(GainMapImage {
        size,
        icc,
        decoding_bytes: pictures.decoding_bytes(),
        decode: Box::new(move || decode(&pictures)),
    })
}

/// Decodes a gain map to 8 bits.
fn decode(pictures: &Pictures<'_>) -> Result<DynamicImage, Error> {
    let image = to_image(pictures.shape, pictures.decode()?, None, false, pictures.code_points)?;
    Ok(match pictures.shape.chroma {
        Chroma::Monochrome => image.into_luma8().into(),
        Chroma::Yuv420 | Chroma::Yuv422 | Chroma::Yuv444 => image.into_rgb8().into(),
    })
}

//! The gain map of a HEIC: an item `tmap` (ISO/IEC 23008-12, 6.6.2.4) with the numbers of ISO 21496-1, or an auxiliary
//! image in Apple's format.

use std::sync::Arc;

use heifer::heifer_isobmff::boxes::{ColorInfo, Property};
use heifer::heifer_isobmff::{HeifFile, ItemId};
use image::DynamicImage;
use model::{Chroma, Color};

use super::tiles::Tiles;
use super::transforms::Transforms;
use super::{color, damaged, to_image};
use crate::Error;
use crate::gain_map::{GainMapImage, OpenedGainMap, StoredMetadata};

/// The auxiliary type of Apple's gain maps.
const APPLE_TYPE: &str = "urn:com:apple:photo:2020:aux:hdrgainmap";

/// Finds the gain map of the primary image. Returns `None` if the file has no gain map. Returns an error with the reason if
/// the gain map cannot be used.
pub(super) fn find<'bytes>(
    file: &Arc<HeifFile<'bytes>>,
    transforms: Transforms,
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
    let icc = derived.and_then(|item| own_profile(file, item));
    let image = open(file, map, transforms, icc, bytes);
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
    let is_apple = |property: &Property| matches!(property, Property::AuxiliaryType(name) if name == APPLE_TYPE);
    let auxiliary = file.referencing_items(file.primary_id, b"auxl").into_iter();
    let mut maps = auxiliary.filter(|&item| file.item_properties(item).is_ok_and(|mut all| all.any(is_apple)));
    let map = maps.next()?;
    Some((map, None, file.xmp(map).ok()?))
}

fn own_profile(file: &HeifFile<'_>, item: ItemId) -> Option<Vec<u8>> {
    file.item_properties(item).ok()?.find_map(|property| match property {
        Property::Color(ColorInfo::Icc(icc)) => Some(icc.clone()),
        _ => None,
    })
}

fn open<'bytes>(
    file: &Arc<HeifFile<'bytes>>,
    map: ItemId,
    base: Transforms,
    icc: Option<Vec<u8>>,
    bytes: usize,
) -> Result<GainMapImage<'bytes>, String> {
    let own = file.item_properties(map).map_err(|error| error.to_string())?;
    let is_aligned = |own: Transforms| own.orientation.is_upright() || own.orientation == base.orientation;
    if base.aperture.is_some() || Transforms::read(own).is_none_or(|own| own.aperture.is_some() || !is_aligned(own)) {
        return Err("it is not cropped and rotated like the image".into());
    }
    let tiles = Tiles::open(file, map, bytes).map_err(|error| error.to_string())?;
    let tiles = tiles.ok_or("it is derived from other images")?;
    let cicp = color::code_points(file, &tiles.items, &tiles.config);
    Ok(GainMapImage {
        size: (tiles.shape.width, tiles.shape.height),
        icc,
        decoding_bytes: tiles.decoding_bytes(),
        decode: Box::new(move || decode(&tiles, Color { cicp, icc: None })),
    })
}

/// Decodes a gain map to 8 bits.
fn decode(tiles: &Tiles<'_>, color: Color) -> Result<DynamicImage, Error> {
    let image = to_image(tiles.shape, tiles.decode()?, None, false, color)?;
    let image = image.ok_or_else(|| damaged("some of the pixels of its gain map are missing"))?;
    Ok(match tiles.shape.chroma {
        Chroma::Monochrome => image.into_luma8().into(),
        Chroma::Yuv420 | Chroma::Yuv422 | Chroma::Yuv444 => image.into_rgb8().into(),
    })
}

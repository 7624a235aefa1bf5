//! Checks the boxes that heifer reads in a time that is proportional to the square of their length.

use avif::boxes::{BoxError, FileSlice, FourCc};

use super::{damaged, from_box_error};
use crate::Error;

/// The maximum length in bytes of all boxes with this name that list items, their places, references or associations. A photo
/// of 200 megapixels with 800 tiles has lists of 30 KB.
const MAX_LIST_BYTES: usize = 64 << 10;
/// The maximum length in bytes of all properties. Most of it are color profiles.
const MAX_PROPERTY_BYTES: usize = 4 << 20;
/// The maximum number of parts of an item. heifer stores 24 bytes for each, even if a part has no bytes in the box.
const MAX_EXTENTS: u16 = 64;

/// Checks the `meta` box: its number, the lengths of its lists, and the parts of its items. heifer compares each entry of a
/// list with the entries of another.
pub(super) fn check_lists(file: &[u8]) -> Result<(), Error> {
    let metas = children(&FileSlice::whole(file), *b"meta");
    let meta = match &metas[..] {
        [] => return Ok(()),
        [meta] => meta.skip(4, *b"meta").map_err(from_box_error)?,
        _ => return Err(damaged("there are two boxes `meta`")),
    };
    let properties = children(&meta, *b"iprp");
    let in_properties = |name| properties.iter().flat_map(|parent| children(parent, name)).collect::<Vec<_>>();
    let lists = [*b"iinf", *b"iloc", *b"iref"].map(|name| (name, children(&meta, name), MAX_LIST_BYTES));
    let associations = (*b"ipma", in_properties(*b"ipma"), MAX_LIST_BYTES);
    let values = (*b"ipco", in_properties(*b"ipco"), MAX_PROPERTY_BYTES);
    for (name, boxes, limit) in lists.iter().chain([&associations, &values]) {
        let bytes: usize = boxes.iter().map(|content| content.range.len()).sum();
        if bytes > *limit {
            return Err(damaged(&format!("its box `{}` has {bytes} bytes, more than {limit}", name.escape_ascii())));
        }
    }
    lists[1].1.iter().try_for_each(check_places)
}

/// Checks the number of parts of each item (ISO/IEC 14496-12, 8.11.3).
fn check_places(places: &FileSlice<'_>) -> Result<(), Error> {
    let mut fields = places.fields(*b"iloc");
    let mut check = || -> Result<bool, BoxError> {
        let (version, _) = fields.version_and_flags()?;
        let sizes = fields.u16()?;
        let size = |shift: u16| usize::from(sizes >> shift & 15).min(8);
        let is_wide = version == 2;
        for _ in 0..fields.id(is_wide)? {
            fields.id(is_wide)?;
            let reference = if version > 0 { 4 } else { 2 };
            fields.take(reference + size(4))?;
            let extents = fields.u16()?;
            if extents > MAX_EXTENTS {
                return Ok(false);
            }
            let index = if version > 0 { size(0) } else { 0 };
            fields.take(usize::from(extents) * (index + size(12) + size(8)))?;
        }
        Ok(true)
    };
    if check().map_err(from_box_error)? { Ok(()) } else { Err(damaged("an item has too many parts")) }
}

/// Returns the contents of all complete boxes with this name.
fn children<'a>(parent: &FileSlice<'a>, name: FourCc) -> Vec<FileSlice<'a>> {
    parent.child_boxes().map_while(Result::ok).filter(|(found, _)| *found == name).map(|(_, content)| content).collect()
}

/// Returns the content of the first box with this name.
pub(super) fn find<'a>(parent: &FileSlice<'a>, name: FourCc) -> Result<Option<FileSlice<'a>>, BoxError> {
    for child in parent.child_boxes() {
        let (found, content) = child?;
        if found == name {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use avif::boxes::build_box;

    use super::*;

    fn check(boxes: &[u8]) -> String {
        let meta = build_box(*b"meta", &[&[0; 4], boxes]);
        check_lists(&meta).map_or_else(|error| error.to_string(), |()| "sound".into())
    }

    #[test]
    fn item_with_many_parts_is_rejected() {
        // The sizes of offset, length, base offset and index are 0, so a part has no bytes.
        let places =
            |extents: u16| build_box(*b"iloc", &[&[0; 4], &[0, 0], &[0, 1, 0, 1, 0, 0], &extents.to_be_bytes()]);
        assert_eq!(check(&places(64)), "sound");
        assert_eq!(check(&places(65)), "damaged HEIC: an item has too many parts");
        assert_eq!(
            check(&build_box(*b"iloc", &[&[0; 4], &[0x44, 0, 0, 9]])),
            "damaged HEIC: the box `iloc` is shorter than its fields"
        );
    }

    #[test]
    fn lists_are_measured_together() {
        let half = vec![0; MAX_LIST_BYTES / 2 + 1];
        let list = build_box(*b"ipma", &[&half]);
        assert_eq!(check(&build_box(*b"iprp", &[&list])), "sound");
        let one = build_box(*b"iprp", &[&list]);
        for boxes in [build_box(*b"iprp", &[&list, &list]), [&one[..], &one].concat()] {
            assert_eq!(check(&boxes), "damaged HEIC: its box `ipma` has 65538 bytes, more than 65536");
        }
        let meta = build_box(*b"meta", &[&[0; 4]]);
        assert_eq!(
            check_lists(&[&meta[..], &meta].concat()).unwrap_err().to_string(),
            "damaged HEIC: there are two boxes `meta`"
        );
    }
}

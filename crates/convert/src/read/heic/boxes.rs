//! Checks the boxes that heifer reads in a time that is proportional to the square of their length.

use avif::boxes::{BoxError, FileSlice, FourCc};

use super::{damaged, from_box_error};
use crate::Error;

/// The maximum length in bytes of each box that lists items, their places, references or properties. A photo of 200
/// megapixels with 800 tiles has boxes of 30 KB.
const MAX_LIST_BYTES: usize = 256 << 10;

/// Checks the lengths of the lists in a `meta` box. heifer compares each entry of a list with the entries of another.
pub(super) fn check_lists(file: &[u8]) -> Result<(), Error> {
    let Some(meta) = find(&FileSlice::whole(file), *b"meta").map_err(from_box_error)? else { return Ok(()) };
    let meta = meta.skip(4, *b"meta").map_err(from_box_error)?;
    let properties = find(&meta, *b"iprp").map_err(from_box_error)?;
    for parent in [Some(meta), properties].into_iter().flatten() {
        // A damaged box is heifer's to report.
        for (name, content) in parent.child_boxes().map_while(Result::ok) {
            let is_list = matches!(&name, b"iinf" | b"iloc" | b"iref" | b"ipma");
            if is_list && content.range.len() > MAX_LIST_BYTES {
                return Err(damaged(&format!("its box `{}` has {} bytes", name.escape_ascii(), content.range.len())));
            }
        }
    }
    Ok(())
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

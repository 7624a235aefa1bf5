//! The additional images of a JPEG, listed in the index of a multi-picture file (CIPA DC-007, 5.2).

use std::ops::Range;

use super::segments::{APP2, segments};
use crate::gain_map::TiffReader;

/// The maximum number of images to check. Known files have one to three images in addition to the first image.
const MAX_IMAGES: usize = 16;
/// The tag of the index entry that lists the images, and the number of bytes that the list has for each image.
const MP_ENTRY_TAG: u64 = 0xb002;
const MP_ENTRY_BYTES: usize = 16;

/// Returns the byte ranges of the images after the first. A range that extends beyond the end of the file is cut at the
/// end of the file.
pub(super) fn additional_images(jpeg: &[u8]) -> Vec<Range<usize>> {
    let index = segments(jpeg).find_map(|segment| Some((segment.at + 4, segment.data_after(APP2, b"MPF\0")?)));
    index.and_then(|(at, index)| list_images(index, at, jpeg.len())).unwrap_or_default()
}

/// Reads the list of images in an index. The offsets in the list are relative to `at`, the position of the index.
fn list_images(index: &[u8], at: usize, length: usize) -> Option<Vec<Range<usize>>> {
    let tiff = TiffReader::new(index);
    let (bytes, start) = tiff.find_entry(tiff.first_directory()?, MP_ENTRY_TAG)?;
    let range = |image: usize| {
        let entry = start.checked_add(MP_ENTRY_BYTES * image)?;
        let size = usize::try_from(tiff.read(entry.checked_add(4)?, 4)?).ok()?;
        let start = usize::try_from(tiff.read(entry.checked_add(8)?, 4)?).ok()?.checked_add(at)?;
        let end = start.checked_add(size)?.min(length);
        (start < end).then_some(start..end)
    };
    let mut ranges: Vec<_> = (1..(bytes / MP_ENTRY_BYTES).min(MAX_IMAGES)).filter_map(range).collect();
    // An image that is listed several times in a row is checked only once.
    ranges.dedup();
    Some(ranges)
}

//! The additional images of a JPEG, listed in the index of a multi-picture file (CIPA DC-007, 5.2).

use std::ops::Range;

use super::tiff_reader::TiffReader;
use crate::segments::{APP2, segments};

/// The maximum number of images to check. Known files have one to three in addition to the first.
const MAX_IMAGES: usize = 16;
/// The index entry that lists the images, and the size of an image's entry in that list.
const MP_ENTRY_TAG: u64 = 0xb002;
const MP_ENTRY_BYTES: usize = 16;

/// Returns the byte ranges of the images after the first. If a listed range extends beyond the end of the file, it is
/// cut there.
pub(super) fn additional_images(jpeg: &[u8]) -> Vec<Range<usize>> {
    let index = segments(jpeg).find_map(|segment| Some((segment.at + 4, segment.data_after(APP2, b"MPF\0")?)));
    index.and_then(|(at, index)| list_images(index, at, jpeg.len())).unwrap_or_default()
}

/// Reads the list of an index. The offsets in it are relative to `at`, the position of the index.
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
    // Each image is checked only once, even if it is listed several times.
    ranges.dedup();
    Some(ranges)
}

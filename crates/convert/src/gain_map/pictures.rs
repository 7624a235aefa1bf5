//! Where a JPEG's further pictures lie: the index of a multi-picture file (CIPA DC-007, 5.2).

use std::ops::Range;

use super::numbers::Numbers;
use crate::segments::{APP2, segments};

/// The most pictures looked at; files in the wild have one to three besides the first.
const MOST: usize = 16;
/// The index's entry that lists the pictures, and the size of one in that list.
const LIST: u64 = 0xb002;
const PICTURE: usize = 16;

/// Where the pictures behind the first lie in the file, as far as they are there.
pub(super) fn further(jpeg: &[u8]) -> Vec<Range<usize>> {
    let index = segments(jpeg).find_map(|segment| Some((segment.at + 4, segment.of(APP2, b"MPF\0")?)));
    index.and_then(|(at, index)| listed(index, at, jpeg.len())).unwrap_or_default()
}

/// The pictures that an index lists, whose places are counted from the index's own, `at`.
fn listed(index: &[u8], at: usize, length: usize) -> Option<Vec<Range<usize>>> {
    let numbers = Numbers::of(index);
    let (bytes, start) = numbers.entry(numbers.first_directory()?, LIST)?;
    let place = |picture: usize| {
        let entry = start.checked_add(PICTURE * picture)?;
        let size = usize::try_from(numbers.at(entry.checked_add(4)?, 4)?).ok()?;
        let start = usize::try_from(numbers.at(entry.checked_add(8)?, 4)?).ok()?.checked_add(at)?;
        let end = start.checked_add(size)?.min(length);
        (start < end).then_some(start..end)
    };
    let mut places: Vec<_> = (1..(bytes / PICTURE).min(MOST)).filter_map(place).collect();
    // Each is looked at once, however often it is listed.
    places.dedup();
    Some(places)
}

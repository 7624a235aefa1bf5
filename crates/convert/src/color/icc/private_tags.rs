//! Removes the parts of an ICC profile that do not describe colors: private tags, device names, serial numbers, texts,
//! dates.

use std::collections::HashMap;

use super::elements::BYTES_AFTER_GRID;
use super::{HEADER_BYTES, number};

/// The tags that are copied. They are defined in ICC.1:2022, 9.2, or only in version 2 of the ICC specification.
/// Floating-point transforms (`D2B0`) are not copied, because no browser reads them. Every profile with such a transform
/// also contains other tags for the same colors (8.2).
const KEPT_TAGS: [&[u8; 4]; 20] = [
    b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"wtpt", b"bkpt", b"chad", b"chrm", b"lumi",
    b"cicp", b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2", b"gamt",
];
/// A profile must contain all tags of one of these sets: primaries and curves, a gray curve, or a table.
const REQUIRED_TAG_SETS: [&[&[u8; 4]]; 5] =
    [&[b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"], &[b"kTRC"], &[b"A2B0"], &[b"A2B1"], &[b"A2B2"]];
/// The illuminant D50, which every profile must contain.
const D50: [u8; 12] = [0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d];

/// Writes a new profile with the same colors. The two texts that every profile must contain get neutral contents.
/// Returns `None` if the profile is damaged.
pub(super) fn without_private_tags(icc: &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(number(icc, 0)?).ok()?;
    // Bytes after the end of the profile are not part of it.
    let icc = &icc[..length.min(icc.len())];
    if icc.get(36..40)? != b"acsp" {
        return None;
    }
    let texts = texts(icc[8]);
    let mut tags = vec![(*b"desc", 0), (*b"cprt", 1)];
    let mut elements: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
    // Several tags may share an element, which is then written once. The common bytes of partly overlapping elements
    // are written several times, so the total size is limited to the size of the profile.
    let mut known = HashMap::new();
    let mut bytes_left = icc.len();
    let count = usize::try_from(number(icc, HEADER_BYTES)?).ok()?;
    for entry in icc.get(HEADER_BYTES + 4..)?.as_chunks::<12>().0.get(..count)? {
        let name: [u8; 4] = entry[..4].try_into().ok()?;
        if !KEPT_TAGS.contains(&&name) {
            continue;
        }
        if tags.iter().any(|(written, _)| *written == name) {
            return None;
        }
        let (start, length) = (usize::try_from(number(entry, 4)?).ok()?, usize::try_from(number(entry, 8)?).ok()?);
        let data = start.checked_add(length).and_then(|end| meaningful_part(icc.get(start..end)?));
        let data = match data {
            Some(data) => data,
            None if !is_needed(name) => continue,
            None => return None,
        };
        let place = (start, data.len());
        let index = *known.entry(place).or_insert(elements.len());
        if index == elements.len() {
            bytes_left = bytes_left.checked_sub(data.len())?;
            elements.push(data);
        }
        tags.push((name, index));
    }
    let has = |required: &&[u8; 4]| tags.iter().any(|(name, _)| name == *required);
    REQUIRED_TAG_SETS.iter().any(|set| set.iter().all(has)).then(|| profile(header(icc), &tags, &elements))
}

/// Whether the colors of an image depend on this tag. All other tags are for printing, or describe the measurement of
/// the device.
fn is_needed(name: [u8; 4]) -> bool {
    !matches!(&name, b"bkpt" | b"chrm" | b"lumi" | b"gamt") && !name.starts_with(b"B2A")
}

/// Returns the first bytes of an element, up to the length that its type defines (ICC.1:2022, 10). Returns `None` if
/// the element is too short or has another type.
fn meaningful_part(data: &[u8]) -> Option<&[u8]> {
    let count = |at: usize, bytes: usize| {
        let bytes = data.get(at..at + bytes)?;
        Some(bytes.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte)))
    };
    let length = match data.get(..4)? {
        b"XYZ " => 20,
        b"sf32" => 8 + 9 * 4,
        b"cicp" => 12,
        b"chrm" => 12 + 8 * count(8, 2)?,
        b"curv" => 12 + 2 * count(8, 4)?,
        b"para" => 12 + 4 * *[1, 3, 4, 5, 7].get(count(8, 2)?)?,
        // The element consists of a table for each input channel, a grid, and a table for each output channel, with
        // entries of 1 or 2 bytes.
        b"mft1" => 48 + 256 * (count(8, 1)? + count(9, 1)?) + grid_entries(data)?,
        b"mft2" => {
            let tables = count(8, 1)? * count(48, 2)? + count(9, 1)? * count(50, 2)?;
            52 + 2 * (tables + grid_entries(data)?)
        }
        // The parts of these elements can be anywhere in the element, so the whole element is copied.
        b"mAB " | b"mBA " => data.len(),
        _ => return None,
    };
    data.get(..length)
}

/// Computes the number of entries in the grid of a lookup table.
fn grid_entries(data: &[u8]) -> Option<usize> {
    let [inputs, outputs, points] = *data.get(8..11)? else { return None };
    usize::from(points).checked_pow(inputs.into())?.checked_mul(outputs.into()).filter(|entries| *entries <= data.len())
}

/// Builds a header (7.2). Only the version, class, color spaces and rendering intent are copied from the source
/// profile.
fn header(icc: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    for range in [8..10, 12..24, 36..40] {
        header[range.clone()].copy_from_slice(&icc[range]);
    }
    header[67] = icc.get(67).map_or(0, |intent| intent & 3);
    header[68..80].copy_from_slice(&D50);
    header
}

/// Builds the required description and copyright, with the element types of this profile version (9.2.41, 9.2.22).
fn texts(version: u8) -> [Vec<u8>; 2] {
    ["RGB", "none"].map(|text| {
        if version >= 4 {
            let length = [u8::try_from(2 * text.len()).unwrap_or(u8::MAX)];
            let text: Vec<u8> = text.bytes().flat_map(|letter| [0, letter]).collect();
            return [b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0cenUS\0\0\0", &length[..], b"\0\0\0\x1c", &text].concat();
        }
        if text == "none" {
            return [b"text\0\0\0\0", text.as_bytes(), b"\0"].concat();
        }
        let length = [u8::try_from(text.len() + 1).unwrap_or(u8::MAX)];
        // The Unicode text and the Macintosh script text are empty.
        [b"desc\0\0\0\0\0\0\0", &length[..], text.as_bytes(), &[0; 1 + 8 + 3 + 67]].concat()
    })
}

/// Builds a profile with this header. Each tag is a name and the index of its element in `elements`.
fn profile(mut header: [u8; HEADER_BYTES], tags: &[([u8; 4], usize)], elements: &[&[u8]]) -> Vec<u8> {
    let mut start = HEADER_BYTES + 4 + 12 * tags.len();
    let places: Vec<_> = elements
        .iter()
        .map(|element| {
            let place = [start, element.len()].map(|number| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
            start += element.len().next_multiple_of(4);
            place
        })
        .collect();
    // The grid of such an element may be at the end of the profile.
    let has_grid = elements.iter().any(|element| element.starts_with(b"mAB ") || element.starts_with(b"mBA "));
    start += if has_grid { BYTES_AFTER_GRID.next_multiple_of(4) } else { 0 };
    header[..4].copy_from_slice(&u32::try_from(start).unwrap_or(u32::MAX).to_be_bytes());
    let mut bytes = header.to_vec();
    bytes.extend(u32::try_from(tags.len()).unwrap_or(u32::MAX).to_be_bytes());
    for (name, element) in tags {
        bytes.extend([*name, places[*element][0], places[*element][1]].as_flattened());
    }
    for element in elements {
        bytes.extend_from_slice(element);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes.resize(start, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use moxcms::{ColorProfile, Layout, TransformOptions};

    use super::*;

    /// Returns the profile with additional secret bytes: in a gap before the elements, in a private tag, in the header
    /// and after the end of the profile.
    fn with_secrets(icc: &[u8]) -> Vec<u8> {
        let count = usize::try_from(number(icc, HEADER_BYTES).unwrap()).unwrap();
        let (table, data) = icc[HEADER_BYTES + 4..].split_at(12 * count);
        let moved = 12 + 8;
        let mut entries = table.as_chunks::<12>().0.to_vec();
        for entry in &mut entries {
            let start = number(entry, 4).unwrap() + moved;
            entry[4..8].copy_from_slice(&start.to_be_bytes());
        }
        let start = u32::try_from(icc.len()).unwrap() + moved;
        let private = [*b"scrt", start.to_be_bytes(), 12_u32.to_be_bytes()];
        let tags = u32::try_from(count + 1).unwrap().to_be_bytes();
        let parts = [&icc[..HEADER_BYTES], &tags, entries.as_flattened(), private.as_flattened(), b"SECRET01", data];
        let mut secret = [&parts.concat()[..], b"textSECRET02", b"SECRET03"].concat();
        // Writes secrets to the fields for the device manufacturer and the profile ID, and the new length to the length
        // field.
        secret[48..56].copy_from_slice(b"SECRET04");
        secret[84..92].copy_from_slice(b"SECRET05");
        let length = u32::try_from(secret.len() - 8).unwrap().to_be_bytes();
        secret[..4].copy_from_slice(&length);
        secret
    }

    fn transformed(icc: &[u8]) -> Vec<u16> {
        let profile = ColorProfile::new_from_slice(icc).unwrap();
        let srgb = ColorProfile::new_srgb();
        let transform = profile.create_transform_16bit(Layout::Rgb, &srgb, Layout::Rgb, TransformOptions::default());
        let levels: Vec<u16> = (0..3000_u16).map(|level| level.wrapping_mul(40_503)).collect();
        let mut result = vec![0; levels.len()];
        transform.unwrap().transform(&levels, &mut result).unwrap();
        result
    }

    #[test]
    fn private_tags_are_removed_and_colors_stay_the_same() {
        for profile in [
            ColorProfile::new_srgb(),
            ColorProfile::new_display_p3(),
            ColorProfile::new_adobe_rgb(),
            ColorProfile::new_bt2020(),
            ColorProfile::new_pro_photo_rgb(),
        ] {
            let icc = profile.encode().unwrap();
            let secret = with_secrets(&icc);
            assert_eq!(transformed(&secret), transformed(&icc));
            let stripped = without_private_tags(&secret).unwrap();
            assert_eq!(transformed(&stripped), transformed(&icc));
            assert!(!stripped.windows(6).any(|window| window == b"SECRET"));
            assert_eq!(without_private_tags(&stripped), Some(stripped));
        }
    }

    #[test]
    fn damaged_profile_is_rejected_or_keeps_its_colors() {
        let icc = ColorProfile::new_srgb().encode().unwrap();
        for end in 0..icc.len() {
            if let Some(stripped) = without_private_tags(&icc[..end]) {
                assert_eq!(transformed(&stripped), transformed(&icc), "cut at {end}");
            }
        }
        let twice =
            [&icc[..HEADER_BYTES], &2_u32.to_be_bytes(), &icc[HEADER_BYTES + 4..][..12].repeat(2), &[0; 900]].concat();
        assert_eq!(without_private_tags(&twice), None);
    }
}

//! Apple's gain maps, as described in "Applying Apple HDR effect to your photos" in Apple's developer documentation.

use avif::{GainMapChannel, GainMapMetadata};
use image::DynamicImage;

use super::tiff_reader::TiffReader;
use super::xmp::{signed_fraction, unsigned_fraction};

/// The identifier at the start of Apple's maker note. Two bytes for the version and two bytes for the byte order
/// follow. The byte order is always `MM`.
const NOTE_PREFIX: &[u8] = b"Apple iOS\0";
const NOTE_BYTE_ORDER: usize = 12;
const NOTE_DIRECTORY: usize = 14;

/// The tag of the Exif IFD, and the tag of the maker note in the Exif IFD (Exif 2.32, 4.6.3 and 4.6.5).
const EXIF_TAG: u64 = 0x8769;
const MAKER_NOTE_TAG: u64 = 0x927c;
/// These two tags of the maker note determine the headroom.
const HDR_HEADROOM_TAG: u64 = 33;
const HDR_GAIN_TAG: u64 = 48;

/// Reads the headroom from the maker note in the Exif of the base image. The headroom is a factor: the brightest parts of the image are so
/// many times brighter than SDR white.
pub(super) fn read_headroom(exif: &[u8]) -> Option<f64> {
    let tiff = TiffReader::new(exif);
    let (_, directory) = tiff.find_entry(tiff.first_directory()?, EXIF_TAG)?;
    let (length, start) = tiff.find_entry(directory, MAKER_NOTE_TAG)?;
    let note = exif.get(start..start.checked_add(length)?)?;
    if !note.starts_with(NOTE_PREFIX) || note.get(NOTE_BYTE_ORDER..NOTE_DIRECTORY)? != b"MM" {
        return None;
    }
    Some(headroom_stops(read_ratio(note, HDR_HEADROOM_TAG)?, read_ratio(note, HDR_GAIN_TAG)?).exp2())
}

/// Reads a signed rational of the maker note.
fn read_ratio(note: &[u8], tag: u64) -> Option<f64> {
    let tiff = TiffReader::big_endian(note);
    let (_, offset) = tiff.find_entry(NOTE_DIRECTORY, tag)?;
    let read_i32 = |at: usize| Some(f64::from(u32::try_from(tiff.read(at, 4)?).ok()?.cast_signed()));
    let ratio = read_i32(offset)? / read_i32(offset.checked_add(4)?)?;
    ratio.is_finite().then_some(ratio)
}

/// Computes the headroom in stops (its base-2 logarithm) from the two values of the maker note.
fn headroom_stops(headroom: f64, gain: f64) -> f64 {
    let stops = match (headroom < 1.0, gain <= 0.01) {
        (true, true) => 1.8 - 20.0 * gain,
        (true, false) => 1.601 - 0.101 * gain,
        (false, true) => 3.0 - 70.0 * gain,
        (false, false) => 2.303 - 0.303 * gain,
    };
    stops.max(0.0)
}

/// Returns the metadata of a gain map whose gains range from 1 to the headroom, or `None` if the headroom is out of
/// range.
pub(super) fn to_metadata(headroom: f64) -> Option<GainMapMetadata> {
    let stops = headroom.log2();
    let (none, one) = ((0, 1), (1, 1));
    let channel = GainMapChannel {
        min: none,
        max: signed_fraction(stops)?,
        gamma: one,
        base_offset: none,
        alternate_offset: none,
    };
    let alternate_headroom = unsigned_fraction(stops)?;
    Some(GainMapMetadata {
        channels: [channel; 3],
        base_headroom: (0, 1),
        alternate_headroom,
        uses_base_color_space: true,
    })
}

/// Converts the levels of Apple's format, which encode linear gains, to logarithmic levels. All other formats have
/// logarithmic levels.
pub(super) fn convert_to_log_levels(map: &mut DynamicImage, headroom: f64) {
    let table: Vec<u8> = (0..=u8::MAX).map(|level| log_level(level, headroom)).collect();
    let levels = match map {
        DynamicImage::ImageLuma8(map) => map.as_mut(),
        DynamicImage::ImageRgb8(map) => map.as_mut(),
        // A decoded gain map has no other pixel types.
        _ => return,
    };
    for level in levels.iter_mut() {
        *level = table[usize::from(*level)];
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the level is clamped to 0..=255")]
fn log_level(level: u8, headroom: f64) -> u8 {
    let gain = 1.0 + (headroom - 1.0) * linear_light(f64::from(level) / 255.0);
    (gain.log2() / headroom.log2() * 255.0).round().clamp(0.0, 255.0) as u8
}

/// Converts a level to linear light: the inverse of ITU-R BT.709, 1.2.
fn linear_light(level: f64) -> f64 {
    if level < 0.081 { level / 4.5 } else { ((level + 0.099) / 1.099).powf(1.0 / 0.45) }
}

#[cfg(test)]
mod tests {
    use image::GrayImage;

    use super::*;

    /// Returns Exif whose maker note contains the two given values. The values are in thousandths.
    fn exif(headroom: i32, gain: i32) -> Vec<u8> {
        let entry = |tag: u16, kind: u16, count: u32, value: u32| {
            [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
        };
        let ratio = |over: i32| [over.to_be_bytes(), 1000_i32.to_be_bytes()].concat();
        let note = [
            b"Apple iOS\0\0\x01MM\0\x02",
            &entry(33, 10, 1, 44)[..],
            &entry(48, 10, 1, 52),
            &[0; 4],
            &ratio(headroom),
            &ratio(gain),
        ]
        .concat();
        assert_eq!(note.len(), 60);
        [
            b"MM\0*\0\0\0\x08\0\x01",
            &entry(0x8769, 4, 1, 26)[..],
            &[0, 0, 0, 0, 0, 1],
            &entry(0x927c, 7, 60, 44),
            &[0; 4],
            &note,
        ]
        .concat()
    }

    #[test]
    fn headroom_is_computed_from_two_maker_note_values() {
        for (first, second, stops) in
            [(500, 0, 1.8), (500, 10, 1.6), (500, 1000, 1.5), (1000, 0, 3.0), (1500, 1000, 2.0), (1000, 9000, 0.0)]
        {
            let headroom = read_headroom(&exif(first, second)).unwrap();
            assert!((headroom.log2() - stops).abs() < 1e-9, "{first} {second}: {}", headroom.log2());
        }
    }

    #[test]
    fn truncated_or_foreign_maker_note_has_no_headroom() {
        let whole = exif(1000, 0);
        for end in 0..whole.len() {
            assert_eq!(read_headroom(&whole[..end]), None, "{end}");
        }
        let at = whole.windows(5).position(|window| window == b"Apple").unwrap();
        let mut other = whole.clone();
        other[at] = b'a';
        assert_eq!(read_headroom(&other), None);
        // A denominator of 0 is invalid.
        let mut zero = whole.clone();
        let at = whole.windows(4).rposition(|window| window == 1000_i32.to_be_bytes()).unwrap();
        zero[at..at + 4].fill(0);
        assert_eq!(read_headroom(&zero), None);
    }

    #[test]
    fn linear_gains_become_logarithmic_levels() {
        let mut map = DynamicImage::from(GrayImage::from_raw(4, 1, vec![0, 64, 128, 255]).unwrap());
        convert_to_log_levels(&mut map, 4.0);
        // Level 128 is 0.2615 in linear light (BT.709). With a headroom of 4, its gain is 1.784, which is 0.8355 stops.
        // The headroom is 2 stops, so the logarithmic level is 0.8355 / 2 * 255, rounded to 107.
        assert_eq!(map.into_luma8().into_raw(), [0, 39, 107, 255]);
    }
}

//! Apple's gain maps, as "Applying Apple HDR effect to your photos" in its developers' documentation has them.

use avif::{GainMapChannel, GainMapMetadata};
use image::DynamicImage;

use super::numbers::Numbers;
use super::xmp::{signed, unsigned};
use crate::segments::{APP1, segments};

/// How a note of Apple's begins; two bytes of version and its byte order follow, which is always this one.
const NOTE: &[u8] = b"Apple iOS\0";
const ORDER: usize = 12;
const DIRECTORY: usize = 14;

/// Exif's own directory, and the maker's note in it (Exif 2.32, 4.6.3 and 4.6.5).
const EXIF: u64 = 0x8769;
const MAKER_NOTE: u64 = 0x927c;
/// The two numbers of the note that the headroom is made of.
const HDR_HEADROOM: u64 = 33;
const HDR_GAIN: u64 = 48;

/// How many times brighter than white a JPEG's brightest parts are, from its maker's note.
pub(super) fn headroom(jpeg: &[u8]) -> Option<f64> {
    let exif = segments(jpeg).find_map(|segment| segment.of(APP1, b"Exif\0\0"))?;
    let numbers = Numbers::of(exif);
    let (_, directory) = numbers.entry(numbers.first_directory()?, EXIF)?;
    let (length, start) = numbers.entry(directory, MAKER_NOTE)?;
    let note = exif.get(start..start.checked_add(length)?)?;
    if !note.starts_with(NOTE) || note.get(ORDER..DIRECTORY)? != b"MM" {
        return None;
    }
    Some(stops(ratio(note, HDR_HEADROOM)?, ratio(note, HDR_GAIN)?).exp2())
}

/// A signed ratio of the note.
fn ratio(note: &[u8], tag: u64) -> Option<f64> {
    let numbers = Numbers::big_endian(note);
    let (_, place) = numbers.entry(DIRECTORY, tag)?;
    let signed = |at: usize| Some(f64::from(u32::try_from(numbers.at(at, 4)?).ok()?.cast_signed()));
    let ratio = signed(place)? / signed(place.checked_add(4)?)?;
    ratio.is_finite().then_some(ratio)
}

/// The headroom's logarithm.
fn stops(headroom: f64, gain: f64) -> f64 {
    let stops = match (headroom < 1.0, gain <= 0.01) {
        (true, true) => 1.8 - 20.0 * gain,
        (true, false) => 1.601 - 0.101 * gain,
        (false, true) => 3.0 - 70.0 * gain,
        (false, false) => 2.303 - 0.303 * gain,
    };
    stops.max(0.0)
}

/// Gains from none to the whole headroom.
pub(super) fn gain(headroom: f64) -> Option<GainMapMetadata> {
    let stops = headroom.log2();
    let (none, one) = ((0, 1), (1, 1));
    let channel =
        GainMapChannel { min: none, max: signed(stops)?, gamma: one, base_offset: none, alternate_offset: none };
    let alternate_headroom = unsigned(stops)?;
    Some(GainMapMetadata {
        channels: [channel; 3],
        base_headroom: (0, 1),
        alternate_headroom,
        uses_base_color_space: true,
    })
}

/// Makes levels that stand for the logarithm of gains, as everybody else's do, of Apple's, which stand for light.
pub(super) fn to_stops(map: &mut DynamicImage, headroom: f64) {
    let table: Vec<u8> = (0..=u8::MAX).map(|level| level_of_stops(level, headroom)).collect();
    let levels = match map {
        DynamicImage::ImageLuma8(map) => map.as_mut(),
        DynamicImage::ImageRgb8(map) => map.as_mut(),
        // A JPEG has no others.
        _ => return,
    };
    for level in levels.iter_mut() {
        *level = table[usize::from(*level)];
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 255")]
fn level_of_stops(level: u8, headroom: f64) -> u8 {
    let gain = 1.0 + (headroom - 1.0) * light(f64::from(level) / 255.0);
    (gain.log2() / headroom.log2() * 255.0).round().clamp(0.0, 255.0) as u8
}

/// The light of a level (ITU-R BT.709, 1.2, the other way round).
fn light(level: f64) -> f64 {
    if level < 0.081 { level / 4.5 } else { ((level + 0.099) / 1.099).powf(1.0 / 0.45) }
}

#[cfg(test)]
mod tests {
    use image::GrayImage;

    use super::*;

    /// A JPEG's beginning, with those two numbers, in thousandths, in its maker's note.
    fn jpeg(headroom: i32, gain: i32) -> Vec<u8> {
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
        let exif = [
            b"Exif\0\0MM\0*\0\0\0\x08\0\x01",
            &entry(0x8769, 4, 1, 26)[..],
            &[0, 0, 0, 0, 0, 1],
            &entry(0x927c, 7, 60, 44),
            &[0; 4],
            &note,
        ]
        .concat();
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        [b"\xff\xd8\xff\xe1", &length[..], &exif, b"\xff\xda\0\x02"].concat()
    }

    #[test]
    fn the_headroom_is_told_by_two_numbers_of_the_makers_note() {
        for (first, second, stops) in
            [(500, 0, 1.8), (500, 10, 1.6), (500, 1000, 1.5), (1000, 0, 3.0), (1500, 1000, 2.0), (1000, 9000, 0.0)]
        {
            let told = headroom(&jpeg(first, second)).unwrap();
            assert!((told.log2() - stops).abs() < 1e-9, "{first} {second}: {}", told.log2());
        }
    }

    #[test]
    fn a_note_that_is_cut_or_another_makers_tells_nothing() {
        let whole = jpeg(1000, 0);
        for end in 0..whole.len() - 4 {
            assert_eq!(headroom(&whole[..end]), None, "{end}");
        }
        let at = whole.windows(5).position(|window| window == b"Apple").unwrap();
        let mut other = whole.clone();
        other[at] = b'a';
        assert_eq!(headroom(&other), None);
        // A ratio of nothing.
        let mut nothing = whole.clone();
        let at = whole.windows(4).rposition(|window| window == 1000_i32.to_be_bytes()).unwrap();
        nothing[at..at + 4].fill(0);
        assert_eq!(headroom(&nothing), None);
    }

    #[test]
    fn gains_are_what_the_light_of_the_levels_makes_of_the_headroom() {
        let mut map = DynamicImage::from(GrayImage::from_raw(4, 1, vec![0, 64, 128, 255]).unwrap());
        to_stops(&mut map, 4.0);
        // Of 4 times the light: level 128 is .2615 of it (BT.709), which is a gain of 1.784, .8355 of two stops.
        assert_eq!(map.into_luma8().into_raw(), [0, 39, 107, 255]);
    }
}

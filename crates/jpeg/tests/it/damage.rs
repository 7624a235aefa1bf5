//! Tests which defects are damage.

use jpeg::{Damage, Intact, Output};

use super::fixtures::{DHT, EOI, Part, SOS, bytes, decode, join, parts, photo_jpeg, pixels, positions, segment};

/// Multiples of 16, because jpeg-encoder writes too many blocks in scans of single components for other sizes.
const SIZE: (usize, usize) = (48, 32);

fn damage(jpeg: &[u8]) -> Option<Damage> {
    decode(jpeg, Output::Pixels).unwrap().damage
}

#[track_caller]
fn assert_damage(jpeg: &[u8], message: &str, intact: Intact) {
    assert_eq!(damage(jpeg), Some(Damage { message: message.into(), intact }));
}

fn baseline() -> Vec<Part> {
    parts(&photo_jpeg(SIZE, |_| {}))
}

fn with_restarts() -> Vec<Part> {
    parts(&photo_jpeg(SIZE, |encoder| encoder.set_restart_interval(2)))
}

fn progressive() -> Vec<Part> {
    parts(&photo_jpeg(SIZE, |encoder| encoder.set_progressive(true)))
}

fn single_scans() -> Vec<Part> {
    parts(&photo_jpeg(SIZE, |encoder| encoder.set_optimized_huffman_tables(true)))
}

/// Inserts stray bytes before each of the parts, except before the first.
fn with_stray_bytes(parts: &[Part]) -> Vec<u8> {
    let stray: &[u8] = b"stray\xff\0";
    let (first, others) = parts.split_first().unwrap();
    let others = others.iter().flat_map(|part| [stray, &part.segment, &part.data].concat());
    first.segment.iter().copied().chain(others).collect()
}

#[test]
fn stray_bytes_are_harmless() {
    for parts in [baseline(), with_restarts(), progressive(), single_scans()] {
        assert_eq!(pixels(&with_stray_bytes(&parts)), pixels(&join(&parts)));
    }
}

#[test]
fn stray_bytes_do_not_hide_a_truncation() {
    for parts in [baseline(), with_restarts(), progressive(), single_scans()] {
        let last_scan = *positions(&parts, SOS).last().unwrap();
        let jpeg = with_stray_bytes(&parts[..=last_scan]);
        assert_eq!(pixels(&jpeg), pixels(&join(&parts)));
        assert!(damage(&jpeg[..jpeg.len() - 10]).is_some());
    }
}

#[test]
fn bytes_after_the_image_are_ignored() {
    for parts in [baseline(), progressive(), single_scans()] {
        let jpeg = join(&parts);
        assert_eq!(pixels(&[&jpeg[..], &jpeg].concat()), pixels(&jpeg));
        // DHP is not supported. The image is complete before this marker.
        let without_end = &jpeg[..jpeg.len() - 2];
        assert_eq!(pixels(&[without_end, b"\xff\xde\0\x02"].concat()), pixels(&jpeg));
        assert_eq!(pixels(&[without_end, b"\xff\xe1\x7f\xffabc"].concat()), pixels(&jpeg));
    }
}

#[test]
fn metadata_is_skipped_even_if_it_contains_a_jpeg() {
    let thumbnail = photo_jpeg((16, 16), |_| {});
    let long_comment = segment(0xfe, &b"\xff\xd9".repeat(32_766));
    for mut parts in [baseline(), progressive()] {
        let expected = pixels(&join(&parts));
        let last_scan = *positions(&parts, SOS).last().unwrap();
        parts.insert(last_scan, long_comment.clone());
        parts.insert(1, segment(0xe1, &thumbnail));
        assert_eq!(pixels(&join(&parts)), expected);
    }
}

#[test]
fn invalid_huffman_code_is_damage() {
    let mut parts = baseline();
    let scan = positions(&parts, SOS)[0];
    // 16 bits of 1 are no code in any table (ITU-T T.81, annex C).
    let at = parts[scan].data.len() / 2;
    parts[scan].data.splice(at..at, *b"\xff\0\xff\0\xff\0\xff\0\xff\0\xff\0");
    assert_damage(&join(&parts), "Corrupt JPEG data: bad Huffman code", Intact::Rows(16));
}

#[test]
fn missing_restart_marker_is_damage() {
    let mut parts = with_restarts();
    let scan = positions(&parts, SOS)[0];
    let data = &mut parts[scan].data;
    let marker = data.windows(2).position(|pair| pair == b"\xff\xd0").unwrap();
    data.drain(marker..marker + 2);
    let damage = damage(&join(&parts)).unwrap();
    assert_eq!(damage.message, "Corrupt JPEG data: found marker 0xd1 instead of RST0");
}

#[test]
fn invalid_segment_between_scans_keeps_the_scans_before_it() {
    for (parts, scan) in [(progressive(), 3), (single_scans(), 2)] {
        let position = positions(&parts, SOS)[scan];
        let scans = Intact::Scans(u32::try_from(scan).unwrap());
        let cut = |segment: &[u8]| [&join(&parts[..position]), segment, &join(&parts[position..])].concat();
        assert_damage(&cut(b"\xff\xde\0\x02"), "Unsupported marker type 0xde", scans);
        assert_damage(&cut(b"\xff\xc4\0\x03\0"), "Bogus marker length", scans);
        // The scan refers to a Huffman table that does not exist.
        let mut without_table = parts.clone();
        without_table[position].segment[6] = 0x33;
        assert_damage(&join(&without_table), "Huffman table 0x03 was not defined", scans);
        let damaged = bytes(decode(&cut(b"\xff\xde\0\x02"), Output::Pixels).unwrap());
        let truncated = bytes(decode(&join(&parts[..position]), Output::Pixels).unwrap());
        assert!(damaged == truncated && damaged != pixels(&join(&parts)));
    }
}

#[test]
fn component_without_a_scan_is_damage() {
    let mut parts = single_scans();
    parts.remove(positions(&parts, SOS)[2]);
    assert_damage(&join(&parts), "a component has no scan", Intact::Scans(2));
    parts.retain(|part| part.marker != EOI);
    assert_damage(&join(&parts), "Premature end of JPEG file", Intact::Scans(2));
}

/// Returns the positions of a progressive file's scans, with their parameters Ss and Ah (ITU-T T.81, B.2.3).
fn scan_parameters(parts: &[Part]) -> Vec<(usize, u8, u8)> {
    let parameters = |at: &usize| {
        let segment = &parts[*at].segment;
        (*at, segment[segment.len() - 3], segment[segment.len() - 1] >> 4)
    };
    positions(parts, SOS).iter().map(parameters).collect()
}

#[test]
fn progressive_file_without_its_last_scans_is_complete_if_it_ends_with_the_marker() {
    let mut parts = progressive();
    parts.remove(*positions(&parts, SOS).last().unwrap());
    assert_eq!(damage(&join(&parts)), None);
    parts.pop();
    let message = "Premature end of JPEG file";
    let scans = u32::try_from(positions(&parts, SOS).len()).unwrap();
    assert_damage(&join(&parts), message, Intact::Scans(scans));
}

#[test]
fn progressive_file_without_dc_coefficients_is_complete_if_it_ends_with_the_marker() {
    let mut parts = progressive();
    let first_ac = scan_parameters(&parts).into_iter().position(|(_, start, _)| start != 0).unwrap();
    let dc_scans: Vec<_> = positions(&parts, SOS)[..first_ac].to_vec();
    for position in dc_scans.into_iter().rev() {
        parts.remove(position);
    }
    assert_eq!(damage(&join(&parts)), None);
}

#[test]
fn refinement_of_missing_bits_is_damage() {
    use turbojpeg::{PixelFormat, Subsamp};
    let jpeg = super::fixtures::turbo_jpeg(SIZE, PixelFormat::RGB, Subsamp::Sub2x2, |compressor| {
        compressor.set_progressive(true)
    });
    let whole = parts(&jpeg);
    // A scan that sends the high bits of coefficients is missing.
    let first = scan_parameters(&whole).into_iter().find(|(_, start, high)| *start != 0 && *high == 0).unwrap().0;
    let refined = scan_parameters(&whole).into_iter().find(|(_, start, high)| *start != 0 && *high == 2).unwrap().0;
    for missing in [first, refined] {
        let mut parts = whole.clone();
        parts.remove(missing);
        let message = damage(&join(&parts)).map(|damage| damage.message).unwrap_or_default();
        assert!(message.starts_with("Inconsistent progression sequence for component"), "{missing}: {message}");
    }
    // A scan that is sent twice changes nothing.
    let mut parts = whole.clone();
    parts.insert(first, whole[first].clone());
    if whole[first - 1].marker == DHT {
        parts.insert(first, whole[first - 1].clone());
    }
    assert_eq!(pixels(&join(&parts)), pixels(&jpeg));
}

//! Tests which ICC profiles are copied. Chromium shows no part of an AVIF with a profile that it cannot read.

use image::{DynamicImage, ImageFormat};
use model::{Metadata, Recipe};

use crate::animation_fixtures::{Frame, FrameDisposal, apng};
use crate::avif_tools::{MAX_CODING_DISTANCE, avifdec, avifenc_in, convert_file, convert_to_avif, distance, recipe};
use crate::fixtures::{EmbeddedMetadata, encode_with_metadata, gradient_image, iccp_chunk, with_png_chunks};
use crate::icc::{self, DISPLAY_P3, tag_entry};

const DAMAGED_NOTE: &str = "the ICC profile is damaged; the image was treated as sRGB";

fn image() -> DynamicImage {
    gradient_image(96, 64).into()
}

fn file(format: ImageFormat, icc: &[u8]) -> Vec<u8> {
    encode_with_metadata(&image(), format, EmbeddedMetadata { icc: Some(icc), ..EmbeddedMetadata::default() })
}

fn profile() -> Vec<u8> {
    icc::rgb(DISPLAY_P3, 2.2)
}

/// Returns the profile with other bytes at this offset.
fn with_bytes(mut icc: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    icc[at..at + bytes.len()].copy_from_slice(bytes);
    icc
}

/// Returns the profile with another name of this tag, so that the tag is missing.
fn without_tag(name: [u8; 4]) -> Vec<u8> {
    with_bytes(profile(), tag_entry(&profile(), name), b"zzzz")
}

/// Returns a parametric curve with these parameters (ICC.1:2022, 10.18).
fn parametric(kind: u8, parameters: &[f64]) -> Vec<u8> {
    let numbers: Vec<u8> = parameters.iter().flat_map(|number| icc::fixed(*number)).collect();
    [&[b'p', b'a', b'r', b'a', 0, 0, 0, 0, 0, kind, 0, 0], &numbers[..]].concat()
}

/// Returns a curve with this number of entries, on a straight line.
fn table(entries: u16) -> Vec<u8> {
    let values =
        (0..entries).flat_map(|at| (u32::from(at) * 65_535 / u32::from(entries - 1)).to_be_bytes()[2..].to_vec());
    [b"curv\0\0\0\0\0\0".to_vec(), entries.to_be_bytes().to_vec(), values.collect()].concat()
}

/// Returns a damaged profile of each kind, with the kind.
fn unusable_profiles() -> Vec<(&'static str, Vec<u8>)> {
    let icc = profile();
    let length = u32::try_from(icc.len()).unwrap();
    let cut = |bytes: usize| icc[..icc.len() - bytes].to_vec();
    let with_curves = |curve: &[u8]| icc::rgb_with_curves(DISPLAY_P3, curve);
    let lut = icc::rgb_lut(icc::LutKind::Table16, 5);
    let grid = icc::rgb_lut(icc::LutKind::MultiStage, 5);
    let lut_at = |icc: &[u8], offset: usize| {
        let entry = tag_entry(icc, *b"A2B0") + 4;
        u32::from_be_bytes(icc[entry..entry + 4].try_into().unwrap()) as usize + offset
    };
    let red_column = u32::from_be_bytes(icc[tag_entry(&icc, *b"rXYZ") + 4..][..4].try_into().unwrap()) as usize;
    vec![
        ("header only", icc[..128].to_vec()),
        ("one byte too short", cut(1)),
        ("half of the profile", cut(icc.len() / 2)),
        ("length field too large", with_bytes(icc.clone(), 0, &(length + 4).to_be_bytes())),
        ("length field too small", with_bytes(icc.clone(), 0, &(length - 8).to_be_bytes())),
        ("length field zero", with_bytes(icc.clone(), 0, &[0; 4])),
        ("version 5", with_bytes(icc.clone(), 8, &[5])),
        ("device link", with_bytes(icc.clone(), 12, b"link")),
        ("unknown class", with_bytes(icc.clone(), 12, &[0; 4])),
        ("unknown connection space", with_bytes(icc.clone(), 20, &[0; 4])),
        ("other signature", with_bytes(icc.clone(), 36, b"xxxx")),
        ("illuminant D65", with_bytes(icc.clone(), 68, &[0.9505, 1.0, 1.0891].map(icc::fixed).concat())),
        ("no tags", with_bytes(icc.clone(), 128, &[0; 4])),
        ("more tags than the table", with_bytes(icc.clone(), 128, &4000_u32.to_be_bytes())),
        ("101 tags", (0..92).fold(icc.clone(), |icc, at| icc::with_tag(&icc, [b'z', b'z', b'0', at], b"text\0\0\0\0"))),
        ("tag twice", icc::with_tag(&icc, *b"rXYZ", &icc[red_column..][..20])),
        ("private tag outside", {
            let icc = icc::with_tag(&icc, *b"zzzz", b"text\0\0\0\0");
            with_bytes(icc.clone(), tag_entry(&icc, *b"zzzz") + 4, &60_000_u32.to_be_bytes())
        }),
        ("no red curve", without_tag(*b"rTRC")),
        ("no blue column", without_tag(*b"bXYZ")),
        ("red column of another type", with_bytes(icc.clone(), red_column, b"text")),
        ("no red light", with_bytes(icc.clone(), red_column + 8, &[0; 12])),
        ("curve of another type", with_curves(b"abcd\0\0\0\0\0\0\0\0")),
        ("exponent zero", with_curves(b"curv\0\0\0\0\0\0\0\x01\0\0\0\0")),
        ("curve longer than its tag", with_curves(b"curv\0\0\0\0\0\0\x01\0\0\0\0\0")),
        ("curve of 40,000 entries", with_curves(&table(40_000))),
        ("parametric curve of kind 9", with_curves(&parametric(9, &[2.2; 7]))),
        ("negative exponent", with_curves(&parametric(0, &[-2.2]))),
        ("power of a negative number", with_curves(&parametric(3, &[2.4, 0.95, -0.9, 0.08, 0.04]))),
        ("division by zero", with_curves(&parametric(1, &[2.4, 0.0, 0.5]))),
        ("short code points", icc::with_tag(&icc, *b"cicp", b"cicp\0\0\0\0")),
        ("short adaptation", icc::with_tag(&icc, *b"chad", b"sf32\0\0\0\0\0\0\0\0")),
        ("damaged output table", icc::with_tag(&icc, *b"B2A0", b"mft2\0\0\0\0\x03\x03\x02\0")),
        ("damaged chain", icc::with_tag(&icc, *b"D2B0", b"mpet\0\0\0\0\0\x03\0\x03\0\0\0\x09")),
        ("damaged tone mapping", icc::with_tag(&icc, *b"HAGC", b"hagc\0\0\0\0\0\0\0\x09")),
        ("gray curve of an RGB profile", icc::with_tag(&icc, *b"kTRC", b"curv\0\0\0\0\0\0\0\0")),
        ("grid of one point", with_bytes(lut.clone(), lut_at(&lut, 10), &[1])),
        ("four inputs", with_bytes(lut.clone(), lut_at(&lut, 8), &[4])),
        ("one entry of input tables", with_bytes(lut.clone(), lut_at(&lut, 48), &[0, 1])),
        ("grid larger than its tag", with_bytes(lut.clone(), lut_at(&lut, 10), &[6])),
        ("stages without curves", with_bytes(grid.clone(), lut_at(&grid, 12), &[0; 4])),
        ("grid without curves", with_bytes(grid.clone(), lut_at(&grid, 28), &[0; 4])),
        ("matrix without curves", with_bytes(grid.clone(), lut_at(&grid, 16), &[0, 0, 0, 32])),
        ("grid of 3 bytes per entry", with_bytes(grid.clone(), lut_at(&grid, 32 + 6 * 12 + 16), &[3])),
        ("grid at the end of the file", icc::rgb_lut(icc::LutKind::MultiStageAtEnd, 5)),
    ]
}

/// Returns an undamaged profile of each kind, with the kind.
fn usable_profiles() -> Vec<(&'static str, Vec<u8>)> {
    let icc = profile();
    vec![
        ("version 2", icc.clone()),
        ("version 4", with_bytes(icc.clone(), 8, &[4, 0x30])),
        ("scanner", with_bytes(icc.clone(), 12, b"scnr")),
        ("printer", with_bytes(icc.clone(), 12, b"prtr")),
        ("color space", with_bytes(icc.clone(), 12, b"spac")),
        ("straight curves", icc::rgb_with_curves(DISPLAY_P3, b"curv\0\0\0\0\0\0\0\0")),
        ("curves of 4,096 entries", icc::rgb_with_curves(DISPLAY_P3, &table(4096))),
        ("parametric curves", icc::rgb_with_curves(DISPLAY_P3, &parametric(3, &icc::SRGB_CURVE))),
        ("lookup table of 8 bits", icc::rgb_lut(icc::LutKind::Table8, 5)),
        ("lookup table of 16 bits", icc::rgb_lut(icc::LutKind::Table16, 5)),
        ("multi-stage lookup table", icc::rgb_lut(icc::LutKind::MultiStage, 5)),
    ]
}

#[test]
fn unusable_profile_of_every_kind_is_omitted_and_reported() {
    for metadata in [Metadata::Strip, Metadata::Keep] {
        let recipe = Recipe { metadata, ..recipe() };
        for (kind, icc) in unusable_profiles() {
            let conversion = convert_file(&file(ImageFormat::Png, &icc), &recipe).unwrap();
            assert_eq!(conversion.notes, [DAMAGED_NOTE], "{kind}, {metadata:?}");
            let decoded = avifdec(&conversion.variants[0].bytes);
            assert!(decoded.icc.is_none() && distance(&decoded.image, &image()) < MAX_CODING_DISTANCE, "{kind}");
        }
    }
}

#[test]
fn usable_profile_of_every_kind_is_copied() {
    for metadata in [Metadata::Strip, Metadata::Keep] {
        let recipe = Recipe { metadata, ..recipe() };
        for (kind, icc) in usable_profiles() {
            let conversion = convert_file(&file(ImageFormat::Png, &icc), &recipe).unwrap();
            assert!(conversion.notes.is_empty(), "{kind}: {:?}", conversion.notes);
            let copied = avifdec(&conversion.variants[0].bytes).icc;
            assert!(copied.is_some(), "{kind}, {metadata:?}");
            if metadata == Metadata::Keep {
                assert_eq!(copied, Some(icc), "{kind}");
            }
        }
    }
}

#[test]
fn bytes_after_a_profile_do_not_make_it_unusable() {
    let icc = [profile(), vec![0; 100]].concat();
    let conversion = convert_file(&file(ImageFormat::Png, &icc), &recipe()).unwrap();
    assert_eq!(avifdec(&conversion.variants[0].bytes).icc, Some(profile()));
}

#[test]
fn unusable_profile_of_every_format_is_omitted() {
    let icc = with_bytes(profile(), 8, &[5]);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        let conversion = convert_file(&file(format, &icc), &recipe()).unwrap();
        assert_eq!(conversion.notes, [DAMAGED_NOTE], "{format:?}");
        assert_eq!(avifdec(&conversion.variants[0].bytes).icc, None, "{format:?}");
    }
}

#[test]
fn unusable_profile_of_a_gray_image_is_omitted() {
    let gray = DynamicImage::from(image().to_luma8());
    let length = u32::try_from(icc::gray(1.0).len()).unwrap();
    for icc in [
        with_bytes(icc::gray(1.0), 0, &(length + 4).to_be_bytes()),
        icc::with_tag(&icc::gray(1.0), *b"cicp", b"cicp\0\0\0\0"),
    ] {
        let extras = EmbeddedMetadata { icc: Some(&icc), ..EmbeddedMetadata::default() };
        let conversion = convert_file(&encode_with_metadata(&gray, ImageFormat::Png, extras), &recipe()).unwrap();
        assert_eq!(conversion.notes, [DAMAGED_NOTE]);
        let decoded = avifdec(&conversion.variants[0].bytes).image;
        assert!(distance(&decoded, &gray) < MAX_CODING_DISTANCE, "the levels must stay the same");
    }
}

#[test]
fn unusable_profile_of_an_animation_is_omitted() {
    let frame = |pixels: DynamicImage| Frame {
        left: 0,
        top: 0,
        pixels: pixels.to_rgba8(),
        milliseconds: 100,
        is_blended: false,
        disposal: FrameDisposal::Keep,
    };
    let plain = apng((96, 64), &[frame(image()), frame(image().rotate180())], 0, None);
    for (icc, copied) in [(profile(), Some(profile())), (with_bytes(profile(), 8, &[5]), None)] {
        let animation = with_png_chunks(&plain, &[(b"iCCP", &iccp_chunk(&icc))]);
        assert_eq!(avifdec(&convert_to_avif(&animation, &recipe())).icc, copied);
    }
}

#[test]
fn unusable_profile_of_a_copied_avif_is_removed_with_the_metadata() {
    let folder = tempfile::tempdir().unwrap();
    image().save(folder.path().join("a.png")).unwrap();
    for (icc, copied) in [(profile(), Some(profile())), (with_bytes(profile(), 8, &[5]), None)] {
        std::fs::write(folder.path().join("icc"), &icc).unwrap();
        let source = avifenc_in(folder.path(), &["--icc", "icc", "a.png"]);
        let conversion = convert_file(&source, &recipe()).unwrap();
        let note = "the ICC profile is damaged and was omitted";
        assert_eq!(conversion.notes.iter().any(|other| other == note), copied.is_none(), "{:?}", conversion.notes);
        assert_eq!(avifdec(&conversion.variants[0].bytes).icc, copied);
    }
}

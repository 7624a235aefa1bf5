//! Tests AVIF sources that libavif's `avifenc` wrote.

use convert::Error;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, Rgb, Rgba, RgbaImage};
use model::{Limits, Metadata, Recipe};

use crate::avif_boxes::{Boxes, Item, build_box};
use crate::avif_tools::{
    MAX_CODING_DISTANCE, avifdec, avifdec_info, avifenc, avifenc_in, convert_file, distance, recipe,
};
use crate::fixtures::{exif_with_orientation, gradient_image};

fn widths(text: &str) -> Recipe {
    Recipe { sizes: text.parse().unwrap(), ..recipe() }
}

fn color(width: u32, height: u32) -> DynamicImage {
    gradient_image(width, height).into()
}

fn resize(image: &DynamicImage, width: u32, height: u32) -> DynamicImage {
    image.resize_exact(width, height, image::imageops::Lanczos3)
}

#[test]
fn variant_of_the_original_width_is_copied_and_narrower_variants_are_encoded() {
    let image = color(200, 100);
    let source = avifenc(&image, &[]);
    let conversion = convert_file(&source, &widths("full,4000,80")).unwrap();
    let [full, wider, narrow] = &conversion.variants[..] else { unreachable!("the recipe has three widths") };
    assert_same_image(&full.bytes, &source);
    assert_eq!(full.bytes, wider.bytes);
    assert_eq!([full.is_source, wider.is_source, narrow.is_source], [true, true, false]);
    assert_eq!((full.width, full.height, narrow.width, narrow.height), (200, 100, 80, 40));
    assert!(distance(&avifdec(&narrow.bytes).image, &resize(&image, 80, 40)) < MAX_CODING_DISTANCE);
    assert_eq!(conversion.notes, ["the source is already AVIF: copied without re-encoding, metadata removed"]);
    assert!(convert_file(&source, &widths("80")).unwrap().notes.is_empty());
    // If the copied file is converted again, its bytes do not change.
    assert_eq!(convert_file(&full.bytes, &recipe()).unwrap().variants[0].bytes, full.bytes);
}

/// Checks that two AVIFs decode to the same pixels and differ only in their metadata.
fn assert_same_image(a: &[u8], b: &[u8]) {
    let describe = |avif: &[u8]| {
        let info = avifdec_info(avif);
        let lines = info
            .lines()
            .filter(|line| !["File", "Image", " * ICC", " * Exif", " * XMP"].iter().any(|name| line.starts_with(name)));
        lines.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(describe(a), describe(b));
    assert!(avifdec(a).image == avifdec(b).image, "the pixels differ");
}

#[test]
fn copied_source_has_metadata_only_if_the_recipe_keeps_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let xmp = format!("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">{}SecretGarden 18</x:xmpmeta>", " ".repeat(50));
    std::fs::write(folder.path().join("exif"), exif_with_orientation(1)).unwrap();
    std::fs::write(folder.path().join("xmp"), xmp).unwrap();
    color(192, 128).save(folder.path().join("a.png")).unwrap();
    let source = avifenc_in(folder.path(), &["--exif", "exif", "--xmp", "xmp", "a.png"]);
    let count_secrets = |file: &[u8]| file.windows(12).filter(|window| *window == b"SecretGarden").count();
    assert_eq!(count_secrets(&source), 2);

    let conversion = convert_file(&source, &recipe()).unwrap();
    let stripped = &conversion.variants[0].bytes;
    assert_eq!(count_secrets(stripped), 0);
    assert_eq!(conversion.notes, ["the source is already AVIF: copied without re-encoding, metadata removed"]);
    assert_same_image(stripped, &source);

    let copied = convert_file(&source, &Recipe { metadata: Metadata::Keep, ..recipe() }).unwrap();
    assert_eq!(*copied.variants[0].bytes, source[..]);
    assert_eq!(copied.notes, ["the source is already AVIF: copied without re-encoding"]);
    let described = convert::describe(&source, &Limits::default()).unwrap();
    assert_eq!((count_secrets(&described.exif.unwrap()), count_secrets(&described.xmp.unwrap())), (1, 1));
    let narrow = convert_file(&source, &Recipe { metadata: Metadata::Keep, ..widths("96") }).unwrap();
    assert_eq!(count_secrets(&narrow.variants[0].bytes), 2);
}

#[test]
fn narrower_variants_are_upright_and_cropped() {
    let image = color(192, 128);
    for turns in 0..4_u8 {
        for mirror in [None, Some("0"), Some("1")] {
            let angle = turns.to_string();
            let mut arguments = vec!["--irot", &angle];
            arguments.extend(mirror.map(|axis| ["--imir", axis]).iter().flatten());
            let source = avifenc(&image, &arguments);
            let mut expected = image.clone();
            for _ in 0..turns {
                expected.apply_orientation(Orientation::Rotate270);
            }
            match mirror {
                Some("0") => expected.apply_orientation(Orientation::FlipVertical),
                Some(_) => expected.apply_orientation(Orientation::FlipHorizontal),
                None => {}
            }
            let (width, height) = (expected.width() / 2, expected.height() / 2);
            let conversion = convert_file(&source, &widths(&format!("full,{width}"))).unwrap();
            let [full, narrow] = &conversion.variants[..] else { unreachable!("the recipe has two widths") };
            assert_eq!((full.width, full.height), expected.dimensions(), "{turns} {mirror:?}");
            assert_same_image(&full.bytes, &source);
            let off = distance(&avifdec(&narrow.bytes).image, &resize(&expected, width, height));
            assert!(off < MAX_CODING_DISTANCE, "{turns} {mirror:?}: off by {off}");
        }
    }
    let source = avifenc(&image, &["--crop", "20,40,100,80", "--irot", "1"]);
    let conversion = convert_file(&source, &widths("full,40")).unwrap();
    assert_eq!((conversion.variants[0].width, conversion.variants[0].height), (80, 100));
    let expected = resize(&image.crop_imm(20, 40, 100, 80).rotate270(), 40, 50);
    assert!(distance(&avifdec(&conversion.variants[1].bytes).image, &expected) < MAX_CODING_DISTANCE);
}

#[test]
fn source_with_every_combination_of_depth_chroma_and_alpha_is_converted() {
    let alpha = |x: u32| u8::try_from((x * 4).min(255)).unwrap();
    let transparent = RgbaImage::from_fn(192, 128, |x, y| {
        let Rgb([r, g, b]) = *gradient_image(192, 128).get_pixel(x, y);
        Rgba([r, g, b, alpha(x)])
    });
    for depth in ["8", "10", "12"] {
        for chroma in ["400", "420", "422", "444"] {
            for alpha in [false, true] {
                let image = if alpha { transparent.clone().into() } else { color(192, 128) };
                let image = match (chroma, alpha) {
                    ("400", false) => image.to_luma8().into(),
                    ("400", true) => image.to_luma_alpha8().into(),
                    _ => image,
                };
                let source = avifenc(&image, &["--depth", depth, "--yuv", chroma, "--range", "limited"]);
                let conversion = convert_file(&source, &widths("full,96")).unwrap();
                assert_same_image(&conversion.variants[0].bytes, &source);
                let narrow = &conversion.variants[1].bytes;
                // The encoder may encode an 8-bit source with 10 bits, so this check ignores sources with 8 bits.
                assert!(
                    depth == "8" || avifdec_info(narrow).contains("Bit Depth      : 10"),
                    "{}",
                    avifdec_info(narrow)
                );
                assert_eq!(avifdec_info(narrow).contains("Format         : YUV400"), chroma == "400");
                let decoded = avifdec(narrow).image;
                assert_eq!(decoded.color().has_alpha(), alpha, "{depth} bits, {chroma}");
                let off = distance(&decoded, &resize(&image, 96, 64));
                assert!(off < MAX_CODING_DISTANCE, "{depth} bits, {chroma}, alpha {alpha}: off by {off}");
            }
        }
    }
}

#[test]
fn premultiplied_avif_is_unpremultiplied() {
    let image = DynamicImage::from(RgbaImage::from_pixel(192, 128, Rgba([200, 120, 40, 128])));
    let source = avifenc(&image, &["--premultiply"]);
    let decoded = avifdec(&convert_file(&source, &widths("96")).unwrap().variants[0].bytes).image.to_rgba8();
    let Rgba([r, g, b, a]) = *decoded.get_pixel(40, 30);
    assert!(r.abs_diff(200) < 6 && g.abs_diff(120) < 6 && b.abs_diff(40) < 6 && a == 128, "{r},{g},{b},{a}");
}

#[test]
fn icc_profiles_and_code_points_are_kept() {
    let icc = crate::icc::rgb(crate::icc::DISPLAY_P3, 2.2);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("icc"), &icc).unwrap();
    color(192, 128).save(folder.path().join("a.png")).unwrap();
    let source = avifenc_in(folder.path(), &["--icc", "icc", "a.png"]);
    let keep = Recipe { metadata: Metadata::Keep, ..widths("96") };
    assert_eq!(avifdec(&convert_file(&source, &keep).unwrap().variants[0].bytes).icc, Some(icc));

    let deep = DynamicImage::from(color(192, 128).to_rgb16());
    for (cicp, transfer) in [("9/16/9", 16), ("9/18/9", 18), ("12/16/6", 16)] {
        let source = avifenc(&deep, &["--depth", "12", "--cicp", cicp, "--range", "limited"]);
        let narrow = &convert_file(&source, &widths("96")).unwrap().variants[0].bytes;
        let info = avifdec_info(narrow);
        assert!(
            info.contains(&format!("Transfer Char. : {transfer}")) && info.contains("Bit Depth      : 10"),
            "{info}"
        );
        assert!(info.contains(&format!("Color Primaries: {}", cicp.split('/').next().unwrap())), "{info}");
        assert!(distance(&avifdec(narrow).image, &resize(&deep, 96, 64)) < MAX_CODING_DISTANCE, "{cicp}");
    }
}

#[test]
fn sequence_is_copied_and_narrower_variants_show_its_first_frame() {
    let first = color(192, 128);
    let source = sequence(&first);
    let conversion = convert_file(&source, &widths("full,96")).unwrap();
    assert_same_image(&conversion.variants[0].bytes, &source);
    assert!(avifdec_info(&conversion.variants[0].bytes).contains("(2 expected frames)"));
    assert!(distance(&avifdec(&conversion.variants[1].bytes).image, &resize(&first, 96, 64)) < MAX_CODING_DISTANCE);
    assert_eq!(conversion.notes[1], "narrower variants show only the first of its 2 frames");
}

#[test]
fn matrix_that_scales_a_track_is_ignored_as_in_browsers() {
    let source = sequence(&color(192, 128));
    let at = source.windows(4).position(|window| window == b"tkhd").unwrap();
    // The version, the flags, and 36 or 48 bytes of other fields precede the matrix (ISO/IEC 14496-12, 8.3.2).
    let matrix = at + 4 + if source[at + 4] == 0 { 40 } else { 52 };
    let mut changed = source.clone();
    assert_eq!(changed[matrix..matrix + 4], 0x1_0000_u32.to_be_bytes());
    changed[matrix..matrix + 4].copy_from_slice(&0x2_0000_u32.to_be_bytes());
    let [copy, expected] =
        [changed, source].map(|file| convert_file(&file, &recipe()).unwrap().variants[0].bytes.clone());
    assert!(copy == expected, "the files differ");
}

/// Encodes a sequence of two frames. The first frame is this image, and the second frame is this image rotated by 180°.
fn sequence(first: &DynamicImage) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    first.save(folder.path().join("a.png")).unwrap();
    first.rotate180().save(folder.path().join("b.png")).unwrap();
    avifenc_in(folder.path(), &["a.png", "b.png"])
}

#[test]
fn grid_is_converted_as_one_image() {
    let image = color(256, 256);
    let source = avifenc(&image, &["--grid", "2x2"]);
    let conversion = convert_file(&source, &widths("full,128")).unwrap();
    assert_eq!((conversion.variants[0].width, conversion.variants[0].height), (256, 256));
    assert_same_image(&conversion.variants[0].bytes, &source);
    assert!(distance(&avifdec(&conversion.variants[1].bytes).image, &resize(&image, 128, 128)) < MAX_CODING_DISTANCE);
}

/// Returns a copy of a file whose items and tracks declare this size (ISO/IEC 23008-12, 6.5.3; ISO/IEC 14496-12,
/// 8.3.2).
fn with_declared_size(source: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut file = source.to_vec();
    for (name, offset, shift) in [(b"ispe", 8, 0), (b"tkhd", 4 + 88, 16)] {
        for (at, _) in source.windows(4).enumerate().filter(|(_, window)| *window == name) {
            let size = [width << shift, height << shift].map(u32::to_be_bytes).concat();
            file[at + offset..at + offset + 8].copy_from_slice(&size);
        }
    }
    file
}

#[test]
fn declared_size_over_a_limit_is_rejected() {
    let source = avifenc(&color(200, 100), &[]);
    let error = convert_file(&with_declared_size(&source, 16_000, 15_000), &recipe()).unwrap_err();
    assert!(matches!(error, Error::TooManyPixels { pixels: 240_000_000, .. }), "{error}");
    let error = convert_file(&with_declared_size(&source, 40_000, 4), &recipe()).unwrap_err();
    assert!(matches!(&error, Error::Damaged { message, .. } if message.contains("too large")), "{error}");
    let limits = Limits { memory: 40 << 20, ..Limits::default() };
    let error = convert::convert(&source, &widths("100"), &limits, std::num::NonZeroUsize::MIN).unwrap_err();
    assert!(matches!(error, Error::TooMuchMemory { .. }), "{error}");
}

#[test]
fn truncated_avif_is_rejected() {
    let source = avifenc(&color(200, 100), &[]);
    for end in [source.len() / 2, source.len() - 1] {
        assert!(matches!(convert_file(&source[..end], &recipe()).unwrap_err(), Error::Damaged { .. }), "{end}");
    }
}

#[test]
fn images_larger_than_the_declared_size_are_rejected_before_decoding() {
    for source in [avifenc(&DynamicImage::new_rgb8(2000, 1000), &[]), sequence(&DynamicImage::new_rgb8(2000, 1000))] {
        let file = with_declared_size(&source, 200, 100);
        let error = convert_file(&file, &widths("full,50")).unwrap_err().to_string();
        assert_eq!(error, "damaged AVIF: its images are larger than the declared size");
    }
}

#[test]
fn metadata_may_be_larger_than_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let exif = [&exif_with_orientation(1)[..], &vec![7; 2 << 20]].concat();
    std::fs::write(folder.path().join("exif"), exif).unwrap();
    std::fs::write(folder.path().join("xmp"), format!("<x:xmpmeta>{}</x:xmpmeta>", "y".repeat(2 << 20))).unwrap();
    let image = color(64, 48);
    image.save(folder.path().join("a.png")).unwrap();
    image.rotate180().save(folder.path().join("b.png")).unwrap();
    for images in [&["a.png"][..], &["a.png", "b.png"]] {
        let source = avifenc_in(folder.path(), &[&["--exif", "exif", "--xmp", "xmp"], images].concat());
        assert!(source.len() > 4 << 20);
        let conversion = convert_file(&source, &widths("full,32")).unwrap();
        assert!(conversion.variants[0].bytes.len() < 1 << 20, "the metadata should be removed");
        assert_same_image(&conversion.variants[0].bytes, &source);
        let keep = Recipe { metadata: Metadata::Keep, ..widths("full,32") };
        let kept = convert_file(&source, &keep).unwrap();
        assert_eq!(*kept.variants[0].bytes, source[..]);
        assert!(kept.variants[1].bytes.len() > 4 << 20);
    }
}

#[test]
fn rotation_of_a_copy_is_essential() {
    let source = avifenc(&color(64, 48), &["--irot", "1"]);
    let mut changed = source.clone();
    // Version, flags, the number of items, the item and the number of its properties precede the associations (ISO/IEC
    // 14496-12, 8.11.14). The last property is the rotation.
    let count = source.windows(4).position(|window| window == b"ipma").unwrap() + 4 + 4 + 4 + 2;
    let last = count + usize::from(source[count]);
    assert_eq!(changed[last] & 0x80, 0x80);
    changed[last] &= 0x7f;
    let [copy, expected] =
        [changed, source].map(|file| convert_file(&file, &recipe()).unwrap().variants[0].bytes.clone());
    assert!(copy == expected, "the files differ");
}

#[test]
fn gain_map_may_be_larger_than_its_base_image() {
    // The two headrooms, and five numbers of one channel (ISO 21496-1, C.2.2).
    let numbers = [0, 1, 5, 2, 0, 1, 5, 2, 1, 1, 1, 64, 1, 64];
    let source = avif_with_gain_map(numbers);
    let conversion = convert_file(&source, &widths("full,32")).unwrap();
    assert_same_image(&conversion.variants[0].bytes, &source);
    assert!(conversion.variants[0].bytes.windows(4).any(|window| window == b"tmap"), "the gain map should be kept");
    assert!(conversion.notes.contains(&"its gain map was omitted from narrower variants".to_owned()));
}

#[test]
fn gain_map_with_a_gamma_of_zero_is_omitted_from_a_copy() {
    let source = avif_with_gain_map([0, 1, 5, 2, 0, 1, 5, 2, 0, 1, 1, 64, 1, 64]);
    let conversion = convert_file(&source, &widths("full")).unwrap();
    let note = "its gain map was omitted: its metadata has an unknown version, or a gamma or denominator of 0";
    assert!(conversion.notes.contains(&note.to_owned()), "{:?}", conversion.notes);
    let is_kept = conversion.variants[0].bytes.windows(4).any(|window| window == b"dimg");
    assert!(!is_kept, "the gain map should be omitted");
    assert!(avifdec(&conversion.variants[0].bytes).image == avifdec(&avifenc(&color(64, 48), &[])).image);
}

/// Builds an AVIF of 64x48 with a gain map of 256x192. The numbers are the gain map's metadata.
fn avif_with_gain_map(numbers: [u32; 14]) -> Vec<u8> {
    let base = color(64, 48);
    let mut boxes = Boxes::still(&base);
    let map = Boxes::still(&color(256, 192));
    boxes.properties.extend(map.properties);
    let numbers = numbers.map(u32::to_be_bytes).concat();
    let tone_map = [&[0, 0, 0, 0, 0, 0x40][..], &numbers].concat();
    boxes.items.push(Item { kind: *b"tmap", name: b"", data: tone_map, properties: vec![1, 2], excess: 0 });
    boxes.items.push(Item { properties: vec![4, 5, 6], ..map.items[0].clone() });
    boxes.references.push((*b"dimg", 2, vec![1, 3]));
    // The group has the identifier 9 and two items, of which viewers prefer the first.
    let group = [0, 9, 2, 2, 1].map(u32::to_be_bytes).concat();
    boxes.more = build_box(*b"grpl", &build_box(*b"altr", &group));
    let mut source = boxes.file();
    let brand = source.windows(4).position(|window| window == b"miaf").unwrap();
    source[brand..brand + 4].copy_from_slice(b"tmap");
    source
}

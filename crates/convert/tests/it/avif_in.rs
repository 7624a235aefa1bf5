//! AVIF as a source, written by libavif's own `avifenc`.

use convert::Error;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, Rgb, Rgba, RgbaImage};
use model::{Limits, Metadata, Recipe};

use crate::look::{CODING, avifenc, avifenc_in, distance, info, look, recipe, run};
use crate::source::{exif, picture};

fn widths(text: &str) -> Recipe {
    Recipe { widths: text.parse().unwrap(), ..recipe() }
}

fn color(width: u32, height: u32) -> DynamicImage {
    picture(width, height).into()
}

fn smaller(image: &DynamicImage, width: u32, height: u32) -> DynamicImage {
    image.resize_exact(width, height, image::imageops::Lanczos3)
}

#[test]
fn at_its_own_width_it_stays_what_it_is_and_narrower_ones_are_made_of_it() {
    let image = color(200, 100);
    let source = avifenc(&image, &[]);
    let conversion = run(&source, &widths("full,4000,80")).unwrap();
    let [full, beyond, narrow] = &conversion.variants[..] else { unreachable!("three were asked for") };
    assert_same_image(&full.bytes, &source);
    assert_eq!(full.bytes, beyond.bytes);
    assert_eq!([full.is_source, beyond.is_source, narrow.is_source], [true, true, false]);
    assert_eq!((full.width, full.height, narrow.width, narrow.height), (200, 100, 80, 40));
    assert!(distance(&look(&narrow.bytes).image, &smaller(&image, 80, 40)) < CODING);
    assert_eq!(conversion.notes, ["it is an AVIF already, and was kept without its metadata"]);
    assert!(run(&source, &widths("80")).unwrap().notes.is_empty());
    // A file that was written anew once is not changed again.
    assert_eq!(run(&full.bytes, &recipe()).unwrap().variants[0].bytes, full.bytes);
}

/// Checks that two AVIFs decode to the same pixels, and are the same but for their metadata.
fn assert_same_image(a: &[u8], b: &[u8]) {
    let facts = |avif: &[u8]| {
        let info = info(avif);
        let facts = info
            .lines()
            .filter(|line| !["File", "Image", " * ICC", " * Exif", " * XMP"].iter().any(|name| line.starts_with(name)));
        facts.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(facts(a), facts(b));
    assert!(look(a).image == look(b).image, "other pixels");
}

#[test]
fn what_is_kept_has_no_metadata_unless_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let xmp = format!("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">{}SecretGarden 18</x:xmpmeta>", " ".repeat(50));
    std::fs::write(folder.path().join("exif"), exif(1)).unwrap();
    std::fs::write(folder.path().join("xmp"), xmp).unwrap();
    color(192, 128).save(folder.path().join("a.png")).unwrap();
    let source = avifenc_in(folder.path(), &["--exif", "exif", "--xmp", "xmp", "a.png"]);
    let secrets = |file: &[u8]| file.windows(12).filter(|window| *window == b"SecretGarden").count();
    assert_eq!(secrets(&source), 2);

    let conversion = run(&source, &recipe()).unwrap();
    let stripped = &conversion.variants[0].bytes;
    assert_eq!(secrets(stripped), 0);
    assert_eq!(conversion.notes, ["it is an AVIF already, and was kept without its metadata"]);
    assert_same_image(stripped, &source);

    let kept = run(&source, &Recipe { metadata: Metadata::Keep, ..recipe() }).unwrap();
    assert_eq!(*kept.variants[0].bytes, source[..]);
    assert_eq!(kept.notes, ["it is an AVIF already, and was kept as it is"]);
    let described = convert::describe(&source, &Limits::default()).unwrap();
    assert_eq!((secrets(&described.exif.unwrap()), secrets(&described.xmp.unwrap())), (1, 1));
    let narrow = run(&source, &Recipe { metadata: Metadata::Keep, ..widths("96") }).unwrap();
    assert_eq!(secrets(&narrow.variants[0].bytes), 2);
}

#[test]
fn narrower_ones_are_upright_and_cut() {
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
            let conversion = run(&source, &widths(&format!("full,{width}"))).unwrap();
            let [full, narrow] = &conversion.variants[..] else { unreachable!("two were asked for") };
            assert_eq!((full.width, full.height), expected.dimensions(), "{turns} {mirror:?}");
            assert_same_image(&full.bytes, &source);
            let off = distance(&look(&narrow.bytes).image, &smaller(&expected, width, height));
            assert!(off < CODING, "{turns} {mirror:?}: off by {off}");
        }
    }
    let source = avifenc(&image, &["--crop", "20,40,100,80", "--irot", "1"]);
    let conversion = run(&source, &widths("full,40")).unwrap();
    assert_eq!((conversion.variants[0].width, conversion.variants[0].height), (80, 100));
    let expected = smaller(&image.crop_imm(20, 40, 100, 80).rotate270(), 40, 50);
    assert!(distance(&look(&conversion.variants[1].bytes).image, &expected) < CODING);
}

#[test]
fn every_depth_chroma_and_alpha_is_read() {
    let alpha = |x: u32| u8::try_from((x * 4).min(255)).unwrap();
    let clear = RgbaImage::from_fn(192, 128, |x, y| {
        let Rgb([r, g, b]) = *picture(192, 128).get_pixel(x, y);
        Rgba([r, g, b, alpha(x)])
    });
    for depth in ["8", "10", "12"] {
        for chroma in ["400", "420", "422", "444"] {
            for alpha in [false, true] {
                let image = if alpha { clear.clone().into() } else { color(192, 128) };
                let image = match (chroma, alpha) {
                    ("400", false) => image.to_luma8().into(),
                    ("400", true) => image.to_luma_alpha8().into(),
                    _ => image,
                };
                let source = avifenc(&image, &["--depth", depth, "--yuv", chroma, "--range", "limited"]);
                let conversion = run(&source, &widths("full,96")).unwrap();
                assert_same_image(&conversion.variants[0].bytes, &source);
                let narrow = &conversion.variants[1].bytes;
                // A codec may have been given more depth than asked for.
                assert!(depth == "8" || info(narrow).contains("Bit Depth      : 10"), "{}", info(narrow));
                assert_eq!(info(narrow).contains("Format         : YUV400"), chroma == "400");
                let seen = look(narrow).image;
                assert_eq!(seen.color().has_alpha(), alpha, "{depth} bits, {chroma}");
                let off = distance(&seen, &smaller(&image, 96, 64));
                assert!(off < CODING, "{depth} bits, {chroma}, alpha {alpha}: off by {off}");
            }
        }
    }
}

#[test]
fn colors_multiplied_by_their_alpha_become_whole_again() {
    let image = DynamicImage::from(RgbaImage::from_pixel(192, 128, Rgba([200, 120, 40, 128])));
    let source = avifenc(&image, &["--premultiply"]);
    let seen = look(&run(&source, &widths("96")).unwrap().variants[0].bytes).image.to_rgba8();
    let Rgba([r, g, b, a]) = *seen.get_pixel(40, 30);
    assert!(r.abs_diff(200) < 6 && g.abs_diff(120) < 6 && b.abs_diff(40) < 6 && a == 128, "{r},{g},{b},{a}");
}

#[test]
fn profiles_and_code_points_go_along() {
    let icc = crate::icc::rgb(crate::icc::DISPLAY_P3, 2.2);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("icc"), &icc).unwrap();
    color(192, 128).save(folder.path().join("a.png")).unwrap();
    let source = avifenc_in(folder.path(), &["--icc", "icc", "a.png"]);
    let keep = Recipe { metadata: Metadata::Keep, ..widths("96") };
    assert_eq!(look(&run(&source, &keep).unwrap().variants[0].bytes).icc, Some(icc));

    let deep = DynamicImage::from(color(192, 128).to_rgb16());
    for (cicp, transfer) in [("9/16/9", 16), ("9/18/9", 18), ("12/16/6", 16)] {
        let source = avifenc(&deep, &["--depth", "12", "--cicp", cicp, "--range", "limited"]);
        let narrow = &run(&source, &widths("96")).unwrap().variants[0].bytes;
        let info = info(narrow);
        assert!(
            info.contains(&format!("Transfer Char. : {transfer}")) && info.contains("Bit Depth      : 10"),
            "{info}"
        );
        assert!(info.contains(&format!("Color Primaries: {}", cicp.split('/').next().unwrap())), "{info}");
        assert!(distance(&look(narrow).image, &smaller(&deep, 96, 64)) < CODING, "{cicp}");
    }
}

#[test]
fn a_sequence_is_kept_whole_and_its_first_picture_is_narrowed() {
    let first = color(192, 128);
    let source = sequence(&first);
    let conversion = run(&source, &widths("full,96")).unwrap();
    assert_same_image(&conversion.variants[0].bytes, &source);
    assert!(info(&conversion.variants[0].bytes).contains("(2 expected frames)"));
    assert!(distance(&look(&conversion.variants[1].bytes).image, &smaller(&first, 96, 64)) < CODING);
    assert_eq!(conversion.notes[1], "of its 2 pictures, the first was taken for narrower variants");
}

/// A sequence of that picture and of it turned by half.
fn sequence(first: &DynamicImage) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    first.save(folder.path().join("a.png")).unwrap();
    first.rotate180().save(folder.path().join("b.png")).unwrap();
    avifenc_in(folder.path(), &["a.png", "b.png"])
}

#[test]
fn a_grid_is_one_picture() {
    let image = color(256, 256);
    let source = avifenc(&image, &["--grid", "2x2"]);
    let conversion = run(&source, &widths("full,128")).unwrap();
    assert_eq!((conversion.variants[0].width, conversion.variants[0].height), (256, 256));
    assert_same_image(&conversion.variants[0].bytes, &source);
    assert!(distance(&look(&conversion.variants[1].bytes).image, &smaller(&image, 128, 128)) < CODING);
}

/// The same file where its items and tracks claim that size (ISO/IEC 23008-12, 6.5.3; ISO/IEC 14496-12, 8.3.2).
fn claiming(source: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut file = source.to_vec();
    for (name, place, shift) in [(b"ispe", 8, 0), (b"tkhd", 4 + 88, 16)] {
        for (at, _) in source.windows(4).enumerate().filter(|(_, window)| *window == name) {
            let size = [width << shift, height << shift].map(u32::to_be_bytes).concat();
            file[at + place..at + place + 8].copy_from_slice(&size);
        }
    }
    file
}

#[test]
fn claims_are_held_against_the_limits_and_against_the_pixels() {
    let source = avifenc(&color(200, 100), &[]);
    let error = run(&claiming(&source, 16_000, 15_000), &recipe()).unwrap_err();
    assert!(matches!(error, Error::TooManyPixels { pixels: 240_000_000, .. }), "{error}");
    let error = run(&claiming(&source, 40_000, 4), &recipe()).unwrap_err();
    assert!(matches!(&error, Error::Damaged { message, .. } if message.contains("too large")), "{error}");
    let limits = Limits { memory: 40 << 20, ..Limits::default() };
    let error = convert::convert(&source, &widths("100"), &limits, std::num::NonZeroUsize::MIN).unwrap_err();
    assert!(matches!(error, Error::TooMuchMemory { .. }), "{error}");
}

#[test]
fn half_of_one_is_none() {
    let source = avifenc(&color(200, 100), &[]);
    for end in [source.len() / 2, source.len() - 1] {
        assert!(matches!(run(&source[..end], &recipe()).unwrap_err(), Error::Damaged { .. }), "{end}");
    }
}

#[test]
fn pictures_larger_than_they_claim_are_refused_before_they_are_decoded() {
    for source in [avifenc(&DynamicImage::new_rgb8(2000, 1000), &[]), sequence(&DynamicImage::new_rgb8(2000, 1000))] {
        let small = claiming(&source, 200, 100);
        let error = run(&small, &widths("full,50")).unwrap_err().to_string();
        assert_eq!(error, "damaged AVIF: its images are larger than it claims");
    }
}

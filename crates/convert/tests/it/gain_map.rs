//! JPEGs whose second picture says how bright they may be.

use std::num::NonZeroUsize;

use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use model::{Limits, Recipe};

use crate::look::{CODING, distance, look, recipe, run};
use crate::source::{Told, file, picture, with_gain_map};

/// A quarter of the pictures' sides.
fn map() -> GrayImage {
    GrayImage::from_fn(48, 32, |x, y| Luma([u8::try_from(4 * x + y).unwrap()]))
}

fn base() -> Vec<u8> {
    file(&picture(192, 128).into(), ImageFormat::Jpeg)
}

const TOLD: [Told; 4] = [Told::Xmp, Told::Numbers, Told::Apple, Told::AppleNote];

#[cfg(feature = "system")]
#[test]
fn a_gain_map_goes_along_upright_and_as_small_as_its_picture() {
    use crate::look::info;
    use crate::source::{Extras, exif, file_with};
    let turned = file_with(&picture(192, 128).into(), ImageFormat::Jpeg, Extras { exif: Some(&exif(6)), icc: None });
    let large = run(&with_gain_map(&base(), &GrayImage::new(400, 300), Told::Numbers), &recipe()).unwrap();
    let shown = info(&large.variants[0].bytes);
    assert!(shown.contains("Gain map       : 192x128 pixels"), "none larger than its picture in\n{shown}");
    for told in TOLD {
        for (base, widths, sizes) in
            [(base(), "full,96", ["48x32", "24x16"]), (turned.clone(), "full,64", ["32x48", "16x24"])]
        {
            let recipe = Recipe { widths: widths.parse().unwrap(), ..recipe() };
            let conversion = run(&with_gain_map(&base, &map(), told), &recipe).unwrap();
            assert!(conversion.notes.is_empty(), "{:?}", conversion.notes);
            for (variant, size) in conversion.variants.iter().zip(sizes) {
                let info = info(&variant.bytes);
                assert!(
                    info.contains(&format!("Gain map       : {size} pixels")),
                    "{told:?}: no gain map of {size} in\n{info}"
                );
            }
        }
    }
}

#[cfg(not(feature = "system"))]
#[test]
fn where_none_can_be_written_that_is_told() {
    for told in TOLD {
        let conversion = run(&with_gain_map(&base(), &map(), told), &recipe()).unwrap();
        assert_eq!(conversion.notes, ["its gain map was omitted: the bundled libavif 1.0.4 writes none"]);
        assert_eq!(conversion.variants[0].bytes, run(&base(), &recipe()).unwrap().variants[0].bytes);
    }
}

#[test]
fn the_picture_itself_looks_as_it_did() {
    for told in TOLD {
        let source = with_gain_map(&base(), &map(), told);
        let recipe = Recipe { widths: "full,96".parse().unwrap(), ..recipe() };
        for variant in run(&source, &recipe).unwrap().variants {
            let expected = DynamicImage::from(picture(192, 128));
            let expected = expected.resize_exact(variant.width, variant.height, image::imageops::Lanczos3);
            assert!(distance(&look(&variant.bytes).image, &expected) < CODING, "{told:?} at {}", variant.width);
        }
    }
}

#[test]
fn a_second_picture_that_is_no_gain_map_is_passed_over() {
    let conversion = run(&with_gain_map(&base(), &map(), Told::Not), &recipe()).unwrap();
    assert!(conversion.notes.is_empty());
    assert_eq!(conversion.variants[0].bytes, run(&base(), &recipe()).unwrap().variants[0].bytes);
}

#[test]
fn a_broken_gain_map_costs_a_note_and_no_picture() {
    let plain = run(&base(), &recipe()).unwrap().variants[0].bytes.clone();
    let whole = with_gain_map(&base(), &map(), Told::Xmp);
    let nonsense = String::from_utf8_lossy(b"GainMapMax=\"2.5\"").into_owned();
    let at = whole.windows(nonsense.len()).position(|window| window == nonsense.as_bytes()).unwrap();
    let mut senseless = whole.clone();
    senseless[at + 12..at + 15].copy_from_slice(b"two");
    // In the map's own scan.
    let cut = whole[..whole.len() - 100].to_vec();
    for (what, file) in [("without sense", senseless), ("cut short", cut)] {
        let conversion = run(&file, &recipe()).unwrap();
        let [note] = &conversion.notes[..] else { unreachable!("{what}: {:?}", conversion.notes) };
        assert!(note.starts_with("its gain map was omitted: "), "{note}");
        assert_eq!(conversion.variants[0].bytes, plain, "{what}");
    }
}

#[test]
fn a_gain_map_that_there_is_no_memory_for_is_left_out() {
    let file = with_gain_map(&base(), &GrayImage::new(1500, 1000), Told::Xmp);
    let limits = Limits { memory: 60 << 20, ..Limits::default() };
    let conversion = convert::convert(&file, &recipe(), &limits, NonZeroUsize::MIN).unwrap();
    assert!(conversion.notes[0].starts_with("its gain map was omitted: "), "{:?}", conversion.notes);
    assert_eq!(conversion.variants[0].bytes, run(&base(), &recipe()).unwrap().variants[0].bytes);
}

//! JPEGs, whose own luma and chroma are the AVIF's where nothing else is asked for.

use convert::Error;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageFormat, Rgb, RgbImage};
use model::Recipe;

use crate::look::{CODING, converted, distance, look, recipe, run};
use crate::orientation::stored;
use crate::source::{Extras, exif, file, halved_jpeg, picture};

/// Patches of strong color, of which neighbors share no chroma.
fn patches(width: u32, height: u32) -> RgbImage {
    const COLORS: [[u8; 3]; 4] = [[200, 40, 40], [40, 160, 60], [50, 60, 200], [190, 180, 50]];
    RgbImage::from_fn(width, height, |x, y| Rgb(COLORS[((x / 16) % 2 + 2 * ((y / 16) % 2)) as usize]))
}

#[test]
fn all_eight_turns_come_out_upright_at_odd_sizes_too() {
    for (width, height) in [(96, 64), (97, 64), (96, 63), (97, 63)] {
        let upright = patches(width, height);
        for orientation in 1..=8 {
            let exif = exif(orientation);
            let extras = Extras { exif: Some(&exif), ..Extras::default() };
            let file = halved_jpeg(&stored(&upright, orientation), extras, orientation % 2 == 0);
            let seen = converted(&file).image;
            assert_eq!(seen.dimensions(), (width, height));
            // What another decoder sees, turned as pixels. Chroma that strayed by a pixel would cost 6.
            let mut expected = image::load_from_memory(&file).unwrap();
            expected.apply_orientation(Orientation::from_exif(orientation).unwrap());
            let off = distance(&seen, &expected);
            assert!(off < CODING, "{width}x{height}, orientation {orientation}: {off}");
        }
    }
}

#[test]
fn narrow_variants_alone_are_what_they_are_beside_the_whole() {
    let image = picture(1200, 900);
    for file in [
        halved_jpeg(&image, Extras::default(), false),
        halved_jpeg(&image, Extras::default(), true),
        file(&image.clone().into(), ImageFormat::Jpeg),
    ] {
        for widths in ["150", "700"] {
            let beside = Recipe { widths: format!("full,{widths}").parse().unwrap(), ..recipe() };
            let alone = Recipe { widths: widths.parse().unwrap(), ..recipe() };
            let beside = look(&run(&file, &beside).unwrap().variants.pop().unwrap().bytes).image;
            let alone = look(&run(&file, &alone).unwrap().variants.pop().unwrap().bytes).image;
            let off = distance(&alone, &beside);
            assert!(off < 1.0, "{widths}: off by {off}");
        }
    }
}

#[test]
fn what_harms_no_picture_costs_none() {
    let image = picture(240, 180);
    let plain = halved_jpeg(&image, Extras::default(), false);
    let scan = plain.windows(2).position(|window| window == b"\xff\xda").unwrap();
    let header = usize::from(plain[scan + 3]);
    // Cameras leave bytes between segments and before the end, and some phones give a baseline scan no last coefficient.
    let stray = [&plain[..scan], b"\0\0stray", &plain[scan..]].concat();
    let mut short = plain.clone();
    short[scan + 2 + header - 2] = 0;
    for (what, file) in [("stray bytes", stray), ("scan's parameters", short)] {
        let off = distance(&converted(&file).image, &DynamicImage::from(image.clone()));
        assert!(off < CODING, "{what}: off by {off}");
    }
}

#[test]
fn what_is_damaged_is_refused_whatever_is_made_of_it() {
    let image = picture(1200, 900);
    for progressive in [false, true] {
        let whole = halved_jpeg(&image, Extras::default(), progressive);
        let middle = whole.len() / 2;
        let half = &whole[..middle];
        // Behind the first segment, which is JFIF's 18 bytes.
        let hidden = [&whole[..20], b"stray", &whole[20..middle]].concat();
        let mut gap = whole.clone();
        gap.drain(middle..middle + 2000);
        for widths in ["full", "700", "100"] {
            let recipe = Recipe { widths: widths.parse().unwrap(), ..recipe() };
            for (what, file) in [("half", half), ("half and a stray byte", &hidden), ("a gap", &gap)] {
                let error = run(file, &recipe).map(|_| ()).expect_err(what);
                assert!(matches!(error, Error::Damaged { .. }), "{what}, {widths}: {error}");
            }
        }
    }
}

#[test]
fn a_profile_stays_with_a_jpegs_own_planes() {
    let icc = crate::icc::rgb(crate::icc::DISPLAY_P3, 2.2);
    let file = halved_jpeg(&picture(192, 128), Extras { icc: Some(&icc), ..Extras::default() }, false);
    assert_eq!(converted(&file).icc.as_deref(), Some(&icc[..]));
}

//! Tests JPEGs whose stored luma and chroma planes are encoded directly, if the recipe allows it.

use convert::Error;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageFormat, Rgb, RgbImage};
use model::{DamagedMode, Recipe};

use crate::avif_tools::{MAX_CODING_DISTANCE, avifdec, convert_and_decode, convert_file, distance, recipe};
use crate::fixtures::{
    EmbeddedMetadata, cmyk_jpeg, encode_image, exif_with_orientation, gradient_image, subsampled_jpeg,
};
use crate::orientation::store;

/// Returns patches of strong colors. Adjacent patches have different chroma.
fn patches(width: u32, height: u32) -> RgbImage {
    const COLORS: [[u8; 3]; 4] = [[200, 40, 40], [40, 160, 60], [50, 60, 200], [190, 180, 50]];
    RgbImage::from_fn(width, height, |x, y| Rgb(COLORS[((x / 16) % 2 + 2 * ((y / 16) % 2)) as usize]))
}

#[test]
fn luma_and_chroma_planes_of_odd_sizes_are_upright_for_all_orientations() {
    for (width, height) in [(96, 64), (97, 64), (96, 63), (97, 63)] {
        let upright = patches(width, height);
        for orientation in 1..=8 {
            let exif = exif_with_orientation(orientation);
            let extras = EmbeddedMetadata { exif: Some(&exif), ..EmbeddedMetadata::default() };
            let file = subsampled_jpeg(&store(&upright, orientation), extras, orientation % 2 == 0);
            let decoded = convert_and_decode(&file).image;
            assert_eq!(decoded.dimensions(), (width, height));
            // The expected image comes from another decoder, the `image` crate, and the test applies the orientation to
            // its pixels. If chroma were shifted by one pixel, the distance would be 6.
            let mut expected = image::load_from_memory(&file).unwrap();
            expected.apply_orientation(Orientation::from_exif(orientation).unwrap());
            let off = distance(&decoded, &expected);
            assert!(off < MAX_CODING_DISTANCE, "{width}x{height}, orientation {orientation}: {off}");
        }
    }
}

#[test]
fn narrow_variant_does_not_depend_on_the_other_widths_of_the_recipe() {
    let image = gradient_image(1200, 900);
    for file in [
        subsampled_jpeg(&image, EmbeddedMetadata::default(), false),
        subsampled_jpeg(&image, EmbeddedMetadata::default(), true),
        encode_image(&image.clone().into(), ImageFormat::Jpeg),
    ] {
        for widths in ["150", "700"] {
            let with_full = Recipe { sizes: format!("full,{widths}").parse().unwrap(), ..recipe() };
            let alone = Recipe { sizes: widths.parse().unwrap(), ..recipe() };
            let with_full = avifdec(&convert_file(&file, &with_full).unwrap().variants.pop().unwrap().bytes).image;
            let alone = avifdec(&convert_file(&file, &alone).unwrap().variants.pop().unwrap().bytes).image;
            let off = distance(&alone, &with_full);
            assert!(off < 1.0, "{widths}: off by {off}");
        }
    }
}

#[test]
fn narrow_variant_of_a_cmyk_jpeg_has_the_colors_of_the_source() {
    // Without a profile, the red of a pixel is 255 - (cyan + black) if the other ink is 0.
    let file = cmyk_jpeg(&vec![[200, 0, 100, 0]; 640 * 512], 640, 512, true, None);
    let recipe = Recipe { sizes: "80".parse().unwrap(), ..recipe() };
    let decoded = avifdec(&convert_file(&file, &recipe).unwrap().variants[0].bytes).image;
    let expected = DynamicImage::from(RgbImage::from_pixel(80, 64, Rgb([55, 255, 155])));
    assert_eq!(decoded.dimensions(), (80, 64));
    assert!(distance(&decoded, &expected) < MAX_CODING_DISTANCE, "{:?}", decoded.get_pixel(40, 32));
}

#[test]
fn jpeg_with_a_harmless_defect_is_converted() {
    let image = gradient_image(240, 180);
    let plain = subsampled_jpeg(&image, EmbeddedMetadata::default(), false);
    let scan = plain.windows(2).position(|window| window == b"\xff\xda").unwrap();
    let header = usize::from(plain[scan + 3]);
    // Cameras write bytes that belong to no segment between segments and before the end. Some phones write 0 as the
    // index of the last coefficient in a baseline scan.
    let stray_bytes = [&plain[..scan], b"\0\0stray", &plain[scan..]].concat();
    let mut short = plain.clone();
    short[scan + 2 + header - 2] = 0;
    for (what, file) in [("stray bytes", stray_bytes), ("scan parameters", short)] {
        let off = distance(&convert_and_decode(&file).image, &DynamicImage::from(image.clone()));
        assert!(off < MAX_CODING_DISTANCE, "{what}: off by {off}");
    }
}

#[test]
fn damaged_jpeg_is_rejected_at_every_width() {
    let image = gradient_image(1200, 900);
    for progressive in [false, true] {
        let whole = subsampled_jpeg(&image, EmbeddedMetadata::default(), progressive);
        let middle = whole.len() / 2;
        let half = &whole[..middle];
        // The stray bytes follow SOI (2 bytes) and the JFIF segment (18 bytes).
        let hidden = [&whole[..20], b"stray", &whole[20..middle]].concat();
        let mut gap = whole.clone();
        gap.drain(middle..middle + 2000);
        for widths in ["full", "700", "100"] {
            let recipe = Recipe { sizes: widths.parse().unwrap(), ..recipe() };
            for (what, file) in [("half", half), ("the first half with stray bytes", &hidden), ("a gap", &gap)] {
                let error = convert_file(file, &recipe).map(|_| ()).expect_err(what);
                assert!(matches!(error, Error::Damaged { .. }), "{what}, {widths}: {error}");
            }
        }
    }
}

/// Returns the recipe with which damaged images are converted.
fn convert_damaged() -> Recipe {
    Recipe { damaged: DamagedMode::Convert, ..recipe() }
}

#[test]
fn upper_half_of_a_truncated_jpeg_is_converted_with_a_note_if_damaged_images_are_allowed() {
    let image = gradient_image(240, 180);
    let whole = subsampled_jpeg(&image, EmbeddedMetadata::default(), false);
    let conversion = convert_file(&whole[..whole.len() / 2], &convert_damaged()).unwrap();
    let [note] = &conversion.notes[..] else { panic!("{:?}", conversion.notes) };
    let missing = note
        .strip_prefix("damaged JPEG: ")
        .and_then(|note| note.strip_suffix(" of its 180 rows are missing; it was converted as browsers show it"));
    let missing: u32 = missing.unwrap_or_else(|| panic!("{note}")).parse().unwrap();
    assert!((60..=140).contains(&missing), "{note}");
    let decoded = avifdec(&conversion.variants[0].bytes).image;
    assert_eq!(decoded.dimensions(), (240, 180));
    assert_eq!(
        (decoded.get_pixel(120, 0).0[3], decoded.get_pixel(120, 179).0[3]),
        (255, 0),
        "browsers show transparency"
    );
    // The chroma of the last intact row is interpolated with the missing rows.
    let intact = 180 - missing - 1;
    let upper = |image: &DynamicImage| image.crop_imm(0, 0, 240, intact);
    let off = distance(&upper(&decoded), &upper(&image.into()));
    assert!(off < MAX_CODING_DISTANCE, "off by {off}");
}

#[test]
fn first_scans_of_a_truncated_progressive_jpeg_are_converted_with_a_note_if_damaged_images_are_allowed() {
    let image = gradient_image(240, 180);
    let whole = subsampled_jpeg(&image, EmbeddedMetadata::default(), true);
    let scans: Vec<usize> =
        whole.windows(2).enumerate().filter(|(_, window)| *window == b"\xff\xda").map(|(at, _)| at).collect();
    // The file ends in the middle of its third scan, and exactly before its fourth scan.
    for (end, complete) in [(usize::midpoint(scans[2], scans[3]), 2), (scans[3], 3)] {
        let file = &whole[..end];
        let conversion = convert_file(file, &convert_damaged()).unwrap();
        assert_eq!(
            conversion.notes,
            [format!(
                "damaged JPEG: details are missing, because only its first {complete} scans are complete; it was converted as \
                 browsers show it"
            )]
        );
        assert!(matches!(convert_file(file, &recipe()), Err(Error::Damaged { .. })), "{complete} scans were accepted");
    }
}

#[test]
fn truncated_jpeg_is_whole_or_rejected_and_never_converted_without_a_note() {
    let image = gradient_image(40, 24);
    for progressive in [false, true] {
        let whole = subsampled_jpeg(&image, EmbeddedMetadata::default(), progressive);
        let expected = convert_file(&whole, &recipe()).unwrap().variants[0].bytes.clone();
        for end in 0..whole.len() {
            let file = &whole[..end];
            let is_whole = convert_file(file, &recipe()).is_ok_and(|conversion| {
                assert_eq!(conversion.variants[0].bytes, expected, "{end} of {} bytes", whole.len());
                true
            });
            if let Ok(conversion) = convert_file(file, &convert_damaged()) {
                assert_eq!(
                    conversion.notes.is_empty(),
                    is_whole,
                    "{end} of {} bytes: {:?}",
                    whole.len(),
                    conversion.notes
                );
            }
        }
    }
}

#[test]
fn profile_of_a_jpeg_with_directly_encoded_planes_is_kept() {
    let icc = crate::icc::rgb(crate::icc::DISPLAY_P3, 2.2);
    let file = subsampled_jpeg(
        &gradient_image(192, 128),
        EmbeddedMetadata { icc: Some(&icc), ..EmbeddedMetadata::default() },
        false,
    );
    assert_eq!(convert_and_decode(&file).icc.as_deref(), Some(&icc[..]));
}

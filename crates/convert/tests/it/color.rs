use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba};

use crate::avif_tools::{
    MAX_CODING_DISTANCE, avifdec, convert_and_decode, convert_file, convert_to_avif, distance, nclx, recipe,
};
use crate::fixtures::{
    EmbeddedMetadata, cmyk_jpeg, cmyk_tiff, encode_image, encode_with_metadata, gradient_image, premultiplied_tiff,
    with_png_chunks,
};
use crate::icc::{self, DISPLAY_P3, SRGB, srgb_level, srgb_of_lab};

fn notes(bytes: &[u8]) -> String {
    convert_file(bytes, &recipe()).unwrap().notes.join("; ")
}

#[test]
fn rgb_profile_and_pixels_are_kept() {
    let [red, green, blue] = SRGB;
    let swapped = icc::rgb([green, blue, red], 1.8);
    let wide = icc::rgb(DISPLAY_P3, 2.2);
    let image = DynamicImage::from(gradient_image(192, 128));
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        for icc in [&swapped, &wide] {
            let decoded = convert_and_decode(&encode_with_metadata(
                &image,
                format,
                EmbeddedMetadata { icc: Some(icc), ..EmbeddedMetadata::default() },
            ));
            assert_eq!(decoded.icc.as_ref(), Some(icc), "{format:?}");
            let off = distance(&decoded.image, &image);
            assert!(off < MAX_CODING_DISTANCE, "{format:?}: off by {off}");
        }
    }
}

#[test]
fn image_without_a_profile_is_tagged_as_srgb() {
    let file = encode_image(&gradient_image(192, 128).into(), ImageFormat::Png);
    let avif = convert_to_avif(&file, &recipe());
    assert_eq!(nclx(&avif), [1, 13, 6, 1]);
    assert_eq!(avifdec(&avif).icc, None);
    assert_eq!(notes(&file), "");
}

#[test]
fn gray_image_with_a_gray_profile_is_converted_to_srgb() {
    let levels = GrayImage::from_fn(192, 128, |x, y| Luma([u8::try_from(x + y / 2).unwrap()]));
    // The levels of this profile are linear light. Linear level 128 equals sRGB level 188.
    let icc = icc::gray(1.0);
    let extras = EmbeddedMetadata { icc: Some(&icc), ..EmbeddedMetadata::default() };
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        let decoded = convert_and_decode(&encode_with_metadata(&levels.clone().into(), format, extras));
        assert_eq!(decoded.icc, None);
        for (before, after) in levels.pixels().zip(decoded.image.to_luma8().pixels()) {
            let expected = srgb_level(f64::from(before.0[0]) / 255.0);
            let off = (f64::from(after.0[0]) - expected).abs();
            // In the darkest part of the image, one level of the profile equals twelve levels of sRGB, and the decoded
            // JPEG may be wrong by one level.
            let tolerance = if before.0[0] < 32 { 16.0 } else { 5.0 };
            assert!(off < tolerance, "{format:?}: {} became {}, not {expected}", before.0[0], after.0[0]);
        }
    }
}

#[test]
fn gray_image_with_an_rgb_profile_is_converted_to_srgb() {
    let levels = DynamicImage::from(GrayImage::from_pixel(64, 64, Luma([128])));
    let icc = icc::rgb(SRGB, 1.0);
    let decoded = convert_and_decode(&encode_with_metadata(
        &levels,
        ImageFormat::Png,
        EmbeddedMetadata { icc: Some(&icc), ..EmbeddedMetadata::default() },
    ));
    assert!(decoded.image.to_luma8().get_pixel(30, 30).0[0].abs_diff(188) <= 1);
    assert_eq!(decoded.icc, None);
}

/// Returns the Lab color that a fictitious printing press prints with a combination of inks: with no ink (the paper),
/// with one ink, or with several inks on top of each other. All these colors are within sRGB.
fn press([c, m, y, k]: [bool; 4]) -> [f64; 3] {
    match (c, m, y) {
        _ if k => [20.0, 0.0, 0.0],
        (false, false, false) => [95.0, 0.0, 2.0],
        (true, false, false) => [60.0, -20.0, -30.0],
        (false, true, false) => [50.0, 60.0, 0.0],
        (false, false, true) => [85.0, 0.0, 70.0],
        (true, true, false) => [30.0, 20.0, -40.0],
        (true, false, true) => [55.0, -40.0, 25.0],
        (false, true, true) => [50.0, 55.0, 35.0],
        (true, true, true) => [30.0, 5.0, 5.0],
    }
}

#[test]
fn cmyk_and_ycck_are_converted_by_their_profile() {
    let icc = icc::cmyk(press);
    for node in 0..16_u8 {
        let inks = [8, 4, 2, 1].map(|ink| node & ink != 0);
        let pixels = vec![inks.map(|is_full| if is_full { 255 } else { 0 }); 64 * 64];
        let expected = srgb_of_lab(press(inks));
        assert!(expected.iter().all(|level| (0.0..=255.0).contains(level)), "{inks:?} is outside sRGB: {expected:?}");
        for ycck in [false, true] {
            let file = cmyk_jpeg(&pixels, 64, 64, ycck, Some(&icc));
            let decoded = convert_and_decode(&file);
            let actual = decoded.image.to_rgb8().get_pixel(31, 31).0;
            for (actual, expected) in actual.iter().zip(expected) {
                let off = (f64::from(*actual) - expected).abs();
                assert!(off < 5.0, "{inks:?}, YCCK {ycck}: {actual} is not {expected:.0}");
            }
            assert_eq!((decoded.icc, nclx(&convert_to_avif(&file, &recipe()))), (None, [1, 13, 6, 1]));
        }
        let file = cmyk_tiff(&pixels, 64, 64, &icc, 1);
        assert_eq!(notes(&file), "CMYK was converted to sRGB by its ICC profile");
        let decoded = convert_and_decode(&file).image.to_rgb8();
        for (actual, expected) in decoded.get_pixel(31, 31).0.iter().zip(expected) {
            assert!((f64::from(*actual) - expected).abs() < 5.0, "{inks:?}, TIFF: {actual} is not {expected:.0}");
        }
    }
}

#[test]
fn cmyk_without_a_profile_is_converted_approximately_and_reported() {
    for (ink, expected) in [
        ([0, 0, 0, 0], [255, 255, 255]),
        ([255, 0, 0, 0], [0, 255, 255]),
        ([0, 255, 255, 0], [255, 0, 0]),
        ([0, 0, 0, 255], [0, 0, 0]),
    ] {
        let file = cmyk_jpeg(&[ink; 64 * 64], 64, 64, false, None);
        let actual = convert_and_decode(&file).image.to_rgb8().get_pixel(31, 31).0;
        assert!(actual.iter().zip(expected).all(|(a, b): (&u8, u8)| a.abs_diff(b) < 5), "{ink:?} became {actual:?}");
        assert!(notes(&file).contains("without a profile; its colors are approximate"));
    }
}

#[test]
fn unusable_profile_is_omitted_and_reported() {
    let image = DynamicImage::from(gradient_image(192, 128));
    for (icc, words) in [
        (b"no profile at all".to_vec(), "is damaged"),
        (icc::gray(2.2), "is for gray pixels, but the image has color"),
        (icc::cmyk(press), "is for neither RGB nor gray pixels"),
    ] {
        let file = encode_with_metadata(
            &image,
            ImageFormat::Png,
            EmbeddedMetadata { icc: Some(&icc), ..EmbeddedMetadata::default() },
        );
        let decoded = convert_and_decode(&file);
        assert!(decoded.icc.is_none() && distance(&decoded.image, &image) < MAX_CODING_DISTANCE);
        assert!(notes(&file).contains(words), "{}", notes(&file));
    }
}

#[test]
fn avifdec_decodes_a_lossless_variant_to_the_exact_source_pixels() {
    let noise = |at: u32| u8::try_from(at.wrapping_mul(2_654_435_761) >> 24).unwrap();
    let image = RgbImage::from_fn(70, 50, |x, y| Rgb([noise(x + 70 * y), noise(7 * x + y), noise(x * y)]));
    let recipe = model::Recipe { quality: "100".parse().unwrap(), ..recipe() };
    let decoded = avifdec(&convert_to_avif(&encode_image(&image.clone().into(), ImageFormat::Png), &recipe));
    assert_eq!(decoded.image.to_rgb8(), image);
}

#[test]
fn code_points_of_a_png_are_kept_and_override_its_profile() {
    let image = DynamicImage::from(gradient_image(192, 128));
    let icc = icc::rgb(SRGB, 1.0);
    let file = encode_with_metadata(
        &image,
        ImageFormat::Png,
        EmbeddedMetadata { icc: Some(&icc), ..EmbeddedMetadata::default() },
    );
    // The first code points are those of Display P3. The second code points are the primaries of BT.2020 with the
    // transfer curve of sRGB.
    for [primaries, transfer, matrix] in [[12, 13, 6], [9, 13, 9]] {
        let avif = convert_to_avif(&with_png_chunks(&file, &[(b"cICP", &[primaries, transfer, 0, 1])]), &recipe());
        assert_eq!(nclx(&avif), [primaries, transfer, matrix, 1].map(u16::from));
        let decoded = avifdec(&avif);
        assert!(decoded.icc.is_none() && distance(&decoded.image, &image) < MAX_CODING_DISTANCE);
    }
}

#[test]
fn png_gamma_and_chromaticities_become_a_profile() {
    // The chunks declare a gamma of 0.5 (each level is linear light to the power of 0.5) and the primaries of Display
    // P3.
    let points: Vec<u8> = [31_270_u32, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000]
        .iter()
        .flat_map(|point| point.to_be_bytes())
        .collect();
    let chunks: [(&[u8; 4], &[u8]); 2] = [(b"gAMA", &50_000_u32.to_be_bytes()), (b"cHRM", &points)];
    let image = DynamicImage::from(gradient_image(192, 128));
    let decoded = convert_and_decode(&with_png_chunks(&encode_image(&image, ImageFormat::Png), &chunks));
    assert!(distance(&decoded.image, &image) < MAX_CODING_DISTANCE, "only encoding should change the pixels");
    let icc = decoded.icc.unwrap();
    for (name, column) in [*b"rXYZ", *b"gXYZ", *b"bXYZ"].into_iter().zip(DISPLAY_P3) {
        let numbers = tag(&icc, name);
        for (at, expected) in column.iter().enumerate() {
            let at = 8 + 4 * at;
            let number = f64::from(i32::from_be_bytes(numbers[at..at + 4].try_into().unwrap())) / 65_536.0;
            assert!((number - expected).abs() < 0.002, "{number} is not {expected}");
        }
    }
}

#[test]
fn gray_png_with_a_gamma_chunk_is_converted_to_srgb() {
    let gray = DynamicImage::from(GrayImage::from_pixel(64, 64, Luma([128])));
    // The chunk declares a gamma of 0.7: each level is linear light to the power of 0.7.
    let file = with_png_chunks(&encode_image(&gray, ImageFormat::Png), &[(b"gAMA", &70_000_u32.to_be_bytes())]);
    let expected = srgb_level((128.0_f64 / 255.0).powf(1.0 / 0.7));
    let actual = convert_and_decode(&file).image.to_luma8().get_pixel(30, 30).0[0];
    assert!((f64::from(actual) - expected).abs() < 2.0, "{actual} is not {expected}");
}

#[test]
fn png_with_linear_light_is_tagged_linear_and_keeps_its_pixels() {
    let image = DynamicImage::from(gradient_image(192, 128));
    for image in [image.clone(), image.to_luma8().into()] {
        let file = with_png_chunks(&encode_image(&image, ImageFormat::Png), &[(b"gAMA", &100_000_u32.to_be_bytes())]);
        let avif = convert_to_avif(&file, &recipe());
        assert_eq!(nclx(&avif), [1, 8, 6, 1]);
        let decoded = avifdec(&avif);
        assert!(decoded.icc.is_none() && distance(&decoded.image, &image) < MAX_CODING_DISTANCE);
    }
}

/// Returns the data of the tag with this name in a profile (ICC.1:2022, 7.3).
fn tag(icc: &[u8], name: [u8; 4]) -> &[u8] {
    let number = |at: usize| u32::from_be_bytes(icc[at..at + 4].try_into().unwrap()) as usize;
    let entry = icc::tag_entry(icc, name);
    &icc[number(entry + 4)..][..number(entry + 8)]
}

#[test]
fn premultiplied_tiff_is_unpremultiplied() {
    let pixels: Vec<[u8; 4]> = vec![[200, 120, 40, 128]; 64 * 64];
    let decoded = convert_and_decode(&premultiplied_tiff(&pixels, 64, 64)).image.to_rgba8();
    let Rgba([r, g, b, a]) = *decoded.get_pixel(31, 31);
    assert!(r.abs_diff(200) < 4 && g.abs_diff(120) < 4 && b.abs_diff(40) < 4 && a == 128, "{r},{g},{b},{a}");
}

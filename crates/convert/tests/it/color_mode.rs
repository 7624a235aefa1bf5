//! Tests the settings `compact` and `srgb` of the color description.

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use model::{ColorMode, Recipe};

use crate::animation_fixtures::{Frame, FrameDisposal, apng};
use crate::avif_tools::{avifdec, avifdec_frame, avifenc, avifenc_in, convert_file, convert_to_avif, nclx, recipe};
use crate::fixtures::{
    EmbeddedMetadata, GainMapFormat, encode_image, encode_with_metadata, gradient_image, iccp_chunk, subsampled_jpeg,
    with_gain_map, with_png_chunks,
};
use crate::icc::{self, DISPLAY_P3, SRGB};

fn with_mode(color: ColorMode) -> Recipe {
    Recipe { color, ..recipe() }
}

fn extras(icc: &[u8]) -> EmbeddedMetadata<'_> {
    EmbeddedMetadata { icc: Some(icc), ..EmbeddedMetadata::default() }
}

/// The curve of sRGB as a parametric curve.
fn srgb_curve() -> Vec<u8> {
    let numbers: Vec<u8> = icc::SRGB_CURVE.iter().flat_map(|number| icc::fixed(*number)).collect();
    [b"para\0\0\0\0\0\x03\0\0", &numbers[..]].concat()
}

/// Colors in a Display P3 profile with the exponent 2.2, and the same colors in sRGB, computed with lcms2 2.16. The green
/// of the second color is outside sRGB, so its red is clipped.
const P3_COLORS: [([u8; 3], [u8; 3]); 4] = [
    ([200, 100, 50], [216, 93, 24]),
    ([30, 180, 90], [0, 185, 77]),
    ([60, 80, 160], [51, 80, 167]),
    ([128, 128, 128], [129, 129, 129]),
];

/// Returns an image in which each color fills a quarter of the width.
fn stripes(colors: [[u8; 3]; 4]) -> RgbImage {
    RgbImage::from_fn(128, 32, |x, _| Rgb(colors[x as usize / 32]))
}

/// Checks the color in the middle of each stripe. The quality of the tests changes a channel by up to three levels.
fn assert_stripes(image: &DynamicImage, expected: [[u8; 3]; 4], what: &str) {
    let image = image.to_rgb8();
    for (at, expected) in (0..).zip(expected) {
        let actual = image.get_pixel(32 * at + 16, 16).0;
        assert!(actual.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 3), "{what}: {actual:?}, not {expected:?}");
    }
}

#[test]
fn compact_replaces_a_profile_that_equals_srgb_or_display_p3() {
    let curve = srgb_curve();
    for (columns, expected) in [(SRGB, [1, 13, 6, 1]), (DISPLAY_P3, [12, 13, 6, 1])] {
        let icc = icc::rgb_with_curves(columns, &curve);
        for file in [
            encode_with_metadata(&gradient_image(96, 64).into(), ImageFormat::Png, extras(&icc)),
            subsampled_jpeg(&gradient_image(96, 64), extras(&icc), false),
        ] {
            let [kept, compact] =
                [ColorMode::Keep, ColorMode::Compact].map(|mode| convert_to_avif(&file, &with_mode(mode)));
            assert_eq!(nclx(&compact), expected);
            let [kept, compact] = [kept, compact].map(|avif| avifdec(&avif));
            assert_eq!((kept.icc.as_ref(), compact.icc), (Some(&icc), None));
            assert_eq!(kept.image, compact.image, "only the color description may differ");
        }
    }
}

#[test]
fn compact_keeps_a_profile_that_differs_by_more_than_one_level() {
    let [red, green, blue] = SRGB;
    let curve = srgb_curve();
    // The exponent 2.2 differs from the curve of sRGB by six levels in dark colors.
    let gamma = icc::rgb(SRGB, 2.2);
    let swapped = icc::rgb_with_curves([green, red, blue], &curve);
    let brighter_red = icc::rgb_with_curves([red.map(|number| number * 1.02), green, blue], &curve);
    let pq = icc::with_tag(&icc::rgb_with_curves(SRGB, &curve), *b"cicp", b"cicp\0\0\0\0\x01\x10\0\x01");
    for icc in [gamma, swapped, brighter_red, pq, icc::rgb_lut(icc::LutKind::Table16, 5)] {
        let file = encode_with_metadata(&gradient_image(96, 64).into(), ImageFormat::Png, extras(&icc));
        assert!(avifdec(&convert_to_avif(&file, &with_mode(ColorMode::Compact))).icc.is_some());
    }
}

#[test]
fn srgb_converts_the_pixels_of_every_format() {
    let icc = icc::rgb(DISPLAY_P3, 2.2);
    let image = DynamicImage::from(stripes(P3_COLORS.map(|(color, _)| color)));
    let expected = P3_COLORS.map(|(_, srgb)| srgb);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        let avif = convert_to_avif(&encode_with_metadata(&image, format, extras(&icc)), &with_mode(ColorMode::Srgb));
        let decoded = avifdec(&avif);
        assert_eq!((decoded.icc, nclx(&avif)), (None, [1, 13, 6, 1]), "{format:?}");
        assert_stripes(&decoded.image, expected, &format!("{format:?}"));
    }
    // The planes of this JPEG are not used, because they are in the source's color space.
    let jpeg = subsampled_jpeg(&image.to_rgb8(), extras(&icc), false);
    assert_stripes(&avifdec(&convert_to_avif(&jpeg, &with_mode(ColorMode::Srgb))).image, expected, "4:2:0");
}

#[test]
fn srgb_computes_xyz_for_a_matrix_profile_that_declares_lab() {
    let mut icc = icc::rgb(DISPLAY_P3, 2.2);
    icc[20..24].copy_from_slice(b"Lab ");
    let image = DynamicImage::from(stripes(P3_COLORS.map(|(color, _)| color)));
    let file = encode_with_metadata(&image, ImageFormat::Png, extras(&icc));
    let decoded = avifdec(&convert_to_avif(&file, &with_mode(ColorMode::Srgb))).image;
    assert_stripes(&decoded, P3_COLORS.map(|(_, srgb)| srgb), "Lab");
}

#[test]
fn srgb_keeps_the_bits_and_the_alpha_of_an_image() {
    let icc = icc::rgb(DISPLAY_P3, 2.2);
    let colors = stripes(P3_COLORS.map(|(color, _)| color));
    let translucent = RgbaImage::from_fn(128, 32, |x, y| {
        let Rgb([r, g, b]) = *colors.get_pixel(x, y);
        Rgba([r, g, b, 128])
    });
    let deep = DynamicImage::from(DynamicImage::from(translucent).to_rgba16());
    for (image, info) in [(DynamicImage::from(deep.to_rgba8()), "Bit Depth      : 8"), (deep, "Bit Depth      : 10")] {
        let avif =
            convert_to_avif(&encode_with_metadata(&image, ImageFormat::Png, extras(&icc)), &with_mode(ColorMode::Srgb));
        assert!(crate::avif_tools::avifdec_info(&avif).contains(info), "{info}");
        let decoded = avifdec(&avif).image;
        assert_stripes(&decoded, P3_COLORS.map(|(_, srgb)| srgb), info);
        assert_eq!(decoded.to_rgba8().get_pixel(40, 16).0[3], 128);
    }
}

#[test]
fn srgb_keeps_the_planes_of_an_image_that_is_srgb_already() {
    let jpeg = subsampled_jpeg(&gradient_image(96, 64), extras(&icc::rgb_with_curves(SRGB, &srgb_curve())), false);
    let plain = subsampled_jpeg(&gradient_image(96, 64), EmbeddedMetadata::default(), false);
    let recipe = with_mode(ColorMode::Srgb);
    assert_eq!(convert_to_avif(&jpeg, &recipe), convert_to_avif(&plain, &recipe));
}

#[test]
fn srgb_converts_code_points() {
    // lcms2 2.16 computed the expected colors of Display P3. The other rows are computed from the formulas of ITU-T H.273
    // and ITU-R BT.1886. Linear level 128 is sRGB level 188. With the exponent 2.4, level 128 is sRGB level 121. Gray of
    // BT.2020 with the curve of sRGB stays the same.
    let gray = [[0; 3], [60; 3], [128; 3], [255; 3]];
    for (code_points, colors, expected) in [
        (
            [12, 13],
            [[200, 100, 50], [30, 180, 90], [60, 80, 160], [128, 128, 128]],
            [[215, 93, 31], [0, 183, 78], [54, 81, 166], [128, 128, 128]],
        ),
        ([1, 8], gray, [[0; 3], [133; 3], [188; 3], [255; 3]]),
        ([1, 1], gray, [[0; 3], [49; 3], [121; 3], [255; 3]]),
        ([9, 13], gray, gray),
        ([1, 2], gray, gray),
    ] {
        let png = encode_image(&stripes(colors).into(), ImageFormat::Png);
        let png = with_png_chunks(&png, &[(b"cICP", &[code_points[0], code_points[1], 0, 1])]);
        let avif = convert_to_avif(&png, &with_mode(ColorMode::Srgb));
        assert_eq!(nclx(&avif), [1, 13, 6, 1], "{code_points:?}");
        assert_stripes(&avifdec(&avif).image, expected, &format!("{code_points:?}"));
    }
}

#[test]
fn srgb_converts_gray_with_linear_code_points() {
    let gray = encode_image(&GrayImage::from_pixel(64, 64, Luma([128])).into(), ImageFormat::Png);
    let avif = convert_to_avif(&with_png_chunks(&gray, &[(b"cICP", &[1, 8, 0, 1])]), &with_mode(ColorMode::Srgb));
    assert_eq!(nclx(&avif), [1, 13, 6, 1]);
    assert!(avifdec(&avif).image.to_luma8().get_pixel(30, 30).0[0].abs_diff(188) <= 1);
}

#[test]
fn srgb_keeps_hdr_and_unknown_code_points_and_reports_them() {
    let hdr = "the image has a high dynamic range (PQ or HLG) and was not converted to sRGB";
    let png = encode_image(&gradient_image(96, 64).into(), ImageFormat::Png);
    for (code_points, expected, note) in [
        ([9, 16], [9, 16, 9, 1], hdr),
        ([9, 18], [9, 18, 9, 1], hdr),
        ([1, 200], [1, 200, 6, 1], "the code points 1/200 cannot be converted to sRGB and were kept"),
        ([10, 13], [10, 13, 6, 1], "the code points 10/13 cannot be converted to sRGB and were kept"),
    ] {
        let png = with_png_chunks(&png, &[(b"cICP", &[code_points[0], code_points[1], 0, 1])]);
        let conversion = convert_file(&png, &with_mode(ColorMode::Srgb)).unwrap();
        assert_eq!((nclx(&conversion.variants[0].bytes), &conversion.notes[..]), (expected, &[note.to_owned()][..]));
    }
    let pq = icc::with_tag(&icc::rgb(DISPLAY_P3, 2.2), *b"cicp", b"cicp\0\0\0\0\x0c\x10\0\x01");
    let file = encode_with_metadata(&gradient_image(96, 64).into(), ImageFormat::Png, extras(&pq));
    let conversion = convert_file(&file, &with_mode(ColorMode::Srgb)).unwrap();
    assert_eq!(conversion.notes, [hdr]);
    assert!(avifdec(&conversion.variants[0].bytes).icc.is_some());
}

#[test]
fn srgb_converts_every_frame_of_an_animation() {
    let frame = |colors| Frame {
        left: 0,
        top: 0,
        pixels: DynamicImage::from(stripes(colors)).to_rgba8(),
        milliseconds: 100,
        is_blended: false,
        disposal: FrameDisposal::Keep,
    };
    let (mut colors, mut expected) = (P3_COLORS.map(|(color, _)| color), P3_COLORS.map(|(_, srgb)| srgb));
    let first = frame(colors);
    colors.reverse();
    let animation = apng((128, 32), &[first, frame(colors)], 0, None);
    let animation = with_png_chunks(&animation, &[(b"iCCP", &iccp_chunk(&icc::rgb(DISPLAY_P3, 2.2)))]);
    let avif = convert_to_avif(&animation, &with_mode(ColorMode::Srgb));
    assert_eq!(avifdec(&avif).icc, None);
    assert_stripes(&avifdec_frame(&avif, 0).into(), expected, "first frame");
    expected.reverse();
    assert_stripes(&avifdec_frame(&avif, 1).into(), expected, "second frame");
}

#[test]
fn srgb_encodes_a_still_avif_and_copies_an_animated_avif() {
    let folder = tempfile::tempdir().unwrap();
    let image = stripes(P3_COLORS.map(|(color, _)| color));
    image.save(folder.path().join("a.png")).unwrap();
    std::fs::write(folder.path().join("icc"), icc::rgb(DISPLAY_P3, 2.2)).unwrap();
    let still = avifenc_in(folder.path(), &["--icc", "icc", "a.png"]);
    let animated = avifenc_in(folder.path(), &["--icc", "icc", "a.png", "a.png"]);
    let converted = convert_file(&still, &with_mode(ColorMode::Srgb)).unwrap();
    assert_eq!(converted.notes, [""; 0]);
    assert_stripes(&avifdec(&converted.variants[0].bytes).image, P3_COLORS.map(|(_, srgb)| srgb), "still");
    let copied = convert_file(&animated, &with_mode(ColorMode::Srgb)).unwrap();
    assert!(copied.notes.contains(&"the copied animation was not converted to sRGB".to_owned()), "{:?}", copied.notes);
    assert!(avifdec(&copied.variants[0].bytes).icc.is_some());
    // An AVIF that is sRGB already is copied.
    let srgb = convert_file(&avifenc(&image.into(), &[]), &with_mode(ColorMode::Srgb)).unwrap();
    assert!(srgb.notes[0].contains("copied without re-encoding"), "{:?}", srgb.notes);
}

#[test]
fn gain_map_of_converted_pixels_is_omitted_and_reported() {
    let base = subsampled_jpeg(&gradient_image(192, 128), extras(&icc::rgb(DISPLAY_P3, 2.2)), false);
    let file = with_gain_map(&base, &GrayImage::new(48, 32), GainMapFormat::AdobeXmp);
    let conversion = convert_file(&file, &with_mode(ColorMode::Srgb)).unwrap();
    assert_eq!(conversion.notes, ["its gain map was omitted: it is for the colors before the conversion to sRGB"]);
}

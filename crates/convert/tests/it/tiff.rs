//! Tests that samples of every kind in a TIFF become the pixels that its tags describe.

use image::{DynamicImage, Rgb, RgbImage};
use model::Recipe;

use crate::avif_tools::{avifdec, convert_file, convert_to_avif, recipe};
use crate::tiff_fixtures::{
    COLOR_MAP, COMPRESSION, EXTRA_SAMPLES, ORIENTATION, PLANAR_CONFIGURATION, PREDICTOR, REFERENCE_BLACK_WHITE,
    SAMPLE_FORMAT, Tiff, Values, YCBCR_COEFFICIENTS, YCBCR_SUBSAMPLING,
};
use crate::tiff_kinds::{
    BLACK_IS_ZERO, CIE_LAB, CMYK, ICC_LAB, PALETTE, RGB, WHITE_IS_ZERO, YCBCR, deflate, gradient, planes, row,
};

/// Decodes a file without coding errors. Samples of 16 bits are reduced to 10 bits.
pub(crate) fn decode(file: &[u8]) -> DynamicImage {
    let lossless = Recipe { quality: "100".parse().unwrap(), ..recipe() };
    avifdec(&convert_to_avif(file, &lossless)).image
}

fn notes(file: &[u8]) -> Vec<String> {
    convert_file(file, &recipe()).unwrap().notes
}

/// Checks gray levels; an image of 16 bits may differ by one level of 8 bits.
pub(crate) fn assert_gray(tiff: &Tiff, expected: &[u8], what: &str) {
    let image = decode(&tiff.build());
    assert!(!image.color().has_alpha(), "{what} has alpha");
    let (actual, limit) = (image.to_luma8().into_raw(), u8::from(image.color().bytes_per_pixel() > 1));
    let is_close = actual.iter().zip(expected).all(|(actual, expected)| actual.abs_diff(*expected) <= limit);
    assert!(actual.len() == expected.len() && is_close, "{what}: {actual:?} instead of {expected:?}");
}

/// Checks RGB levels of each pixel, with this tolerance.
pub(crate) fn assert_rgb(tiff: &Tiff, expected: &[[u8; 3]], limit: u8, what: &str) {
    let image = decode(&tiff.build());
    assert!(!image.color().has_alpha(), "{what} has alpha");
    let actual: Vec<[u8; 3]> = image.to_rgb8().pixels().map(|pixel| pixel.0).collect();
    let is_close = |(actual, expected): (&u8, &u8)| actual.abs_diff(*expected) <= limit;
    let is_equal = actual.as_flattened().iter().zip(expected.as_flattened()).all(is_close);
    assert!(actual.len() == expected.len() && is_equal, "{what}: {actual:?} instead of {expected:?}");
}

fn assert_rgba(tiff: &Tiff, expected: &[[u8; 4]], what: &str) {
    let image = decode(&tiff.build());
    assert!(image.color().has_alpha(), "{what} has no alpha");
    let actual: Vec<[u8; 4]> = image.to_rgba8().pixels().map(|pixel| pixel.0).collect();
    assert_eq!(actual, expected, "{what}");
}

#[test]
fn integers_of_every_size_become_full_levels() {
    let cases: [(u16, &[u8], &[u8]); 9] = [
        (1, &[0b1010_0000], &[255, 0, 255, 0]),
        (2, &[0b0001_1011], &[0, 85, 170, 255]),
        (3, &[0b0000_0111, 0b0111_0000], &[0, 36, 219, 255]),
        (4, &[0x0f, 0x81], &[0, 255, 136, 17]),
        (8, &[0, 255, 100, 7], &[0, 255, 100, 7]),
        (12, &[0x00, 0x0f, 0xff, 0x80, 0x04, 0x00], &[0, 255, 128, 64]),
        (16, &[0, 0, 0xff, 0xff, 0, 0x80, 0, 0x40], &[0, 255, 128, 64]),
        (24, &[0, 0, 0, 0xff, 0xff, 0xff, 0, 0, 0x80, 0, 0, 0x40], &[0, 255, 128, 64]),
        (32, &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x80, 0, 0, 0, 0x40], &[0, 255, 128, 64]),
    ];
    for (bits, strip, expected) in cases {
        assert_gray(&row(4, BLACK_IS_ZERO, &[bits], strip), expected, &format!("{bits} bits"));
        let inverted: Vec<u8> = expected.iter().map(|level| 255 - level).collect();
        assert_gray(&row(4, WHITE_IS_ZERO, &[bits], strip), &inverted, &format!("{bits} bits, 0 is white"));
    }
    let big = row(2, BLACK_IS_ZERO, &[16], &[0x40, 0, 0xff, 0]).big_endian(true);
    assert_gray(&big, &[64, 254], "16 bits, big-endian");
    let rgb = row(2, RGB, &[4; 3], &[0x0f, 0x80, 0xf1]);
    assert_rgb(&rgb, &[[0, 255, 136], [0, 255, 17]], 0, "RGB of 4 bits");
    let deep = row(1, RGB, &[32; 3], &[0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x40]);
    assert_rgb(&deep, &[[128, 255, 64]], 1, "RGB of 32 bits");
}

#[test]
fn signed_integers_become_levels_from_black_to_white() {
    let eight = row(4, BLACK_IS_ZERO, &[8], &[0x80, 0xff, 0, 0x7f]).short(SAMPLE_FORMAT, &[2]);
    assert_gray(&eight, &[0, 127, 128, 255], "8 bits");
    assert_eq!(
        notes(&eight.build()),
        ["its samples are signed: the lowest possible number became black, the highest white"]
    );
    let sixteen = [i16::MIN, 0, i16::MAX].map(i16::to_le_bytes).concat();
    let sixteen = row(1, RGB, &[16; 3], &sixteen).short(SAMPLE_FORMAT, &[2; 3]);
    assert_rgb(&sixteen, &[[0, 128, 255]], 1, "16 bits");
    // The older tag DataType with the value of signed integers.
    assert_gray(&row(1, BLACK_IS_ZERO, &[8], &[0]).short(32_996, &[1]), &[128], "DataType");
    // The differences between 0x80, 0xff and 0x7f.
    let strip = deflate(&[0x80, 0x7f, 0x80]);
    let differences = row(3, BLACK_IS_ZERO, &[8], &strip).short(SAMPLE_FORMAT, &[2]).short(COMPRESSION, &[8]);
    assert_gray(&differences.short(PREDICTOR, &[2]), &[0, 127, 255], "differences");
}

#[test]
fn floats_from_0_to_1_become_full_levels() {
    let levels = [0.0_f32, 1.0, 0.5, -3.0, 9.0];
    let expected = [0, 255, 128, 0, 255];
    let single: Vec<u8> = levels.into_iter().flat_map(f32::to_le_bytes).collect();
    let double: Vec<u8> = levels.into_iter().flat_map(|level| f64::from(level).to_le_bytes()).collect();
    // The same numbers with 16 bits.
    let half: Vec<u8> = [0, 0x3c00, 0x3800, 0xc200, 0x4880_u16].into_iter().flat_map(u16::to_le_bytes).collect();
    for (bits, strip) in [(16, half), (32, single), (64, double)] {
        let tiff = row(5, BLACK_IS_ZERO, &[bits], &strip).short(SAMPLE_FORMAT, &[3]);
        assert_gray(&tiff, &expected, &format!("{bits} bits"));
    }
}

#[test]
fn palette_indexes_become_colors() {
    let map = |colors: &[[u16; 3]], factor: u16| -> Vec<u16> {
        (0..3).flat_map(|channel| colors.iter().map(move |color| color[channel] * factor)).collect()
    };
    let colors = [[10, 20, 30], [200, 0, 255], [0, 128, 7], [255, 255, 255]];
    let expected = [[10, 20, 30], [200, 0, 255], [0, 128, 7], [255, 255, 255]];
    // Levels of 16 bits, levels of 8 bits followed by zeros, and levels of 8 bits as some writers store them.
    for factor in [257, 256, 1] {
        let tiff = row(4, PALETTE, &[2], &[0b0001_1011]).short(COLOR_MAP, &map(&colors, factor));
        assert_rgb(&tiff, &expected, 0, &format!("factor {factor}"));
    }
    for (bits, strip) in [(1, &[0b0100_0000][..]), (2, &[0b0001_0000]), (4, &[0x01]), (8, &[0, 1])] {
        let mut all = vec![[0, 0, 0]; 1 << bits];
        all[..2].copy_from_slice(&colors[..2]);
        let tiff = row(2, PALETTE, &[bits], strip).short(COLOR_MAP, &map(&all, 257));
        assert_rgb(&tiff, &expected[..2], 0, &format!("{bits} bits"));
    }
    let deep = row(2, PALETTE, &[1], &[0b0100_0000]).short(COLOR_MAP, &[0, 0x8040, 1000, 0xffff, 300, 600]);
    let image = decode(&deep.build()).to_rgb16();
    let actual: Vec<u16> = image.into_raw().iter().map(|level| level >> 6).collect();
    assert_eq!(actual, [0, 16, 5, 513, 1023, 9], "a palette of 16 bits");
    let mut all = vec![[0, 0, 0]; 256];
    all[..2].copy_from_slice(&colors[..2]);
    let with_alpha = row(2, PALETTE, &[8, 8], &[1, 100, 0, 255]).short(EXTRA_SAMPLES, &[2]);
    let with_alpha = with_alpha.short(COLOR_MAP, &map(&all, 257));
    assert_rgba(&with_alpha, &[[200, 0, 255, 100], [10, 20, 30, 255]], "palette with alpha");
}

#[test]
fn extra_samples_are_alpha_or_omitted() {
    let gray = |extra: &[u16]| row(2, BLACK_IS_ZERO, &[8, 8], &[60, 120, 90, 255]).short(EXTRA_SAMPLES, extra);
    assert_rgba(&gray(&[2]), &[[60, 60, 60, 120], [90, 90, 90, 255]], "gray with alpha");
    assert_rgba(&gray(&[1]), &[[128, 128, 128, 120], [90, 90, 90, 255]], "gray with premultiplied alpha");
    assert_rgba(&gray(&[2]).without(EXTRA_SAMPLES), &[[60, 60, 60, 120], [90, 90, 90, 255]], "gray without the tag");
    assert_gray(&gray(&[0]), &[60, 90], "gray with an unspecified sample");
    let white = row(1, WHITE_IS_ZERO, &[8, 8], &[60, 120]).short(EXTRA_SAMPLES, &[2]);
    assert_rgba(&white, &[[195, 195, 195, 120]], "0 is white");

    let rgb = |extra: &[u16]| row(1, RGB, &[8; 4], &[10, 20, 30, 100]).short(EXTRA_SAMPLES, extra);
    assert_rgba(&rgb(&[2]), &[[10, 20, 30, 100]], "alpha");
    assert_rgba(&rgb(&[999]), &[[10, 20, 30, 100]], "alpha of Corel's programs");
    assert_rgba(&rgb(&[1]), &[[26, 51, 77, 100]], "premultiplied alpha");
    assert_rgba(&rgb(&[2]).without(EXTRA_SAMPLES), &[[10, 20, 30, 100]], "no tag");
    assert_rgba(&rgb(&[2]).without(EXTRA_SAMPLES).short(32_995, &[1]), &[[26, 51, 77, 100]], "the older tag Matteing");
    assert_rgb(&rgb(&[0]), &[[10, 20, 30]], 0, "an unspecified sample");
    assert_eq!(notes(&rgb(&[0]).build()), ["1 of its 4 channels are neither color nor alpha, and were omitted"]);
    let five = |extra: &[u16]| row(1, RGB, &[8; 5], &[10, 20, 30, 100, 50]).short(EXTRA_SAMPLES, extra);
    assert_rgba(&five(&[2, 0]), &[[10, 20, 30, 100]], "alpha and an unspecified sample");
    assert_rgba(&five(&[0, 2]), &[[10, 20, 30, 50]], "an unspecified sample and alpha");
    assert_rgb(&five(&[0, 0]), &[[10, 20, 30]], 0, "two unspecified samples");
    let planes = [10, 20, 30, 100].map(|sample| vec![sample]).to_vec();
    let planar = Tiff::new((1, 1), RGB, &[8; 4]).strips(planes).short(PLANAR_CONFIGURATION, &[2]);
    assert_rgba(&planar.short(EXTRA_SAMPLES, &[2]), &[[10, 20, 30, 100]], "planes");
}

#[test]
fn inks_are_mixed() {
    // Cyan, magenta and yellow let (255 - ink) * (255 - black) / 255 of the light through.
    let inks = [10, 20, 30, 0, 55, 155, 255, 127];
    let expected = [[245, 235, 225], [100, 50, 0]];
    assert_rgb(&row(2, CMYK, &[8; 4], &inks), &expected, 0, "8 bits");
    let deep: Vec<u8> = inks.iter().flat_map(|ink| [*ink, *ink]).collect();
    assert_rgb(&row(2, CMYK, &[16; 4], &deep), &expected, 0, "16 bits");
    let plane = |sample: usize| vec![inks[sample], inks[sample + 4]];
    let planar = Tiff::new((2, 1), CMYK, &[8; 4]).strips((0..4).map(plane).collect());
    assert_rgb(&planar.short(PLANAR_CONFIGURATION, &[2]), &expected, 0, "planes");
    let extra = row(1, CMYK, &[8; 5], &[10, 20, 30, 0, 200]).short(EXTRA_SAMPLES, &[0]);
    assert_rgb(&extra, &expected[..1], 0, "a spot color");
    let declared = row(2, CMYK, &[8; 4], &inks).short(332, &[1]).short(336, &[0, 255]);
    assert_rgb(&declared, &expected, 0, "the default InkSet and DotRange");
    let declared = row(2, CMYK, &[16; 4], &deep).short(336, &[0, 255]);
    assert_rgb(&declared, &expected, 0, "the DotRange of 8 bits");
}

#[test]
fn luma_and_chroma_become_rgb() {
    // JFIF, page 3: R = Y + 1.402 (Cr - 128), G = Y - 0.344 (Cb - 128) - 0.714 (Cr - 128), B = Y + 1.772 (Cb - 128).
    let expected = [[100, 83, 189], [170, 64, 100]];
    let strip = [100, 178, 128, 100, 128, 178];
    let full = row(2, YCBCR, &[8; 3], &strip).short(YCBCR_SUBSAMPLING, &[1, 1]);
    assert_rgb(&full, &expected, 0, "full chroma");
    let planes = vec![vec![100, 100], vec![178, 128], vec![128, 178]];
    let planar = Tiff::new((2, 1), YCBCR, &[8; 3]).strips(planes).short(YCBCR_SUBSAMPLING, &[1, 1]);
    assert_rgb(&planar.short(PLANAR_CONFIGURATION, &[2]), &expected, 0, "planes");
    // BT.709 with the ranges of video.
    let video = row(3, YCBCR, &[8; 3], &[16, 128, 128, 235, 128, 128, 63, 102, 240]);
    let video = video.short(YCBCR_SUBSAMPLING, &[1, 1]);
    let video = video.tag(YCBCR_COEFFICIENTS, Values::Rational(vec![(2126, 10_000), (7152, 10_000), (722, 10_000)]));
    let ranges = [(16, 1), (235, 1), (128, 1), (240, 1), (128, 1), (240, 1)];
    let video = video.tag(REFERENCE_BLACK_WHITE, Values::Rational(ranges.to_vec()));
    assert_rgb(&video, &[[0, 0, 0], [255, 255, 255], [255, 1, 0]], 0, "video");
}

#[test]
fn subsampled_chroma_is_repeated() {
    // An image of 3x3 pixels with the luma 10 to 90. Chroma is neutral in the left column and 148 in the right one.
    let luma = [[10, 20, 30], [40, 50, 60], [70, 80, 90]];
    for (across, down) in [(1, 2), (2, 1), (2, 2), (2, 4), (4, 1), (4, 4)] {
        let mut strip = vec![];
        let mut expected = [[[0; 3]; 3]; 3];
        for top in (0..3).step_by(down) {
            for left in (0..3).step_by(across) {
                // The last column and the last row are repeated.
                let rows = (top..top + down).flat_map(|y| (left..left + across).map(move |x| luma[y.min(2)][x.min(2)]));
                strip.extend(rows);
                let cr = if left == 2 { 148 } else { 128 };
                strip.extend([128, cr]);
                for (y, x) in (top..3.min(top + down)).flat_map(|y| (left..3.min(left + across)).map(move |x| (y, x))) {
                    let level = luma[y][x];
                    expected[y][x] = if cr == 128 { [level; 3] } else { [level + 28, level - 14, level] };
                }
            }
        }
        let subsampling = [across, down].map(|side| u16::try_from(side).unwrap());
        let tiff = Tiff::new((3, 3), YCBCR, &[8; 3]).short(YCBCR_SUBSAMPLING, &subsampling);
        assert_rgb(&tiff.clone().strips(vec![strip.clone()]), expected.as_flattened(), 0, &format!("{subsampling:?}"));
        if subsampling == [2, 2] {
            let default = tiff.strips(vec![strip]).without(YCBCR_SUBSAMPLING);
            assert_rgb(&default, expected.as_flattened(), 0, "the default");
        }
    }
}

#[test]
fn lab_colors_become_srgb() {
    // L*, a* and b* of white, of sRGB's gray 128, and of sRGB's color (200, 100, 50) with the white D50.
    let expected = [[255, 255, 255], [128, 128, 128], [200, 100, 50]];
    let lab: [[f32; 3]; 3] = [[100.0, 0.0, 0.0], [53.585, 0.0, 0.0], [54.217, 38.209, 46.246]];
    #[expect(clippy::cast_possible_truncation, reason = "the values are in range")]
    let encode = |factors: [f32; 3], offset: f32| -> Vec<i32> {
        let values = lab.iter().flat_map(|color| {
            let [l, a, b] = [color[0], color[1] + offset, color[2] + offset];
            [l * factors[0], a * factors[1], b * factors[2]]
        });
        values.map(|value| value.round() as i32).collect()
    };
    let bytes = |values: &[i32]| values.iter().map(|value| value.to_le_bytes()[0]).collect::<Vec<u8>>();
    let words = |values: &[i32]| values.iter().flat_map(|value| value.to_le_bytes()[..2].to_vec()).collect::<Vec<u8>>();
    let cie = bytes(&encode([2.55, 1.0, 1.0], 0.0));
    assert_rgb(&row(3, CIE_LAB, &[8; 3], &cie), &expected, 2, "CIE L*a*b*, 8 bits");
    let icc = bytes(&encode([2.55, 1.0, 1.0], 128.0));
    assert_rgb(&row(3, ICC_LAB, &[8; 3], &icc), &expected, 2, "ICC L*a*b*, 8 bits");
    let cie = words(&encode([655.35, 256.0, 256.0], 0.0));
    assert_rgb(&row(3, CIE_LAB, &[16; 3], &cie), &expected, 1, "CIE L*a*b*, 16 bits");
    let icc = words(&encode([652.8, 256.0, 256.0], 128.0));
    assert_rgb(&row(3, ICC_LAB, &[16; 3], &icc), &expected, 1, "ICC L*a*b*, 16 bits");
}

#[test]
fn orientation_is_applied() {
    // One pixel is red, and all others are gray.
    let image = RgbImage::from_fn(3, 2, |x, y| Rgb(if (x, y) == (2, 0) { [200, 0, 0] } else { [100; 3] }));
    for (orientation, (width, height), red) in [
        (1, (3, 2), (2, 0)),
        (2, (3, 2), (0, 0)),
        (3, (3, 2), (0, 1)),
        (4, (3, 2), (2, 1)),
        (5, (2, 3), (0, 2)),
        (6, (2, 3), (1, 2)),
        (7, (2, 3), (1, 0)),
        (8, (2, 3), (0, 0)),
        // Unknown values are ignored.
        (9, (3, 2), (2, 0)),
    ] {
        let tiff = Tiff::new((3, 2), RGB, &[8; 3]).strips(planes(std::slice::from_ref(&image), false));
        let actual = decode(&tiff.short(ORIENTATION, &[orientation]).build()).to_rgb8();
        let expected = RgbImage::from_fn(width, height, |x, y| Rgb(if (x, y) == red { [200, 0, 0] } else { [100; 3] }));
        assert!(actual == expected, "orientation {orientation}: {actual:?}");
    }
}

#[test]
fn further_pages_and_ignored_tags_are_reported() {
    let tiff = Tiff::new((20, 12), RGB, &[8; 3]).strips(planes(&[gradient()], false));
    assert!(notes(&tiff.build()).is_empty());
    let white_point = |x| tiff.clone().tag(318, Values::Rational(vec![(x, 10_000), (3290, 10_000)]));
    assert_eq!(notes(&white_point(3457).build()), ["its WhitePoint was ignored; the image was treated as sRGB"]);
    assert!(notes(&white_point(3127).build()).is_empty(), "the white of sRGB");
    let floats = row(1, BLACK_IS_ZERO, &[32], &0.5_f32.to_le_bytes()).short(SAMPLE_FORMAT, &[3]);
    assert_eq!(notes(&floats.build()), ["its floating-point levels from 0 to 1 were treated as sRGB"]);
    // The position of the next directory follows the last entry of the first one. The second page is the first page.
    let mut file = tiff.build();
    let page = tiff.build();
    let entries = usize::from(page[8]);
    let next = 10 + 12 * entries;
    let position = u32::try_from(file.len()).unwrap();
    file[next..next + 4].copy_from_slice(&position.to_le_bytes());
    file.extend(&page[8..next + 4]);
    assert_eq!(notes(&file), ["only its first page was converted"]);
    assert_eq!(decode(&file).to_rgb8(), gradient());
    let mut cycle = tiff.build();
    cycle[next..next + 4].copy_from_slice(&8_u32.to_le_bytes());
    assert!(notes(&cycle).is_empty(), "the first directory is followed by itself");
    // The tag NewSubfileType has the lowest number, so it is the first entry. 1 is a thumbnail.
    let mut with_thumbnail = file.clone();
    let second = usize::try_from(position).unwrap() + 2;
    with_thumbnail[second..second + 12].copy_from_slice(&[254, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    assert!(notes(&with_thumbnail).is_empty());
}

//! Tests that the strips and tiles of a TIFF become the same pixels in every layout and compression.

use image::RgbImage;

use crate::tiff::{assert_gray, assert_rgb};
use crate::tiff_fixtures::{
    COMPRESSION, FILL_ORDER, PHOTOMETRIC, PLANAR_CONFIGURATION, PREDICTOR, ROWS_PER_STRIP, SAMPLE_FORMAT,
    STRIP_BYTE_COUNTS, T4_OPTIONS, Tiff,
};
use crate::tiff_kinds::{
    BLACK_IS_ZERO, CMYK, FAX, FAX_STRIPS, RGB, WHITE_IS_ZERO, YCBCR, colors, cut, deflate, faxes, gradient, jpeg,
    jpeg_tiffs, literal_packbits, lzw, planes, repeated_rows, row,
};

#[test]
fn every_layout_has_the_same_pixels() {
    let image = gradient();
    for (is_big_endian, is_bigtiff) in [(false, false), (false, true), (true, false), (true, true)] {
        for is_planar in [false, true] {
            let tiff = Tiff::new((20, 12), RGB, &[8; 3]).big_endian(is_big_endian).bigtiff(is_bigtiff);
            let tiff = if is_planar { tiff.short(PLANAR_CONFIGURATION, &[2]) } else { tiff };
            let what = format!("big-endian {is_big_endian}, BigTIFF {is_bigtiff}, planes {is_planar}");
            for rows in [1, 5, 12] {
                let mut strips = cut(&image, (20, rows));
                // The last strip contains only rows of the image.
                let last = strips.len() - 1;
                let height = 12 - rows * u32::try_from(last).unwrap();
                strips[last] = RgbImage::from_fn(20, height, |x, y| *strips[last].get_pixel(x, y));
                let tiff = tiff.clone().long(ROWS_PER_STRIP, &[rows]).strips(planes(&strips, is_planar));
                assert_rgb(&tiff, &colors(&image), 0, &format!("strips of {rows} rows, {what}"));
            }
            for size in [(16, 16), (8, 4), (64, 64)] {
                let tiff = tiff.clone().tiles(size, planes(&cut(&image, size), is_planar));
                assert_rgb(&tiff, &colors(&image), 0, &format!("tiles of {size:?}, {what}"));
            }
        }
    }
}

#[test]
fn missing_tags_of_strips_have_their_defaults() {
    let image = gradient();
    let tiff = Tiff::new((20, 12), RGB, &[8; 3]).strips(planes(std::slice::from_ref(&image), false));
    for (what, tiff) in [
        ("no RowsPerStrip", tiff.clone().without(ROWS_PER_STRIP)),
        ("one strip with any number of rows", tiff.clone().long(ROWS_PER_STRIP, &[u32::MAX])),
        ("no StripByteCounts", tiff.clone().without(STRIP_BYTE_COUNTS)),
        ("a length of 0", tiff.clone().long(STRIP_BYTE_COUNTS, &[0])),
        ("a length that is too small", tiff.clone().long(STRIP_BYTE_COUNTS, &[7])),
        ("one value of BitsPerSample", tiff.clone().short(258, &[8])),
        ("no Compression", tiff.clone().without(COMPRESSION)),
        ("a Predictor without compression", tiff.short(PREDICTOR, &[2])),
    ] {
        assert_rgb(&tiff, &colors(&image), 0, what);
    }
    let strip = lzw(image.as_raw(), false);
    let tiff = Tiff::new((20, 12), RGB, &[8; 3]).strips(vec![strip]).short(COMPRESSION, &[5]);
    assert_rgb(&tiff.without(STRIP_BYTE_COUNTS), &colors(&image), 0, "no StripByteCounts, LZW");
}

#[test]
fn every_lossless_compression_has_the_same_pixels() {
    let image = gradient();
    let raw = image.as_raw();
    for (what, compression, strip) in [
        ("LZW", 5, lzw(raw, false)),
        ("old LZW", 5, lzw(raw, true)),
        // The last byte contains only a part of the end code.
        ("LZW without the end", 5, lzw(raw, false)[..lzw(raw, false).len() - 1].to_vec()),
        ("Deflate", 8, deflate(raw)),
        ("Deflate with the older number", 32_946, deflate(raw)),
        ("PackBits", 32_773, literal_packbits(raw)),
    ] {
        let tiff = Tiff::new((20, 12), RGB, &[8; 3]).strips(vec![strip]).short(COMPRESSION, &[compression]);
        assert_rgb(&tiff, &colors(&image), 0, what);
    }
    // Three times 7, no operation, the literals 1 to 4, and 5 twice.
    let packed = [0xfe, 7, 0x80, 3, 1, 2, 3, 4, 0xff, 5];
    let tiff = Tiff::new((3, 3), BLACK_IS_ZERO, &[8]).strips(vec![packed.to_vec()]).short(COMPRESSION, &[32_773]);
    assert_gray(&tiff, &[7, 7, 7, 1, 2, 3, 4, 5, 5], "PackBits with runs over the ends of rows");
    let expected: Vec<u8> = (0..8).flat_map(|_| (0..16).map(|step| step * 16)).collect();
    for (what, tiff) in repeated_rows() {
        assert_gray(&tiff, &expected, what);
    }
}

#[test]
fn every_fax_encoding_has_the_same_pixels() {
    let bits = FAX.iter().flat_map(|row| (0..16).rev().map(move |bit| row >> bit & 1 == 1));
    let expected: Vec<u8> = bits.map(|is_black| if is_black { 0 } else { 255 }).collect();
    let inverted: Vec<u8> = expected.iter().map(|level| 255 - level).collect();
    for (what, tiff) in faxes() {
        assert_gray(&tiff, &expected, what);
        assert_gray(&tiff.short(PHOTOMETRIC, &[WHITE_IS_ZERO]), &inverted, &format!("{what}, 0 is white"));
    }
}

#[test]
fn fill_order_2_starts_with_the_lowest_bit() {
    let reversed = |strip: Vec<u8>| vec![strip.into_iter().map(u8::reverse_bits).collect::<Vec<u8>>()];
    let image = gradient();
    for (what, compression, strip) in [
        ("stored", 1, image.as_raw().clone()),
        ("LZW", 5, lzw(image.as_raw(), false)),
        ("Deflate", 8, deflate(image.as_raw())),
        ("PackBits", 32_773, literal_packbits(image.as_raw())),
    ] {
        let tiff = Tiff::new((20, 12), RGB, &[8; 3]).strips(reversed(strip)).short(COMPRESSION, &[compression]);
        assert_rgb(&tiff.short(FILL_ORDER, &[2]), &colors(&image), 0, what);
    }
    let bilevel = row(4, BLACK_IS_ZERO, &[1], &[0b0000_0101]).short(FILL_ORDER, &[2]);
    assert_gray(&bilevel, &[255, 0, 255, 0], "1 bit");
    let bits = FAX.iter().flat_map(|row| (0..16).rev().map(move |bit| row >> bit & 1 == 1));
    let expected: Vec<u8> = bits.map(|is_black| if is_black { 0 } else { 255 }).collect();
    for (what, compression, options, strip) in FAX_STRIPS {
        let tiff = Tiff::new((16, 8), BLACK_IS_ZERO, &[1]).strips(reversed(strip.to_vec()));
        let tiff = tiff.short(COMPRESSION, &[compression]).long(T4_OPTIONS, &[options]).short(FILL_ORDER, &[2]);
        assert_gray(&tiff, &expected, what);
    }
}

#[test]
fn differences_become_samples() {
    let eight = row(3, RGB, &[8; 3], &deflate(&[10, 20, 30, 5, 250, 0, 1, 1, 1]));
    let eight = eight.short(COMPRESSION, &[8]).short(PREDICTOR, &[2]);
    assert_rgb(&eight, &[[10, 20, 30], [15, 14, 30], [16, 15, 31]], 0, "8 bits");
    // The levels 0x10ff, 0x2000 and 0x1fff, in both byte orders.
    let little = deflate(&[0xff, 0x10, 0x01, 0x0f, 0xff, 0xff]);
    let little = row(3, BLACK_IS_ZERO, &[16], &little).short(COMPRESSION, &[8]).short(PREDICTOR, &[2]);
    assert_gray(&little, &[17, 32, 32], "16 bits");
    let big = deflate(&[0x10, 0xff, 0x0f, 0x01, 0xff, 0xff]);
    let big = row(3, BLACK_IS_ZERO, &[16], &big).short(COMPRESSION, &[8]).short(PREDICTOR, &[2]).big_endian(true);
    assert_gray(&big, &[17, 32, 32], "16 bits, big-endian");
    // The numbers 0.5, 0.25 and 1.0 are 3f000000, 3e800000 and 3f800000. Their first bytes come first.
    let floats = lzw(&[0x3f, 0xff, 0x01, 0xc1, 0x80, 0x00, 0x80, 0, 0, 0, 0, 0], false);
    for is_big_endian in [false, true] {
        let floats = row(3, BLACK_IS_ZERO, &[32], &floats).short(SAMPLE_FORMAT, &[3]).short(COMPRESSION, &[5]);
        let floats = floats.short(PREDICTOR, &[3]).big_endian(is_big_endian);
        assert_gray(&floats, &[128, 64, 255], "floats");
    }
    // Planes have differences of their own.
    let planes = [[10, 5], [20, 250], [30, 0]].map(|plane| deflate(&plane)).to_vec();
    let planar = Tiff::new((2, 1), RGB, &[8; 3]).strips(planes).short(COMPRESSION, &[8]).short(PREDICTOR, &[2]);
    assert_rgb(&planar.short(PLANAR_CONFIGURATION, &[2]), &[[10, 20, 30], [15, 14, 30]], 0, "planes");
}

#[test]
fn jpeg_strips_have_the_colors_of_the_tags() {
    for (what, tiff) in jpeg_tiffs() {
        assert_rgb(&tiff, &colors(&gradient()), 6, what);
    }
    let gray = [vec![40; 64], vec![200; 64]].concat();
    for photometric in [BLACK_IS_ZERO, YCBCR] {
        let strip = jpeg(&gray, (8, 16), 1, false);
        let tiff = Tiff::new((8, 16), photometric, &[8]).strips(vec![strip]).short(COMPRESSION, &[7]);
        assert_gray(&tiff, &gray, "gray");
    }
    let inks = [10, 20, 30, 0].repeat(64);
    let tiff = Tiff::new((8, 8), CMYK, &[8; 4]).strips(vec![jpeg(&inks, (8, 8), 4, false)]).short(COMPRESSION, &[7]);
    assert_rgb(&tiff, &[[245, 235, 225]; 64], 1, "CMYK");
}

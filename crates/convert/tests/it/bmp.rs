//! Tests the kinds of bitmaps against the behavior of Chromium's `BMPImageReader`. The files are built byte by byte.

use convert::Error;
use model::DamagedMode;

use crate::avif_tools::{avifdec, convert_exactly, convert_file, convert_to_avif, exact_pixels, recipe};
use crate::bmp_fixtures::{bmp, header, with_masks};

const RED: [u8; 4] = [255, 0, 0, 255];
const GREEN: [u8; 4] = [0, 255, 0, 255];
const BLUE: [u8; 4] = [0, 0, 255, 255];
const WHITE: [u8; 4] = [255; 4];
const BLACK: [u8; 4] = [0, 0, 0, 255];

const BI_RGB: u32 = 0;
const BI_RLE8: u32 = 1;
const BI_RLE4: u32 = 2;
const BI_BITFIELDS: u32 = 3;
const BCA_RLE24: u32 = 4;
const BI_ALPHABITFIELDS: u32 = 6;

/// Red, green, blue and white, with an unused byte in each entry.
const PALETTE: [u8; 16] = [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0];

fn error(file: &[u8]) -> String {
    let error = convert_file(file, &recipe()).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. } | Error::Unsupported { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn rows_are_stored_from_bottom_to_top_unless_the_height_is_negative() {
    let pixels = [255, 0, 0, 0, 255, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0];
    assert_eq!(exact_pixels(&bmp(&header(40, 2, 2, 24, BI_RGB, 0), b"", &pixels)), [RED, WHITE, BLUE, GREEN]);
    assert_eq!(exact_pixels(&bmp(&header(40, 2, -2, 24, BI_RGB, 0), b"", &pixels)), [BLUE, GREEN, RED, WHITE]);
}

#[test]
fn indices_have_one_two_four_or_eight_bits() {
    for (bits, stored) in [(1, &[0b0110_0000][..]), (2, &[0b0001_1011]), (4, &[0x01, 0x23]), (8, &[0, 1, 2, 3])] {
        let expected = if bits == 1 { [RED, GREEN, GREEN, RED] } else { [RED, GREEN, BLUE, WHITE] };
        let mut row = stored.to_vec();
        row.resize(4, 0);
        assert_eq!(exact_pixels(&bmp(&header(40, 4, 1, bits, BI_RGB, 4), &PALETTE, &row)), expected, "{bits}");
    }
}

#[test]
fn os2_headers_are_read() {
    // OS/2 1.x has a palette without unused bytes, with all entries for its bits.
    let core = [&12_u32.to_le_bytes()[..], &[2, 0, 1, 0, 1, 0, 1, 0]].concat();
    assert_eq!(exact_pixels(&bmp(&core, &[0, 0, 255, 255, 0, 0], &[0b0100_0000, 0, 0, 0])), [RED, BLUE]);
    for length in [16, 20, 36, 42, 46, 64] {
        let mut header = header(64, 2, 1, 4, BI_RGB, 4);
        header[..4].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
        let mut table = PALETTE.to_vec();
        table.resize(64, 0);
        assert_eq!(exact_pixels(&bmp(&header[..length], &table, &[0x12, 0, 0, 0])), [GREEN, BLUE], "{length}");
    }
    for length in [15, 41, 68, 1 << 30] {
        let mut header = header(124, 2, 1, 4, BI_RGB, 4);
        header[..4].copy_from_slice(&u32::to_le_bytes(length));
        assert_eq!(
            error(&bmp(&header, &PALETTE, &[0; 4])),
            format!("BMP of an unsupported kind: a header of {length} bytes")
        );
    }
}

#[test]
fn palette_may_be_shorter_or_longer_than_its_bits() {
    // The number of colors is more than eight bits can index, so the palette has 256 entries.
    let mut long = PALETTE.to_vec();
    long.resize(300 * 4, 9);
    assert_eq!(
        exact_pixels(&bmp(&header(40, 4, 1, 8, BI_RGB, 300), &long, &[0, 3, 4, 255])),
        [RED, WHITE, [9, 9, 9, 255], [9, 9, 9, 255]]
    );
    // Indices beyond the declared number of colors, and beyond a palette that ends at the pixels, are black.
    for colors in [4, 0] {
        let file = bmp(&header(40, 4, 1, 8, BI_RGB, colors), &PALETTE, &[0, 3, 4, 255]);
        assert_eq!(exact_pixels(&file), [RED, WHITE, BLACK, BLACK], "{colors}");
    }
}

#[test]
fn offset_of_the_pixels_may_be_zero_but_not_within_the_header() {
    let mut file = bmp(&header(40, 2, 1, 8, BI_RGB, 4), &PALETTE, &[1, 2, 0, 0]);
    file[10..14].fill(0);
    assert_eq!(exact_pixels(&file), [GREEN, BLUE]);
    file[10] = 53;
    assert_eq!(error(&file), "damaged BMP: its pixels begin within its header");
    let masks = [0xf800, 0x7e0, 0x1f].map(u32::to_le_bytes).concat();
    let mut file = bmp(&header(40, 2, 1, 16, BI_BITFIELDS, 0), &masks, &[0, 0xf8, 0x1f, 0]);
    file[10..14].fill(0);
    assert_eq!(exact_pixels(&file), [RED, BLUE]);
}

#[test]
fn fields_for_sizes_and_planes_are_ignored() {
    let mut file = bmp(&header(40, 1, 1, 24, BI_RGB, 0), b"", &[0, 0, 255, 0]);
    file[2..6].fill(0xff);
    file[26..28].fill(7);
    file[34..38].fill(0xff);
    assert_eq!(exact_pixels(&[&file[..], b"trailing"].concat()), [RED]);
}

#[test]
fn last_padding_may_be_missing() {
    let rows = [0, 0, 255, 0, 255, 0, 0, 0, 255, 0, 0, 255, 255, 255];
    let file = bmp(&header(40, 2, 2, 24, BI_RGB, 0), b"", &rows);
    assert_eq!(exact_pixels(&file), [BLUE, WHITE, RED, GREEN]);
    assert_eq!(error(&file[..file.len() - 1]), "damaged BMP: it has only 1 of its 2 rows");
    let lenient = convert_exactly(&file[..file.len() - 1], DamagedMode::Convert);
    assert!(matches!(lenient, Err(Error::Damaged { .. })), "only JPEG, PNG and GIF are converted if they are damaged");
}

#[test]
fn pixels_of_sixteen_bits_have_five_bits_for_each_color_or_masks() {
    let pixels = [0x00, 0x7c, 0xe0, 0x03, 0x63, 0x0c, 0xff, 0xff];
    let file = bmp(&header(40, 4, 1, 16, BI_RGB, 0), b"", &pixels);
    assert_eq!(exact_pixels(&file), [RED, GREEN, [25, 25, 25, 255], WHITE]);
    let masks = |masks: [u32; 3]| masks.map(u32::to_le_bytes).concat();
    let file = bmp(&header(40, 2, 1, 16, BI_BITFIELDS, 0), &masks([0xf800, 0x7e0, 0x1f]), &[0xe0, 0x07, 0x63, 0x18]);
    assert_eq!(exact_pixels(&file), [GREEN, [25, 12, 25, 255]]);
    // The masks may have any order and any number of bits, also none.
    let file = bmp(&header(40, 2, 1, 16, BI_BITFIELDS, 0), &masks([0x1, 0, 0xfff0]), &[1, 0, 0xf0, 0xff]);
    assert_eq!(exact_pixels(&file), [RED, BLUE]);
    let overlap = bmp(&header(40, 2, 1, 16, BI_BITFIELDS, 0), &masks([0x3, 0x6, 0xf0]), &[0; 4]);
    assert_eq!(error(&overlap), "damaged BMP: its color masks overlap");
    let gap = bmp(&header(40, 2, 1, 16, BI_BITFIELDS, 0), &masks([0x5, 0x8, 0xf0]), &[0; 4]);
    assert_eq!(error(&gap), "damaged BMP: a color mask has a gap");
}

#[test]
fn alpha_mask_of_the_header_applies_with_and_without_bit_fields() {
    let pixels = [0, 0, 255, 128, 255, 0, 0, 0];
    let half_red = [255, 0, 0, 128];
    for length in [56, 108, 124] {
        let alpha = with_masks(header(length, 2, 1, 32, BI_RGB, 0), [0, 0, 0, 0xff00_0000]);
        let mut alpha = bmp(&alpha, b"", &pixels);
        // The color space is sRGB.
        if length > 56 {
            alpha[70..74].copy_from_slice(b"BGRs");
        }
        assert_eq!(exact_pixels(&alpha), [half_red, [0, 0, 255, 0]], "{length}");
        let colors = [0xff, 0xff00, 0xff_0000, 0xff00_0000];
        let fields = bmp(&with_masks(header(length, 2, 1, 32, BI_BITFIELDS, 0), colors), b"", &pixels);
        assert_eq!(exact_pixels(&fields), [[0, 0, 255, 128], [255, 0, 0, 0]], "{length}");
        let without = bmp(&header(length, 2, 1, 32, BI_RGB, 0), b"", &pixels);
        assert_eq!(exact_pixels(&without), [RED, BLUE], "{length}");
    }
    // Without a mask, the fourth byte is not used.
    assert_eq!(exact_pixels(&bmp(&header(40, 2, 1, 32, BI_RGB, 0), b"", &pixels)), [RED, BLUE]);
    let masks = [0xff_0000, 0xff00, 0xff, 0xff00_0000].map(u32::to_le_bytes).concat();
    let file = bmp(&header(40, 2, 1, 32, BI_ALPHABITFIELDS, 0), &masks, &pixels);
    assert_eq!(exact_pixels(&file), [half_red, [0, 0, 255, 0]]);
    // A mask beyond the bits of a pixel is not used.
    let file = bmp(&with_masks(header(56, 1, 1, 24, BI_RGB, 0), [0, 0, 0, 0xff00_0000]), b"", &[0, 0, 255, 0]);
    assert_eq!(exact_pixels(&file), [RED]);
}

#[test]
fn alpha_of_zero_in_all_pixels_means_opaque() {
    let header = with_masks(header(56, 2, 1, 32, BI_RGB, 0), [0, 0, 0, 0xff00_0000]);
    assert_eq!(exact_pixels(&bmp(&header, b"", &[0, 0, 255, 0, 255, 0, 0, 0])), [RED, BLUE]);
}

#[test]
fn run_lengths_are_decoded() {
    let file = |bits, compression, data: &[u8]| bmp(&header(40, 4, 2, bits, compression, 4), &PALETTE, data);
    let rows = [RED, GREEN, BLUE, WHITE, GREEN, GREEN, GREEN, RED];
    // A run of three, a run of one, the end of the row; four indices, the end of the row, the end of the bitmap.
    let rle8 = [3, 1, 1, 0, 0, 0, 0, 4, 0, 1, 2, 3, 0, 0, 0, 1];
    assert_eq!(exact_pixels(&file(8, BI_RLE8, &rle8)), rows);
    assert_eq!(exact_pixels(&file(8, BI_RLE8, &rle8[..rle8.len() - 2])), rows, "without the end of the bitmap");
    assert_eq!(exact_pixels(&file(8, BI_RLE8, &rle8[..rle8.len() - 4])), rows, "without the end of the row");
    assert_eq!(exact_pixels(&file(4, BI_RLE8, &rle8)), rows, "with a number of bits that is too small");
    // A run of three alternating indices is GREEN, GREEN, GREEN; the stored indices are padded to two bytes.
    let rle4 = [3, 0x11, 1, 0x00, 0, 0, 0, 4, 0x01, 0x23, 0, 0, 0, 1];
    assert_eq!(exact_pixels(&file(4, BI_RLE4, &rle4)), rows);
    let alternating = [4, 0x12, 0, 0, 0, 3, 0x01, 0x20, 1, 0x33, 0, 1];
    assert_eq!(exact_pixels(&file(4, BI_RLE4, &alternating)), [RED, GREEN, BLUE, WHITE, GREEN, BLUE, GREEN, BLUE]);
    let colors = [3, 0, 255, 0, 1, 0, 0, 255, 0, 0, 0, 4, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 0, 1];
    assert_eq!(exact_pixels(&file(24, BCA_RLE24, &colors)), rows);
}

#[test]
fn pixels_that_run_lengths_omit_are_black() {
    let file = |data: &[u8]| bmp(&header(40, 3, 3, 8, BI_RLE8, 4), &PALETTE, data);
    // One pixel in the bottom row; a delta of one column and one row; one pixel in the middle row; the end.
    let pixels = [BLACK, BLACK, BLACK, BLACK, BLACK, GREEN, RED, BLACK, BLACK];
    assert_eq!(exact_pixels(&file(&[1, 0, 0, 2, 1, 1, 1, 1, 0, 1])), pixels);
    // A run that is longer than its row is cropped.
    assert_eq!(exact_pixels(&file(&[9, 0, 0, 1])), [[BLACK; 3], [BLACK; 3], [RED; 3]].concat());
    assert_eq!(error(&file(&[0, 4, 0, 0, 0, 0, 0, 1])), "damaged BMP: a run of pixels extends beyond its row");
    assert_eq!(error(&file(&[0, 2, 9, 0, 0, 1])), "damaged BMP: a position is outside the image");
    assert_eq!(error(&file(&[3, 0, 0, 0, 3, 0])), "damaged BMP: it has only 2 of its 3 rows");
}

#[test]
fn unsupported_compression_is_named() {
    for (bits, compression, name) in [
        (1, 3, "Huffman compression"),
        (0, 4, "an embedded JPEG"),
        (0, 5, "an embedded PNG"),
        (32, 11, "CMYK"),
        (24, 9, "compression 9 with 24 bits per pixel"),
        (3, 0, "compression 0 with 3 bits per pixel"),
    ] {
        let file = bmp(&header(40, 2, 1, bits, compression, 0), b"", &[0; 64]);
        assert_eq!(error(&file), format!("BMP of an unsupported kind: {name}"));
    }
}

#[test]
fn embedded_profile_is_kept_and_a_linked_profile_is_reported() {
    let icc = crate::icc::rgb(crate::icc::DISPLAY_P3, 2.2);
    let mut header = header(124, 1, 1, 24, BI_RGB, 0);
    header[56..60].copy_from_slice(b"DEBM");
    header[112..120].copy_from_slice(&[128, u32::try_from(icc.len()).unwrap()].map(u32::to_le_bytes).concat());
    let file = bmp(&header, b"", &[&[0, 0, 255, 0], &icc[..]].concat());
    let keep = model::Recipe { metadata: model::Metadata::Keep, ..recipe() };
    assert_eq!(avifdec(&convert_to_avif(&file, &keep)).icc, Some(icc));
    let notes = |file: &[u8]| convert_file(file, &recipe()).unwrap().notes;
    assert_eq!(notes(&file[..300]), ["the ICC profile is damaged; the image was treated as sRGB"]);
    header[56..60].copy_from_slice(b"KNIL");
    let linked = bmp(&header, b"", &[0, 0, 255, 0]);
    assert_eq!(notes(&linked), ["its ICC profile is in another file; the image was treated as sRGB"]);
}

#[test]
fn calibrated_colors_are_ignored() {
    let fixed = |number: f64, bits: i32| format!("{:.0}", number * 2_f64.powi(bits)).parse::<u32>().unwrap();
    let mut header = header(108, 1, 1, 24, BI_RGB, 0);
    let file = |header: &[u8]| bmp(header, b"", &[0x80, 0x80, 0x80, 0]);
    let level = |file: &[u8]| avifdec(&convert_to_avif(file, &recipe())).icc;
    assert_eq!(level(&file(&header)), None, "coordinates of zero are not a color space");
    let points = [0.64, 0.33, 0.03, 0.21, 0.71, 0.08, 0.15, 0.06, 0.79].map(|number| fixed(number, 30));
    let gammas = [2.2; 3].map(|number| fixed(number, 16));
    header[60..96].copy_from_slice(&points.map(u32::to_le_bytes).concat());
    header[96..108].copy_from_slice(&gammas.map(u32::to_le_bytes).concat());
    assert_eq!(level(&file(&header)), None, "Chromium ignores the primaries and the gamma");
}

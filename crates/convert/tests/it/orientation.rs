use image::{DynamicImage, ImageFormat, RgbImage};

use crate::look::{CODING, converted, distance};
use crate::source::{Extras, cmyk_tiff, exif, file_with, picture};

/// How a camera held in that way stores the picture (Exif 3.0, tag 274: which visual sides the stored row 0 and column 0
/// are).
pub(crate) fn stored(upright: &RgbImage, orientation: u8) -> RgbImage {
    let (width, height) = upright.dimensions();
    let (right, bottom) = (width - 1, height - 1);
    let size = if orientation > 4 { (height, width) } else { (width, height) };
    RgbImage::from_fn(size.0, size.1, |column, row| {
        let (x, y) = match orientation {
            1 => (column, row),
            2 => (right - column, row),
            3 => (right - column, bottom - row),
            4 => (column, bottom - row),
            5 => (row, column),
            6 => (right - row, column),
            7 => (right - row, bottom - column),
            8 => (row, bottom - column),
            other => unreachable!("Exif knows no orientation {other}"),
        };
        *upright.get_pixel(x, y)
    })
}

#[test]
fn all_eight_orientations_come_out_upright() {
    for (width, height) in [(192, 128), (128, 192)] {
        let upright = picture(width, height);
        let expected = DynamicImage::from(upright.clone());
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            for orientation in 1..=8 {
                let exif = exif(orientation);
                let extras = Extras { exif: Some(&exif), ..Extras::default() };
                let seen = converted(&file_with(&stored(&upright, orientation).into(), format, extras));
                let off = distance(&seen.image, &expected);
                assert!(off < CODING, "{format:?}, {width}x{height}, orientation {orientation}: off by {off}");
            }
        }
    }
}

#[test]
fn an_orientation_that_exif_does_not_know_turns_nothing() {
    let upright = DynamicImage::from(picture(192, 128));
    for orientation in [0, 9, 255] {
        let exif = exif(orientation);
        let extras = Extras { exif: Some(&exif), ..Extras::default() };
        let seen = converted(&file_with(&upright, ImageFormat::Jpeg, extras));
        assert!(distance(&seen.image, &upright) < CODING, "{orientation}");
    }
}

#[test]
fn a_tiff_of_inks_is_turned_too() {
    let icc = crate::icc::cmyk(|[_, _, _, black]| if black { [0.0, 0.0, 0.0] } else { [100.0, 0.0, 0.0] });
    // Black at the left, as stored; a quarter turn clockwise puts it at the top.
    let inks: Vec<[u8; 4]> = (0..64 * 64).map(|at| [0, 0, 0, if at % 64 < 32 { 255 } else { 0 }]).collect();
    let seen = converted(&cmyk_tiff(&inks, 64, 64, &icc, 6)).image.to_luma8();
    assert!(seen.get_pixel(50, 10).0[0] < 20 && seen.get_pixel(10, 50).0[0] > 235);
}

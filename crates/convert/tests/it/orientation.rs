use image::{DynamicImage, GenericImageView, ImageFormat, RgbImage};

use crate::avif_tools::{MAX_CODING_DISTANCE, convert_and_decode, distance};
use crate::fixtures::{
    EmbeddedMetadata, cmyk_tiff, encode_image, encode_with_metadata, exif_with_orientation, gradient_image,
};

/// Returns the pixels that a camera stores for an upright image if the file has this orientation. Exif 3.0 defines the
/// orientation (tag 274) by the visual sides of the stored row 0 and column 0.
pub(crate) fn store(upright: &RgbImage, orientation: u8) -> RgbImage {
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
            other => unreachable!("Exif has no orientation {other}"),
        };
        *upright.get_pixel(x, y)
    })
}

#[test]
fn all_eight_orientations_become_upright() {
    for (width, height) in [(192, 128), (128, 192)] {
        let upright = gradient_image(width, height);
        let expected = DynamicImage::from(upright.clone());
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            for orientation in 1..=8 {
                let exif = exif_with_orientation(orientation);
                let extras = EmbeddedMetadata { exif: Some(&exif), ..EmbeddedMetadata::default() };
                let decoded =
                    convert_and_decode(&encode_with_metadata(&store(&upright, orientation).into(), format, extras));
                let off = distance(&decoded.image, &expected);
                assert!(
                    off < MAX_CODING_DISTANCE,
                    "{format:?}, {width}x{height}, orientation {orientation}: off by {off}"
                );
            }
        }
    }
}

#[test]
fn invalid_orientation_is_ignored() {
    let upright = DynamicImage::from(gradient_image(192, 128));
    for orientation in [0, 9, 255] {
        let exif = exif_with_orientation(orientation);
        let extras = EmbeddedMetadata { exif: Some(&exif), ..EmbeddedMetadata::default() };
        let decoded = convert_and_decode(&encode_with_metadata(&upright, ImageFormat::Jpeg, extras));
        assert!(distance(&decoded.image, &upright) < MAX_CODING_DISTANCE, "{orientation}");
    }
}

#[test]
fn orientation_of_a_cmyk_tiff_is_applied() {
    let icc = crate::icc::cmyk(|[_, _, _, black]| if black { [0.0, 0.0, 0.0] } else { [100.0, 0.0, 0.0] });
    // In the stored image, the left half is black. If the image is rotated clockwise by 90°, the black half is at the
    // top.
    let inks: Vec<[u8; 4]> = (0..64 * 64).map(|at| [0, 0, 0, if at % 64 < 32 { 255 } else { 0 }]).collect();
    let decoded = convert_and_decode(&cmyk_tiff(&inks, 64, 64, &icc, 6)).image.to_luma8();
    assert!(decoded.get_pixel(50, 10).0[0] < 20 && decoded.get_pixel(10, 50).0[0] > 235);
}

#[test]
fn first_exif_segment_of_a_jpeg_decides_the_orientation() {
    let segment = |exif: &[u8]| {
        let length = u16::try_from(exif.len() + 8).unwrap().to_be_bytes();
        [&b"\xff\xe1"[..], &length, b"Exif\0\0", exif].concat()
    };
    let plain = encode_image(&gradient_image(192, 128).into(), ImageFormat::Jpeg);
    let (upright, rotated) = (segment(&exif_with_orientation(1)), segment(&exif_with_orientation(6)));
    let without_orientation = segment(b"II*\0\x08\0\0\0\0\0\0\0\0\0");
    for (segments, size) in [
        ([&rotated, &upright], (128, 192)),
        ([&upright, &rotated], (192, 128)),
        ([&rotated, &without_orientation], (128, 192)),
        ([&without_orientation, &rotated], (192, 128)),
    ] {
        let file = [&plain[..2], segments[0], segments[1], &plain[2..]].concat();
        assert_eq!(convert_and_decode(&file).image.dimensions(), size, "{segments:02x?}");
    }
}

//! Whatever the bytes are, a picture comes out, or one line that says what is wrong.

use convert::{Error, OpenedImage};
use image::{DynamicImage, ImageFormat};
use model::Limits;
use proptest::prelude::*;

use crate::look::{recipe, run};
use crate::source::{Extras, Told, cmyk_jpeg, exif, file, file_with, picture, with_gain_map};

const FORMATS: [ImageFormat; 6] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Tiff, ImageFormat::Bmp];

/// One small file of every kind.
fn files() -> Vec<Vec<u8>> {
    let image = DynamicImage::from(picture(24, 18));
    let exif = exif(5);
    let icc = crate::icc::rgb(crate::icc::DISPLAY_P3, 2.2);
    let extras = Extras { icc: Some(&icc), exif: Some(&exif) };
    let plain = FORMATS.map(|format| file(&image.to_rgba8().into_or_rgb(format), format));
    let with = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP].map(|format| file_with(&image, format, extras));
    let mut files = [&plain[..], &with[..]].concat();
    files.push(cmyk_jpeg(&[[10, 20, 30, 40]; 24 * 18], 24, 18, true, Some(&icc)));
    files.push(file(&image.to_rgba16().into(), ImageFormat::Png));
    for told in [Told::Xmp, Told::Numbers, Told::Apple] {
        files.push(with_gain_map(&files[0], &image.to_luma8(), told));
    }
    let keep = model::Recipe { metadata: model::Metadata::Keep, ..recipe() };
    files.push(run(&files[6], &keep).unwrap().variants[0].bytes.to_vec());
    files.push(run(&files[1], &keep).unwrap().variants[0].bytes.to_vec());
    files
}

trait IntoOrRgb {
    fn into_or_rgb(self, format: ImageFormat) -> DynamicImage;
}

impl IntoOrRgb for image::RgbaImage {
    /// JPEG alone takes no alpha.
    fn into_or_rgb(self, format: ImageFormat) -> DynamicImage {
        let image = DynamicImage::from(self);
        if format == ImageFormat::Jpeg { image.into_rgb8().into() } else { image }
    }
}

fn is_one_line(error: &Error) -> bool {
    let text = error.to_string();
    !text.is_empty() && !text.contains(['\n', '\r']) && text.len() < 300
}

#[test]
fn every_truncation_is_a_picture_or_one_line() {
    for file in files() {
        for end in 0..file.len() {
            if let Err(error) =
                OpenedImage::open(&file[..end], &recipe(), &Limits::default()).and_then(OpenedImage::decode)
            {
                assert!(is_one_line(&error), "{error:?}");
            }
        }
    }
}

#[test]
fn half_a_picture_is_no_picture() {
    for format in FORMATS {
        let whole = file(&DynamicImage::from(picture(240, 180)).to_rgba8().into_or_rgb(format), format);
        let error = run(&whole[..whole.len() / 2], &recipe()).expect_err(&format!("half a {format:?} passed"));
        assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    }
}

#[test]
fn a_header_that_promises_too_much_is_refused_by_its_figures() {
    // GIF89a, 65,535 x 65,535; then PNG's IHDR, 200,000 x 200,000 gray, with its checksum.
    let gif = b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;".to_vec();
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\x03\x0d\x40\0\x03\x0d\x40\x08\0\0\0\0\xdc\x50\xd7\xd6\0\0\0\0IDAT\x35\xaf\x06\x1e".to_vec();
    for (file, figure) in [(gif, "4294836225 pixels"), (png, "40000000000 pixels")] {
        let error = run(&file, &recipe()).unwrap_err().to_string();
        assert!(error.contains(figure) && error.contains("the limit of 200000000"), "{error}");
    }
}

#[test]
fn a_profile_that_inflates_without_end_is_left_out_and_that_is_told() {
    // Zeros deflate to a thousandth; the encoder of the image crate compresses what it is given.
    let icc = vec![0; 64 << 20];
    let file = file_with(&picture(24, 18).into(), ImageFormat::Png, Extras { icc: Some(&icc), ..Extras::default() });
    assert!(file.len() < 1 << 20);
    let conversion = run(&file, &recipe()).unwrap();
    assert_eq!(conversion.notes, ["the ICC profile is damaged; the image was treated as sRGB"]);
    assert!(conversion.variants[0].bytes.len() < 10_000);
}

#[test]
fn what_is_no_picture_is_told_by_its_first_bytes() {
    let text = run(b"Dear Sir or Madam,", &recipe()).unwrap_err();
    assert!(matches!(&text, Error::UnknownFormat { begins } if begins == "44 65 61 72 20 53 69 72"), "{text}");
    assert!(matches!(run(b"", &recipe()).unwrap_err(), Error::Empty));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), head in 0..FORMATS.len()) {
        let start = file(&DynamicImage::from(picture(2, 2)).to_rgba8().into_or_rgb(FORMATS[head]), FORMATS[head]);
        for file in [bytes.clone(), [&start[..start.len().min(30)], &bytes].concat()] {
            if let Err(error) = run(&file, &recipe()) {
                prop_assert!(is_one_line(&error), "{error:?}");
            }
        }
    }

    #[test]
    fn no_damage_panics(
        which in 0_usize..16, places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut file = files().swap_remove(which);
        for (place, byte) in places {
            let at = place.index(file.len());
            file[at] = byte;
        }
        // A damaged header may claim any size; what is large only takes long.
        let limits = Limits { pixels: 1 << 16, ..Limits::default() };
        if let Err(error) = OpenedImage::open(&file, &recipe(), &limits).and_then(OpenedImage::decode) {
            prop_assert!(is_one_line(&error), "{error:?}");
        }
    }
}

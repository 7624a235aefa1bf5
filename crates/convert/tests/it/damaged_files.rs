//! Tests that arbitrary bytes are either converted or rejected with an error of one line.

use convert::{Error, OpenedImage};
use image::{DynamicImage, ImageFormat};
use model::Limits;
use proptest::prelude::*;

use crate::avif_tools::{convert_file, recipe};
use crate::fixtures::{
    EmbeddedMetadata, GainMapFormat, cmyk_jpeg, encode_image, encode_with_metadata, exif_with_orientation,
    gradient_image, with_gain_map,
};

const FORMATS: [ImageFormat; 6] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Tiff, ImageFormat::Bmp];

/// Builds small files: one file in each format, and files with a profile, Exif, CMYK, 16 bits or a gain map.
fn files() -> Vec<Vec<u8>> {
    let image = DynamicImage::from(gradient_image(24, 18));
    let exif = exif_with_orientation(5);
    let icc = crate::icc::rgb(crate::icc::DISPLAY_P3, 2.2);
    let extras = EmbeddedMetadata { icc: Some(&icc), exif: Some(&exif) };
    let plain = FORMATS.map(|format| encode_image(&image.to_rgba8().into_supported(format), format));
    let with = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP]
        .map(|format| encode_with_metadata(&image, format, extras));
    let mut files = [&plain[..], &with[..]].concat();
    files.push(cmyk_jpeg(&[[10, 20, 30, 40]; 24 * 18], 24, 18, true, Some(&icc)));
    files.push(encode_image(&image.to_rgba16().into(), ImageFormat::Png));
    for gain_map in [GainMapFormat::AdobeXmp, GainMapFormat::Iso, GainMapFormat::AppleXmp] {
        files.push(with_gain_map(&files[0], &image.to_luma8(), gain_map));
    }
    let keep = model::Recipe { metadata: model::Metadata::Keep, ..recipe() };
    files.push(convert_file(&files[6], &keep).unwrap().variants[0].bytes.to_vec());
    files.push(convert_file(&files[1], &keep).unwrap().variants[0].bytes.to_vec());
    files
}

trait IntoSupported {
    fn into_supported(self, format: ImageFormat) -> DynamicImage;
}

impl IntoSupported for image::RgbaImage {
    /// Removes alpha if the format is JPEG. All other formats in these tests support alpha.
    fn into_supported(self, format: ImageFormat) -> DynamicImage {
        let image = DynamicImage::from(self);
        if format == ImageFormat::Jpeg { image.into_rgb8().into() } else { image }
    }
}

fn is_one_line(error: &Error) -> bool {
    let text = error.to_string();
    !text.is_empty() && !text.contains(['\n', '\r']) && text.len() < 300
}

#[test]
fn every_truncated_file_is_decoded_or_rejected_with_one_line() {
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
fn file_without_its_second_half_is_rejected() {
    for format in FORMATS {
        let whole =
            encode_image(&DynamicImage::from(gradient_image(240, 180)).to_rgba8().into_supported(format), format);
        let error =
            convert_file(&whole[..whole.len() / 2], &recipe()).expect_err(&format!("half a {format:?} was accepted"));
        assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    }
}

#[test]
fn header_with_too_many_pixels_is_rejected() {
    // The first file is a GIF89a of 65,535 x 65,535 pixels. The second file contains the IHDR chunk of a gray PNG of
    // 200,000 x 200,000 pixels with a valid checksum.
    let gif = b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;".to_vec();
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\x03\x0d\x40\0\x03\x0d\x40\x08\0\0\0\0\xdc\x50\xd7\xd6\0\0\0\0IDAT\x35\xaf\x06\x1e".to_vec();
    for (file, figure) in [(gif, "4294836225 pixels"), (png, "40000000000 pixels")] {
        let error = convert_file(&file, &recipe()).unwrap_err().to_string();
        assert!(error.contains(figure) && error.contains("the limit of 200000000"), "{error}");
    }
}

#[test]
fn oversized_profile_is_omitted_and_reported() {
    // The profile contains only zeros, so the PNG encoder of the `image` crate compresses it to a thousandth of its
    // size.
    let icc = vec![0; 64 << 20];
    let file = encode_with_metadata(
        &gradient_image(24, 18).into(),
        ImageFormat::Png,
        EmbeddedMetadata { icc: Some(&icc), ..EmbeddedMetadata::default() },
    );
    assert!(file.len() < 1 << 20);
    let conversion = convert_file(&file, &recipe()).unwrap();
    assert_eq!(conversion.notes, ["the ICC profile is damaged; the image was treated as sRGB"]);
    assert!(conversion.variants[0].bytes.len() < 10_000);
}

#[test]
fn error_of_an_unknown_format_contains_the_first_bytes_of_the_file() {
    let text = convert_file(b"Dear Sir or Madam,", &recipe()).unwrap_err();
    assert!(matches!(&text, Error::UnknownFormat { begins } if begins == "44 65 61 72 20 53 69 72"), "{text}");
    assert!(matches!(convert_file(b"", &recipe()).unwrap_err(), Error::Empty));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_do_not_cause_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), head in 0..FORMATS.len()) {
        let image = DynamicImage::from(gradient_image(2, 2)).to_rgba8().into_supported(FORMATS[head]);
        let start = encode_image(&image, FORMATS[head]);
        for file in [bytes.clone(), [&start[..start.len().min(30)], &bytes].concat()] {
            if let Err(error) = convert_file(&file, &recipe()) {
                prop_assert!(is_one_line(&error), "{error:?}");
            }
        }
    }

    #[test]
    fn changed_bytes_of_a_valid_file_do_not_cause_a_panic(
        which in 0_usize..16, places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut file = files().swap_remove(which);
        for (place, byte) in places {
            let at = place.index(file.len());
            file[at] = byte;
        }
        // A damaged header may declare any size. The test has a low pixel limit, because decoding large images is slow.
        let limits = Limits { pixels: 1 << 16, ..Limits::default() };
        if let Err(error) = OpenedImage::open(&file, &recipe(), &limits).and_then(OpenedImage::decode) {
            prop_assert!(is_one_line(&error), "{error:?}");
        }
    }
}

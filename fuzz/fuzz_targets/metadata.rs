//! Embeds the input as Exif, as an ICC profile or as a PNG chunk in a valid image file. The first byte of the input
//! selects the file format and the kind of metadata.

#![no_main]

use convert::OpenedImage;
use image::{DynamicImage, ImageFormat};
use libfuzzer_sys::fuzz_target;
use model::{Limits, Metadata, Recipe};

#[path = "../../crates/convert/tests/it/fixtures.rs"]
#[allow(dead_code, reason = "only other tests use the other functions of this module")]
mod fixtures;

use fixtures::{EmbeddedMetadata, cmyk_jpeg, cmyk_tiff, encode_with_metadata, gradient_image, with_png_chunks};

const SIZE: u16 = 3;
/// The number of combinations of a file format and a kind of metadata. In the last combination, the input is the data
/// of a PNG chunk.
const VARIATIONS: u8 = 11;
const PNG_CHUNK: u8 = VARIATIONS - 1;
const INKS: [[u8; 4]; 9] = [[10, 20, 30, 40]; 9];

fuzz_target!(|bytes: &[u8]| {
    let Some((&variation, payload)) = bytes.split_first() else { return };
    let file = file(variation, payload);
    for metadata in [Metadata::Keep, Metadata::Copyright] {
        check(&file, variation, metadata);
    }
});

fn check(file: &[u8], variation: u8, metadata: Metadata) {
    let recipe = Recipe { metadata, ..Recipe::default() };
    // The file contains the complete image, so the image is decoded with any Exif and any profile. Only a damaged PNG
    // chunk may cause the decoder to reject the file.
    let opened = match OpenedImage::open(file, &recipe, &Limits::default()) {
        Ok(opened) => opened,
        Err(error) => return assert_eq!(variation % VARIATIONS, PNG_CHUNK, "{error}"),
    };
    opened.decode().expect("decoding the complete image succeeds").transform().expect("the transform succeeds");
}

fn file(variation: u8, payload: &[u8]) -> Vec<u8> {
    let color = DynamicImage::from(gradient_image(SIZE.into(), SIZE.into()));
    let gray = DynamicImage::from(color.to_luma8());
    let exif = EmbeddedMetadata { exif: Some(payload), icc: None };
    let icc = EmbeddedMetadata { icc: Some(payload), exif: None };
    match variation % VARIATIONS {
        0 => encode_with_metadata(&color, ImageFormat::Jpeg, exif),
        1 => encode_with_metadata(&color, ImageFormat::Png, exif),
        2 => encode_with_metadata(&color, ImageFormat::WebP, exif),
        3 => encode_with_metadata(&color, ImageFormat::Jpeg, icc),
        4 => encode_with_metadata(&color, ImageFormat::Png, icc),
        5 => encode_with_metadata(&color, ImageFormat::WebP, icc),
        6 => encode_with_metadata(&gray, ImageFormat::Tiff, icc),
        7 => encode_with_metadata(&gray, ImageFormat::Png, icc),
        8 => cmyk_jpeg(&INKS, SIZE, SIZE, false, Some(payload)),
        9 => cmyk_tiff(&INKS, SIZE.into(), SIZE.into(), payload, 6),
        // The first byte of the payload selects the type of a PNG chunk: a chunk with colors, with text or with Exif.
        _ => {
            let plain = encode_with_metadata(&color, ImageFormat::Png, EmbeddedMetadata::default());
            let (kinds, data) = payload.split_at(payload.len().min(1));
            const KINDS: [&[u8; 4]; 7] = [b"gAMA", b"cHRM", b"cICP", b"iCCP", b"zTXt", b"iTXt", b"eXIf"];
            let kind = kinds.first().map_or(0, |kind| usize::from(*kind) % KINDS.len());
            with_png_chunks(&plain, &[(KINDS[kind], data)])
        }
    }
}

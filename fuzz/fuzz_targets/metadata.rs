//! Embeds any bytes as Exif, XMP or an ICC profile in a valid file of every format that supports them. The first byte
//! selects the format and the kind of metadata.

#![no_main]

use convert::OpenedImage;
use image::{DynamicImage, ImageFormat};
use libfuzzer_sys::fuzz_target;
use model::{Limits, Metadata, Recipe};

#[path = "../../crates/convert/tests/it/fixtures.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod fixtures;

use fixtures::{EmbeddedMetadata, cmyk_jpeg, cmyk_tiff, encode_with_metadata, gradient_image, with_png_chunks};

const SIZE: u16 = 3;
/// The number of combinations of format and kind of metadata. The last combination is a PNG chunk of any kind.
const VARIATIONS: u8 = 11;
const PNG_CHUNK: u8 = VARIATIONS - 1;
const INKS: [[u8; 4]; 9] = [[10, 20, 30, 40]; 9];

fuzz_target!(|bytes: &[u8]| {
    let Some((&variation, payload)) = bytes.split_first() else { return };
    let file = file(variation, payload);
    let recipe = Recipe { metadata: Metadata::Keep, ..Recipe::default() };
    // The file is complete, so its image is decoded whatever its Exif and its profile are. Only chunks of a PNG may be
    // so damaged that the decoder stops.
    let opened = match OpenedImage::open(&file, &recipe, &Limits::default()) {
        Ok(opened) => opened,
        Err(error) => return assert_eq!(variation % VARIATIONS, PNG_CHUNK, "{error}"),
    };
    opened.decode().expect("the image is complete").transform().expect("the image is complete");
});

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
        // The payload's first byte selects a PNG chunk with colors, text or Exif.
        _ => {
            let plain = encode_with_metadata(&color, ImageFormat::Png, EmbeddedMetadata::default());
            let (kinds, data) = payload.split_at(payload.len().min(1));
            const KINDS: [&[u8; 4]; 7] = [b"gAMA", b"cHRM", b"cICP", b"iCCP", b"zTXt", b"iTXt", b"eXIf"];
            let kind = kinds.first().map_or(0, |kind| usize::from(*kind) % KINDS.len());
            with_png_chunks(&plain, &[(KINDS[kind], data)])
        }
    }
}

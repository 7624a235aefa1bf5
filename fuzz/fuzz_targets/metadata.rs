//! Any bytes as Exif, XMP or an ICC profile, in a valid file of every kind that holds them. The first byte says where.

#![no_main]

use convert::OpenedImage;
use image::{DynamicImage, ImageFormat};
use libfuzzer_sys::fuzz_target;
use model::{Limits, Metadata, Recipe};

#[path = "../../crates/convert/tests/it/source.rs"]
#[allow(dead_code, reason = "it makes files for more tests than this one")]
mod source;

use source::{Extras, cmyk_jpeg, cmyk_tiff, file_with, image, with_chunks};

const SIZE: u16 = 3;
/// The last of them is a PNG's own chunks.
const PLACES: u8 = 11;
const CHUNKS: u8 = PLACES - 1;
const INKS: [[u8; 4]; 9] = [[10, 20, 30, 40]; 9];

fuzz_target!(|bytes: &[u8]| {
    let Some((&place, payload)) = bytes.split_first() else { return };
    let file = file(place, payload);
    let recipe = Recipe { metadata: Metadata::Keep, ..Recipe::default() };
    // The file is whole: whatever its Exif and profile are, the image in it is not lost. A PNG's own chunks may be
    // so wrong that its decoder stops at them.
    let opened = match OpenedImage::open(&file, &recipe, &Limits::default()) {
        Ok(opened) => opened,
        Err(error) => return assert_eq!(place % PLACES, CHUNKS, "{error}"),
    };
    opened.decode().expect("the image is whole").transform().expect("the image is whole");
});

fn file(place: u8, payload: &[u8]) -> Vec<u8> {
    let color = DynamicImage::from(image(SIZE.into(), SIZE.into()));
    let gray = DynamicImage::from(color.to_luma8());
    let exif = Extras { exif: Some(payload), icc: None };
    let icc = Extras { icc: Some(payload), exif: None };
    match place % PLACES {
        0 => file_with(&color, ImageFormat::Jpeg, exif),
        1 => file_with(&color, ImageFormat::Png, exif),
        2 => file_with(&color, ImageFormat::WebP, exif),
        3 => file_with(&color, ImageFormat::Jpeg, icc),
        4 => file_with(&color, ImageFormat::Png, icc),
        5 => file_with(&color, ImageFormat::WebP, icc),
        6 => file_with(&gray, ImageFormat::Tiff, icc),
        7 => file_with(&gray, ImageFormat::Png, icc),
        8 => cmyk_jpeg(&INKS, SIZE, SIZE, false, Some(payload)),
        9 => cmyk_tiff(&INKS, SIZE.into(), SIZE.into(), payload, 6),
        // Anything that a PNG may say of its colors, or as text.
        _ => {
            let plain = file_with(&color, ImageFormat::Png, Extras::default());
            let (kinds, data) = payload.split_at(payload.len().min(1));
            const KINDS: [&[u8; 4]; 7] = [b"gAMA", b"cHRM", b"cICP", b"iCCP", b"zTXt", b"iTXt", b"eXIf"];
            let kind = kinds.first().map_or(0, |kind| usize::from(*kind) % KINDS.len());
            with_chunks(&plain, &[(KINDS[kind], data)])
        }
    }
}

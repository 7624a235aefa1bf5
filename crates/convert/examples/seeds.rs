//! Writes the seed files of the fuzz targets. `seeds FOLDER` writes small images in every format to `FOLDER/convert`,
//! HEIC files to `FOLDER/heic`, and metadata for the target `metadata` to `FOLDER/metadata`.

#![expect(clippy::unwrap_used, reason = "a developer tool, which may panic")]

use std::num::NonZeroUsize;
use std::path::Path;
use std::{env, fs};

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use model::{Limits, Metadata, Recipe};

#[path = "../tests/it/animation_fixtures.rs"]
mod animation_fixtures;
#[path = "../tests/it/bmp_fixtures.rs"]
mod bmp_fixtures;
#[path = "../tests/it/fixtures.rs"]
#[allow(dead_code, reason = "only the tests use the other functions of this module")]
mod fixtures;
#[cfg(feature = "heic")]
#[path = "../tests/it/heic_fixtures.rs"]
mod heic_fixtures;
#[path = "../tests/it/icc.rs"]
#[allow(dead_code, reason = "only the tests use the other functions of this module")]
mod icc;
#[path = "../tests/it/tiff_fixtures.rs"]
#[allow(dead_code, reason = "only the tests use the other functions of this module")]
mod tiff_fixtures;
#[path = "../tests/it/tiff_kinds.rs"]
#[allow(dead_code, reason = "only the tests use the other functions of this module")]
mod tiff_kinds;

use animation_fixtures::{Frame, FrameDisposal, apng, deep_apng, gif, webp};
use bmp_fixtures::{bmp, header, with_masks};
use fixtures::{
    EmbeddedMetadata, GainMapFormat, cmyk_jpeg, cmyk_tiff, encode_image, encode_with_metadata, exif_with_orientation,
    gradient_image, premultiplied_tiff, subsampled_jpeg, with_gain_map, with_png_chunks,
};

const SIDE: u16 = 12;
const INKS: [[u8; 4]; (SIDE as usize).pow(2)] = [[10, 200, 30, 40]; (SIDE as usize).pow(2)];

/// The values of the first byte of a metadata seed, as in `fuzz/fuzz_targets/metadata.rs`. This byte selects how the
/// fuzz target embeds the following bytes in a file: as Exif, as an ICC profile or as a PNG chunk.
const EXIF: std::ops::Range<u8> = 0..3;
const ICC: std::ops::Range<u8> = 3..10;
const CHUNKS: u8 = 10;

fn main() {
    let folder = env::args().nth(1).expect("usage: seeds FOLDER");
    let folder = Path::new(&folder);
    write(&folder.join("convert"), &images());
    #[cfg(feature = "heic")]
    write(&folder.join("heic"), &heic_fixtures::examples());
    write(&folder.join("metadata"), &metadata());
}

fn write(folder: &Path, seeds: &[Vec<u8>]) {
    fs::create_dir_all(folder).unwrap();
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:02}")), seed).unwrap();
    }
}

fn profiles() -> [Vec<u8>; 3] {
    let paper = |[.., black]: [bool; 4]| [if black { 0.0 } else { 100.0 }, 0.0, 0.0];
    [icc::rgb(icc::DISPLAY_P3, 2.2), icc::gray(1.8), icc::cmyk(paper)]
}

fn images() -> Vec<Vec<u8>> {
    let side = u32::from(SIDE);
    let rgb = DynamicImage::from(gradient_image(side, side));
    let (rgba, deep, gray): (DynamicImage, _, _) =
        (rgb.to_rgba8().into(), DynamicImage::from(rgb.to_rgb16()), rgb.to_luma8().into());
    let [color, one_channel, inks] = profiles();
    let mut files = vec![
        cmyk_jpeg(&INKS, SIDE, SIDE, false, None),
        cmyk_jpeg(&INKS, SIDE, SIDE, true, Some(&inks)),
        cmyk_tiff(&INKS, side, side, &inks, 6),
        premultiplied_tiff(&INKS, side, side),
        progressive(rgb.as_bytes()),
        encode_image(&deep, ImageFormat::Png),
        encode_image(&deep, ImageFormat::Tiff),
        encode_image(&rgba, ImageFormat::Gif),
    ];
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp] {
        files.push(encode_image(&rgb, format));
        files.push(encode_image(&gray, format));
    }
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp] {
        files.push(encode_image(&rgba, format));
    }
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        for orientation in 1..=8 {
            let extras = EmbeddedMetadata { exif: Some(&exif_with_orientation(orientation)), icc: Some(&color) };
            files.push(encode_with_metadata(&rgb, format, extras));
        }
        files.push(encode_with_metadata(&gray, format, EmbeddedMetadata { icc: Some(&one_channel), exif: None }));
    }
    for progressive in [false, true] {
        // Both files have the orientation 6. The first file has an odd number of rows, and the second file has an even
        // number.
        let extras = EmbeddedMetadata { icc: Some(&color), exif: Some(&exif_with_orientation(6)) };
        files.push(subsampled_jpeg(&gradient_image(side, side + 1), extras, progressive));
        files.push(subsampled_jpeg(&gradient_image(side, side), extras, progressive));
    }
    let plain = encode_image(&rgb, ImageFormat::Png);
    files.push(with_png_chunks(&plain, &[(b"cICP", &[12, 13, 0, 1])]));
    files.push(with_png_chunks(&plain, &[(b"gAMA", &100_000_u32.to_be_bytes())]));
    files.extend(animations(&rgba.to_rgba8()));
    for format in [GainMapFormat::AdobeXmp, GainMapFormat::Iso, GainMapFormat::AppleXmp, GainMapFormat::NotAGainMap] {
        files.push(with_gain_map(&encode_image(&rgb, ImageFormat::Jpeg), &rgb.to_luma8(), format));
    }
    let keep = Recipe { metadata: Metadata::Keep, ..Recipe::default() };
    let avif = |file: &Vec<u8>| {
        let conversion = convert::convert(file, &keep, &Limits::default(), NonZeroUsize::MIN).unwrap();
        conversion.variants[0].bytes.to_vec()
    };
    let avifs: Vec<_> = files.iter().map(avif).collect();
    files.extend(bitmaps());
    // The second half of these files is missing.
    let halves = files.iter().filter(|file| file.starts_with(b"GIF") || file.starts_with(b"\x89PNG"));
    let halves: Vec<_> = halves.map(|file| file[..file.len() / 2].to_vec()).collect();
    files.extend(halves);
    files.extend(avifs);
    files.extend(tiff_kinds::kinds());
    files
}

/// Bitmaps with palettes, run lengths, masks and the headers of OS/2.
fn bitmaps() -> Vec<Vec<u8>> {
    let palette = [9; 1024];
    let masks = [0xf800, 0x7e0, 0x1f, 0];
    let run_lengths = [3, 1, 1, 0, 0, 0, 0, 4, 0, 1, 2, 3, 0, 2, 1, 1, 2, 3, 0, 0, 0, 1];
    let mut files = vec![
        bmp(&header(40, 4, 6, 8, 1, 0), &palette, &run_lengths),
        bmp(&header(40, 4, 6, 4, 2, 16), &palette[..64], &run_lengths),
        bmp(&header(40, 4, 6, 24, 4, 0), b"", &run_lengths),
        bmp(&with_masks(header(56, 4, -6, 16, 3, 0), masks), b"", &[7; 48]),
        bmp(&with_masks(header(124, 4, 6, 32, 0, 0), [0, 0, 0, 0xff00_0000]), b"", &[7; 96]),
    ];
    for bits in [1, 2, 4, 8] {
        files.push(bmp(&header(40, 4, 6, bits, 0, 1 << bits), &palette[..4 << bits], &[0x1b; 24]));
        files.push(bmp(&header(64, 4, 6, bits, 0, 0), &palette[..4 << bits], &[0x1b; 24]));
    }
    files
}

fn animations(first: &RgbaImage) -> Vec<Vec<u8>> {
    let side = u32::from(SIDE);
    let small = RgbaImage::from_fn(6, 4, |x, y| Rgba([200, 0, 0, if x == y { 0 } else { 255 }]));
    let frame = |left, pixels: &RgbaImage, disposal| Frame {
        left,
        top: left,
        pixels: pixels.clone(),
        milliseconds: 50,
        is_blended: left == 0,
        disposal,
    };
    let all = |disposal| {
        let last = frame(2, &small, FrameDisposal::Keep);
        [frame(0, first, FrameDisposal::Keep), frame(4, &small, disposal), last]
    };
    let mut files = vec![
        gif(SIDE, SIDE, &all(FrameDisposal::Previous), Some(3)),
        apng((side, side), &all(FrameDisposal::Previous), 2, Some(&first.clone())),
        deep_apng(&[7; (SIDE as usize).pow(2) * 2], (side, side)),
    ];
    for disposal in [FrameDisposal::Keep, FrameDisposal::Background] {
        files.push(gif(SIDE, SIDE, &all(disposal), None));
        files.push(apng((side, side), &all(disposal), 0, None));
        files.push(webp((side, side), &all(disposal), 5));
    }
    files
}

fn progressive(pixels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 80);
    encoder.set_progressive(true);
    encoder.encode(pixels, SIDE, SIDE, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

fn metadata() -> Vec<Vec<u8>> {
    let seed = |selector: u8, payload: &[u8]| [&[selector], payload].concat();
    let mut seeds = vec![];
    for selector in EXIF {
        seeds.extend([1, 6].map(|orientation| seed(selector, &exif_with_orientation(orientation))));
    }
    for selector in ICC {
        seeds.extend(profiles().map(|icc| seed(selector, &icc)));
    }
    let primaries = [31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000].map(u32::to_be_bytes).concat();
    let linear = 100_000_u32.to_be_bytes();
    let texts =
        [&b"Comment\0\0"[..], b"XML:com.adobe.xmp\0\0\0\0\0<a tiff:Orientation=\"6\"/>", &exif_with_orientation(6)];
    let chunks = [&linear[..], &primaries, &[9, 16, 0, 1], b"icc\0\0"].into_iter().chain(texts);
    seeds.extend((0..).zip(chunks).map(|(kind, data)| seed(CHUNKS, &[&[kind], data].concat())));
    seeds
}

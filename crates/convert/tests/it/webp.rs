//! Tests containers of WebP that libwebp accepts, or that it rejects.

use convert::Error;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};

use crate::avif_tools::{avifdec_info, convert_file, convert_to_avif, exact_pixels, recipe};
use crate::fixtures::{encode_image, exif_with_orientation};

const ICC: u8 = 0x20;
const ALPHA: u8 = 0x10;
const EXIF: u8 = 0x08;
const XMP: u8 = 0x04;
const ANIMATION: u8 = 0x02;

/// An image of 3x2 pixels. The last pixel is half transparent.
fn image() -> RgbaImage {
    RgbaImage::from_fn(3, 2, |x, y| {
        Rgba([40 * u8::try_from(x).unwrap(), 90, 200, if (x, y) == (2, 1) { 128 } else { 255 }])
    })
}

fn pixels(image: &RgbaImage) -> Vec<[u8; 4]> {
    image.pixels().map(|pixel| pixel.0).collect()
}

/// Returns the image without alpha.
fn opaque() -> Vec<[u8; 4]> {
    pixels(&image()).into_iter().map(|[red, green, blue, _]| [red, green, blue, 255]).collect()
}

fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = &[0][..data.len() % 2];
    [&name[..], &u32::try_from(data.len()).unwrap().to_le_bytes(), data, padding].concat()
}

/// The VP8L chunk of the image.
fn lossless() -> Vec<u8> {
    encode_image(&DynamicImage::from(image()), ImageFormat::WebP)[12..].to_vec()
}

fn riff(chunks: &[u8]) -> Vec<u8> {
    [b"RIFF", &u32::try_from(chunks.len() + 4).unwrap().to_le_bytes()[..], b"WEBP", chunks].concat()
}

fn vp8x(flags: u8, width: u8, height: u8) -> Vec<u8> {
    chunk(*b"VP8X", &[flags, 0, 0, 0, width - 1, 0, 0, height - 1, 0, 0])
}

fn extended(flags: u8, before: &[u8], after: &[u8]) -> Vec<u8> {
    riff(&[&vp8x(flags, 3, 2), before, &lossless(), after].concat())
}

/// A gray lossy image of 16x16 pixels, encoded by libwebp: the data of its VP8 chunk.
const LOSSY: &[u8] =
    b"\x50\x01\x00\x9d\x01\x2a\x10\x00\x10\x00\x02\xc0\x4c\x25\xa4\x00\x04\x74\x00\x00\xe4\x40\x00\x00";

fn frame(left: u8, data: &[u8]) -> Vec<u8> {
    chunk(*b"ANMF", &[&[left / 2, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 100, 0, 0, 0][..], data].concat())
}

#[test]
fn announced_chunks_may_be_absent() {
    for flags in [0, ICC, EXIF, XMP, ICC | EXIF | XMP] {
        assert_eq!(exact_pixels(&extended(flags | ALPHA, b"", b"")), pixels(&image()), "{flags:x}");
        assert_eq!(exact_pixels(&extended(flags, b"", b"")), opaque(), "{flags:x}");
    }
    let gray = vec![exact_pixels(&riff(&chunk(*b"VP8 ", LOSSY)))[0]; 256];
    let lossy = riff(&[vp8x(ALPHA, 16, 16), chunk(*b"VP8 ", LOSSY)].concat());
    assert_eq!(exact_pixels(&lossy), gray);
    assert_eq!(exact_pixels(&extended(ANIMATION | ALPHA, b"", b"")), pixels(&image()), "without a frame");
}

#[test]
fn chunks_that_are_not_announced_are_ignored() {
    let exif = chunk(*b"EXIF", &exif_with_orientation(6));
    let profile = chunk(*b"ICCP", b"not a profile");
    for (before, after) in [(&exif, &profile), (&profile, &exif)] {
        assert_eq!(exact_pixels(&extended(ALPHA, before, after)), pixels(&image()));
    }
    assert_eq!(exact_pixels(&riff(&[lossless(), exif.clone()].concat())), pixels(&image()), "simple format");
    let notes = convert_file(&extended(ICC, &profile, b""), &recipe()).unwrap().notes;
    assert_eq!(notes, ["the ICC profile is damaged; the image was treated as sRGB"]);
    let rotated = convert_file(&extended(EXIF, &exif, b""), &recipe()).unwrap();
    assert_eq!((rotated.variants[0].width, rotated.variants[0].height), (2, 3));
}

#[test]
fn alpha_chunk_is_used_only_for_an_announced_lossy_alpha_channel() {
    let alpha = chunk(*b"ALPH", &[&[0][..], &[77; 256]].concat());
    let file = |flags, chunks: [&[u8]; 2]| riff(&[&vp8x(flags, 16, 16), chunks[0], chunks[1]].concat());
    let lossy = chunk(*b"VP8 ", LOSSY);
    assert!(exact_pixels(&file(ALPHA, [&alpha, &lossy])).iter().all(|pixel| pixel[3] == 77));
    assert!(exact_pixels(&file(0, [&alpha, &lossy])).iter().all(|pixel| pixel[3] == 255));
    assert_eq!(exact_pixels(&extended(ALPHA, &alpha, b"")), pixels(&image()), "a lossless image has its own alpha");
}

#[test]
fn unknown_chunks_and_bytes_after_the_end_are_ignored() {
    let unknown = chunk(*b"ABCD", b"xyz");
    assert_eq!(exact_pixels(&extended(ALPHA, &unknown, &unknown)), pixels(&image()));
    let exif = chunk(*b"EXIF", &exif_with_orientation(6));
    assert_eq!(exact_pixels(&[extended(ALPHA | EXIF, b"", b""), exif].concat()), pixels(&image()));
    assert_eq!(exact_pixels(&[&extended(ALPHA, b"", b"")[..], b"abc"].concat()), pixels(&image()));
}

#[test]
fn wrong_length_of_a_complete_file_is_ignored() {
    for file in [riff(&lossless()), extended(ALPHA, b"", b"")] {
        for wrong in [0, 5, 20, 1 << 20, u32::MAX] {
            let mut file = file.clone();
            file[4..8].copy_from_slice(&wrong.to_le_bytes());
            assert_eq!(exact_pixels(&file), pixels(&image()), "{wrong}");
        }
    }
    // The data has an odd length if the last padding byte is missing.
    let odd = [lossless(), vec![0]].concat();
    let mut unpadded = riff(&odd);
    let length = u32::try_from(odd.len() - 8).unwrap();
    unpadded[16..20].copy_from_slice(&length.to_le_bytes());
    assert_eq!(exact_pixels(&unpadded), pixels(&image()));
}

#[test]
fn canvas_of_another_size_is_rejected() {
    let file = riff(&[vp8x(ALPHA, 4, 2), lossless()].concat());
    let error = convert_file(&file, &recipe()).unwrap_err();
    assert_eq!(error.to_string(), "damaged WebP: the size of its image differs from the size of its canvas");
}

#[test]
fn incomplete_image_is_rejected() {
    let whole = extended(ALPHA, b"", b"");
    // The last byte is padding.
    for end in 12..whole.len() - 1 {
        let error = convert_file(&whole[..end], &recipe()).map(|_| end).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    }
}

#[test]
fn animation_of_one_frame_is_drawn_onto_its_canvas() {
    let anim = chunk(*b"ANIM", &[0; 6]);
    let one = riff(&[&vp8x(ANIMATION | ALPHA, 5, 2), &anim[..], &frame(2, &lossless())].concat());
    let rows = pixels(&image());
    let clear = [[0; 4]; 2];
    assert_eq!(exact_pixels(&one), [&clear, &rows[..3], &clear, &rows[3..]].concat());
    let two = riff(&[&vp8x(ANIMATION | ALPHA, 3, 2), &anim[..], &frame(0, &lossless()).repeat(2)].concat());
    assert_eq!(avifdec_info(&convert_to_avif(&two, &recipe())).matches("[duration ").count(), 2);
}

#[test]
fn alpha_of_frames_is_ignored_if_it_is_not_announced() {
    let anim = chunk(*b"ANIM", &[0; 6]);
    for (count, flags) in [(1, ANIMATION), (2, ANIMATION), (1, ANIMATION | ALPHA), (2, ANIMATION | ALPHA)] {
        let file = riff(&[&vp8x(flags, 3, 2), &anim[..], &frame(0, &lossless()).repeat(count)].concat());
        let avif = convert_to_avif(&file, &recipe());
        let has_alpha = avifdec_info(&avif).contains("Alpha          : Not premultiplied");
        assert_eq!(has_alpha, flags & ALPHA != 0, "{count} frames, {}", avifdec_info(&avif));
    }
}

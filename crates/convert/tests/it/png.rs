//! Tests unusual and damaged PNGs against the behavior of Chromium, which uses the same decoder.

use convert::Error;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbaImage};
use model::DamagedMode;

use crate::avif_tools::{avifdec_info, convert_exactly, convert_file, convert_to_avif, exact_pixels, recipe};
use crate::fixtures::{encode_image, exif_with_orientation, with_png_chunks};

/// Builds a PNG from chunks with correct checksums.
fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let chunk = |(name, data): &(&[u8; 4], &[u8])| {
        let named = [&name[..], data].concat();
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length[..], &named, &crc32fast::hash(&named).to_be_bytes()].concat()
    };
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.iter().flat_map(chunk).collect()].concat()
}

/// The header of an 8-bit PNG with this color type.
fn ihdr(width: u8, height: u8, color: u8, interlaced: u8) -> Vec<u8> {
    vec![0, 0, 0, width, 0, 0, 0, height, 8, color, 0, 0, interlaced]
}

/// A zlib stream (RFC 1950) with one stored block (RFC 1951, 3.2.4).
fn zlib(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let adler = data.iter().fold((1_u32, 0), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    let adler = (adler.1 << 16 | adler.0).to_be_bytes();
    [b"\x78\x01\x01", &length.to_le_bytes()[..], &(!length).to_le_bytes(), data, &adler].concat()
}

/// Filters no row of a gray image.
fn rows(rows: &[&[u8]]) -> Vec<u8> {
    zlib(&rows.iter().flat_map(|row| [&[0], *row].concat()).collect::<Vec<_>>())
}

fn gray(level: u8) -> [u8; 4] {
    [level, level, level, 255]
}

const CLEAR: [u8; 4] = [0; 4];

/// A gray image of 2x3 pixels.
fn whole() -> Vec<u8> {
    png(&[(b"IHDR", &ihdr(2, 3, 0, 0)), (b"IDAT", &rows(&[&[10, 20], &[30, 40], &[50, 60]])), (b"IEND", b"")])
}

fn whole_pixels() -> Vec<[u8; 4]> {
    [10, 20, 30, 40, 50, 60].map(gray).to_vec()
}

fn lenient(file: &[u8]) -> Result<(Vec<[u8; 4]>, Vec<String>), Error> {
    let pixels = |image: RgbaImage| image.pixels().map(|pixel| pixel.0).collect();
    convert_exactly(file, DamagedMode::Convert).map(|(image, notes)| (pixels(image), notes))
}

fn fctl(sequence: u8, width: u8, height: u8, left: u8) -> Vec<u8> {
    [[0, 0, 0, sequence], [0, 0, 0, width], [0, 0, 0, height], [0, 0, 0, left], [0; 4], [0, 1, 0, 10]]
        .concat()
        .into_iter()
        .chain([0, 0])
        .collect()
}

fn fdat(sequence: u8, data: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, sequence], data].concat()
}

#[test]
fn missing_end_and_bytes_after_the_end_are_ignored() {
    let file = whole();
    assert_eq!(exact_pixels(&file), whole_pixels());
    assert_eq!(exact_pixels(&file[..file.len() - 12]), whole_pixels());
    assert_eq!(exact_pixels(&[&file[..], &file, b"garbage"].concat()), whole_pixels());
    let data = rows(&[&[10, 20], &[30, 40], &[50, 60]]);
    let truncated = [&file[..file.len() - 12], b"\0\0\0\0IE"].concat();
    assert_eq!(exact_pixels(&truncated), whole_pixels(), "truncated within the last chunk");
    let parts = [(b"IDAT", &data[..1]), (b"IDAT", b""), (b"IDAT", &data[1..]), (b"IDAT", b""), (b"IEND", b"")];
    assert_eq!(exact_pixels(&png(&[&[(b"IHDR", &ihdr(2, 3, 0, 0)[..])], &parts[..]].concat())), whole_pixels());
}

#[test]
fn ancillary_chunk_with_a_wrong_checksum_is_ignored() {
    let plain = encode_image(&GrayImage::from_pixel(2, 3, Luma([77])).into(), ImageFormat::Png);
    for (name, data) in [
        (b"eXIf", exif_with_orientation(6)),
        (b"gAMA", 100_000_u32.to_be_bytes().to_vec()),
        (b"cICP", vec![12, 13, 0, 1]),
        (b"tEXt", b"a\0b".to_vec()),
        (b"tRNS", vec![0, 77]),
    ] {
        let mut file = with_png_chunks(&plain, &[(name, &data)]);
        file[33 + 8 + data.len()] ^= 1;
        assert_eq!(exact_pixels(&file), vec![gray(77); 6], "{name:?}");
        let description = convert::describe(&file, &model::Limits::default()).unwrap();
        let color = (description.orientation, description.cicp, description.icc);
        assert_eq!(color, (1, None, None), "{name:?}");
    }
}

#[test]
fn wrong_checksum_of_the_pixels_is_rejected_or_reported() {
    let mut file = whole();
    let checksum = file.len() - 12 - 4;
    file[checksum] ^= 1;
    let error = convert_file(&file, &recipe()).unwrap_err();
    assert_eq!(error.to_string(), "damaged PNG: the checksum of a chunk is wrong");
    let (pixels, notes) = lenient(&file).unwrap();
    assert_eq!(pixels, whole_pixels());
    assert_eq!(notes, ["damaged PNG: the checksum of a chunk is wrong; it was converted as browsers show it"]);
    // The dimensions cannot be trusted if the checksum of the header is wrong.
    let mut file = whole();
    file[29] ^= 1;
    assert!(matches!(lenient(&file), Err(Error::Damaged { .. })));
}

#[test]
fn missing_rows_are_rejected_or_transparent() {
    let file = whole();
    // The header has 8 + 25 bytes; the data begins after a chunk header of 8 bytes, a zlib header of 2 bytes and a block
    // header of 5 bytes. Each row has 3 bytes.
    let first_row = 8 + 25 + 8 + 2 + 5;
    for cut in [first_row + 3, first_row + 5] {
        assert!(matches!(convert_file(&file[..cut], &recipe()), Err(Error::Damaged { .. })));
        let (pixels, notes) = lenient(&file[..cut]).unwrap();
        assert_eq!(pixels, [gray(10), gray(20), CLEAR, CLEAR, CLEAR, CLEAR]);
        assert_eq!(notes, ["damaged PNG: 2 of its 3 rows are missing; it was converted as browsers show it"]);
    }
    let (pixels, notes) = lenient(&file[..first_row + 6]).unwrap();
    assert_eq!(pixels[2..], [gray(30), gray(40), CLEAR, CLEAR]);
    assert_eq!(notes, ["damaged PNG: 1 of its 3 rows is missing; it was converted as browsers show it"]);
    assert!(matches!(lenient(&file[..first_row + 2]), Err(Error::Damaged { .. })));
    // The third row has an invalid filter type.
    let data = zlib(&[0, 10, 20, 0, 30, 40, 9, 50, 60]);
    let (pixels, _) = lenient(&png(&[(b"IHDR", &ihdr(2, 3, 0, 0)), (b"IDAT", &data), (b"IEND", b"")])).unwrap();
    assert_eq!(pixels, [gray(10), gray(20), gray(30), gray(40), CLEAR, CLEAR]);
}

#[test]
fn missing_passes_of_an_interlaced_image_are_filled_from_earlier_passes() {
    // An image of 5x5 pixels has one pixel in each of the first two passes and two pixels in the third pass.
    let data = zlib(&[0, 10, 0, 20, 0, 30, 35]);
    let file = png(&[(b"IHDR", &ihdr(5, 5, 0, 1)), (b"IDAT", &data), (b"IEND", b"")]);
    assert!(matches!(convert_file(&file, &recipe()), Err(Error::Damaged { .. })));
    let (pixels, notes) = lenient(&file).unwrap();
    assert_eq!(
        notes,
        ["damaged PNG: only 3 of its 7 interlace passes are complete; it was converted as browsers show it"]
    );
    assert_eq!(pixels[..5], [10, 10, 10, 10, 20].map(gray));
    assert_eq!(pixels[20..], [30, 30, 30, 30, 35].map(gray));
}

#[test]
fn image_for_ios_is_named() {
    let file = png(&[(b"CgBI", &[0x50, 0, 0x20, 2]), (b"IHDR", &ihdr(2, 3, 6, 0)), (b"IDAT", b"")]);
    let error = convert_file(&file, &recipe()).unwrap_err().to_string();
    assert!(error.starts_with("PNG of an unsupported kind: CgBI"), "{error}");
}

#[test]
fn announced_number_of_frames_may_be_wrong() {
    let data = rows(&[&[10, 20]]);
    let next = fdat(2, &rows(&[&[90, 80]]));
    let file = |announced: u8| {
        png(&[
            (b"IHDR", &ihdr(2, 1, 0, 0)),
            (b"acTL", &[0, 0, 0, announced, 0, 0, 0, 0]),
            (b"fcTL", &fctl(0, 2, 1, 0)),
            (b"IDAT", &data),
            (b"fcTL", &fctl(1, 2, 1, 0)),
            (b"fdAT", &next),
            (b"IEND", b""),
        ])
    };
    let conversion = convert_file(&file(5), &recipe()).unwrap();
    assert_eq!(conversion.notes, ["it announces 5 frames and has 2"]);
    assert_eq!(avifdec_info(&conversion.variants[0].bytes).matches("[duration ").count(), 2);
    // One frame, or none, is a still image.
    for announced in [0, 1] {
        assert_eq!(exact_pixels(&file(announced)), [10, 20].map(gray));
    }
    let truncated = &file(5)[..file(5).len() - 12];
    let lenient = model::Recipe { damaged: DamagedMode::Convert, ..recipe() };
    let note = "damaged PNG: all frames after the first 2 are missing; it was converted as browsers show it";
    assert_eq!(convert_file(truncated, &lenient).unwrap().notes, [note]);
    let error = convert_file(truncated, &recipe()).unwrap_err().to_string();
    assert_eq!(error, "damaged PNG: it has only 2 of its 5 frames");
}

#[test]
fn only_frame_of_an_animation_replaces_the_static_image() {
    let frame = fdat(1, &rows(&[&[99]]));
    let file = png(&[
        (b"IHDR", &ihdr(2, 1, 0, 0)),
        (b"acTL", &[0, 0, 0, 1, 0, 0, 0, 0]),
        (b"IDAT", &rows(&[&[10, 20]])),
        (b"fcTL", &fctl(0, 1, 1, 1)),
        (b"fdAT", &frame),
        (b"IEND", b""),
    ]);
    assert_eq!(exact_pixels(&file), [CLEAR, gray(99)]);
}

#[test]
fn animation_ends_before_a_damaged_frame() {
    let file = |second: &[u8], third_sequence: u8| {
        png(&[
            (b"IHDR", &ihdr(2, 1, 0, 0)),
            (b"acTL", &[0, 0, 0, 3, 0, 0, 0, 0]),
            (b"fcTL", &fctl(0, 2, 1, 0)),
            (b"IDAT", &rows(&[&[10, 20]])),
            (b"fcTL", &fctl(1, 2, 1, 0)),
            (b"fdAT", &fdat(2, second)),
            (b"fcTL", &fctl(third_sequence, 2, 1, 0)),
            (b"fdAT", &fdat(4, &rows(&[&[30, 40]]))),
            (b"IEND", b""),
        ])
    };
    let good = rows(&[&[90, 80]]);
    let frames = |avif: &[u8]| avifdec_info(avif).matches("[duration ").count();
    assert_eq!(frames(&convert_to_avif(&file(&good, 3), &recipe())), 3);
    let wrong_sequence = file(&good, 7);
    assert!(matches!(convert_file(&wrong_sequence, &recipe()), Err(Error::Damaged { .. })));
    let convert = model::Recipe { damaged: DamagedMode::Convert, ..recipe() };
    let conversion = convert_file(&wrong_sequence, &convert).unwrap();
    assert_eq!(
        conversion.notes,
        ["damaged PNG: all frames after the first 2 are missing; it was converted as browsers show it"]
    );
    assert_eq!(frames(&conversion.variants[0].bytes), 2);
    let (pixels, notes) = lenient(&file(b"\x78\x01\xff", 3)).unwrap();
    assert_eq!(notes, ["damaged PNG: all frames after the first are missing; it was converted as browsers show it"]);
    assert_eq!(pixels, [10, 20].map(gray));
}

#[test]
fn damaged_image_of_every_type_gets_transparent_rows() {
    let image = DynamicImage::from(crate::fixtures::gradient_image(40, 40));
    let types: [DynamicImage; 8] = [
        image.to_luma8().into(),
        image.to_luma_alpha8().into(),
        image.to_rgb8().into(),
        image.to_rgba8().into(),
        image.to_luma16().into(),
        image.to_luma_alpha16().into(),
        image.to_rgb16().into(),
        image.to_rgba16().into(),
    ];
    for image in types {
        let file = encode_image(&image, ImageFormat::Png);
        let (pixels, notes) = lenient(&file[..file.len() * 3 / 4]).unwrap();
        assert!(notes.len() == 1 && notes[0].contains("of its 40 rows are missing"), "{notes:?}");
        let color = image.color();
        assert_eq!((pixels[0][3], pixels[1599]), (255, CLEAR), "{color:?}");
    }
}

//! Tests unusual GIFs against the behavior of Chromium's decoder (google/wuffs, `std/gif`). The files are built byte by
//! byte, because no encoder writes them.

use convert::Error;
use image::RgbaImage;
use model::DamagedMode;
use weezl::BitOrder;
use weezl::encode::Encoder;

use crate::avif_tools::{avifdec_info, convert_exactly, convert_file, convert_to_avif, exact_pixels, recipe};

const RED: [u8; 4] = [255, 0, 0, 255];
const GREEN: [u8; 4] = [0, 255, 0, 255];
const BLUE: [u8; 4] = [0, 0, 255, 255];
const WHITE: [u8; 4] = [255; 4];
const BLACK: [u8; 4] = [0, 0, 0, 255];
const CLEAR: [u8; 4] = [0; 4];

/// Red, green, blue and white.
const PALETTE: [u8; 12] = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];

/// The header of a GIF with a palette of four colors.
fn screen(width: u16, height: u16) -> Vec<u8> {
    [b"GIF89a", &width.to_le_bytes()[..], &height.to_le_bytes(), &[0x81, 0, 0], &PALETTE].concat()
}

/// A graphic control extension.
fn control(disposal: u8, delay: u8, transparent: Option<u8>) -> Vec<u8> {
    vec![0x21, 0xf9, 4, disposal << 2 | u8::from(transparent.is_some()), delay, 0, transparent.unwrap_or(0), 0]
}

/// An application extension with the number of repetitions.
fn netscape(repetitions: u8) -> Vec<u8> {
    [&b"\x21\xff\x0bNETSCAPE2.0\x03\x01"[..], &[repetitions, 0, 0]].concat()
}

const INTERLACED: u8 = 0x40;

/// A frame whose data is given as sub-blocks, without the terminator.
fn raw_frame(position: [u16; 4], flags: u8, code_size: u8, data: &[u8]) -> Vec<u8> {
    let position = position.map(u16::to_le_bytes).concat();
    [b",", &position[..], &[flags, code_size], data, &[0]].concat()
}

fn sub_block(data: &[u8]) -> Vec<u8> {
    [&[u8::try_from(data.len()).unwrap()], data].concat()
}

fn compress(indices: &[u8], code_size: u8) -> Vec<u8> {
    Encoder::new(BitOrder::Lsb, code_size).encode(indices).unwrap()
}

/// A frame with these palette indices. The position is left, top, width and height.
fn frame(position: [u16; 4], indices: &[u8]) -> Vec<u8> {
    raw_frame(position, 0, 2, &sub_block(&compress(indices, 2)))
}

#[test]
fn repeated_clear_codes_are_ignored() {
    // Codes of 3 bits: 4 clears the table. Each pixel follows 30 clear codes, and the sub-blocks have one byte each.
    let codes = [vec![4; 30], vec![0], vec![4; 30], vec![1], vec![4; 30], vec![2], vec![5]].concat();
    let mut bits = codes.iter().enumerate().fold(vec![0_u8; codes.len() * 3 / 8 + 1], |mut bytes, (index, code)| {
        for bit in 0..3 {
            let at = index * 3 + bit;
            bytes[at / 8] |= (code >> bit & 1) << (at % 8);
        }
        bytes
    });
    let data: Vec<u8> = bits.drain(..).flat_map(|byte| sub_block(&[byte])).collect();
    let file = [screen(3, 1), raw_frame([0, 0, 3, 1], 0, 2, &data), b";".to_vec()].concat();
    assert_eq!(exact_pixels(&file), [RED, GREEN, BLUE]);
}

/// A GIF of two frames of 2x1.
fn animation() -> Vec<u8> {
    let frames = [frame([0, 0, 2, 1], &[0, 1]), control(0, 20, None), frame([0, 0, 2, 1], &[2, 3])].concat();
    [screen(2, 1), netscape(0), control(0, 10, None), frames].concat()
}

fn frames(file: &[u8]) -> usize {
    avifdec_info(&convert_to_avif(file, &recipe())).matches("[duration ").count()
}

fn pixels((image, notes): (RgbaImage, Vec<String>)) -> (Vec<[u8; 4]>, Vec<String>) {
    (image.pixels().map(|pixel| pixel.0).collect(), notes)
}

#[test]
fn animation_without_a_trailer_or_with_other_bytes_at_its_end_is_whole() {
    for end in [&b";"[..], b"", b"\0\0\0;", b"\0", b"garbage", b";garbage", b"\xff\x2c\x21;"] {
        assert_eq!(frames(&[&animation()[..], end].concat()), 2, "{end:?}");
        let still = [screen(2, 1), frame([0, 0, 2, 1], &[0, 1])].concat();
        assert_eq!(exact_pixels(&[&still, end].concat()), [RED, GREEN], "{end:?}");
    }
}

#[test]
fn unknown_bytes_before_further_frames_are_damage() {
    let second = [control(0, 10, None), frame([0, 0, 2, 1], &[2, 3])].concat();
    let file = [&animation()[..], b"\0\0", &second, b";"].concat();
    let error = convert_file(&file, &recipe()).unwrap_err().to_string();
    assert_eq!(error, "damaged GIF: unknown bytes precede further frames");
    let lenient = model::Recipe { damaged: DamagedMode::Convert, ..recipe() };
    let conversion = convert_file(&file, &lenient).unwrap();
    assert_eq!(
        conversion.notes,
        ["damaged GIF: all frames after the first 2 are missing; it was converted as browsers show it"]
    );
    assert_eq!(avifdec_info(&conversion.variants[0].bytes).matches("[duration ").count(), 2);
}

#[test]
fn image_contains_the_whole_first_frame() {
    for (width, height) in [(1, 1), (0, 0), (3, 1)] {
        let file = [screen(width, height), frame([1, 1, 2, 1], &[1, 2])].concat();
        assert_eq!(exact_pixels(&file), [CLEAR, CLEAR, CLEAR, CLEAR, GREEN, BLUE], "{width}x{height}");
    }
}

#[test]
fn later_frame_is_cropped_to_the_image() {
    let partly = frame([1, 0, 9, 3], &[2; 27]);
    let outside = frame([5, 5, 2, 1], &[3, 3]);
    let file = [screen(2, 2), frame([0, 0, 2, 2], &[0; 4]), partly, outside].concat();
    let avif = convert_to_avif(&file, &model::Recipe { quality: "100".parse().unwrap(), ..recipe() });
    assert_eq!(frames(&file), 3);
    for index in [1, 2] {
        let image = crate::avif_tools::avifdec_frame(&avif, index);
        assert_eq!(image.pixels().map(|pixel| pixel.0).collect::<Vec<_>>(), [RED, BLUE, RED, BLUE]);
    }
}

#[test]
fn size_is_checked_before_memory_is_allocated() {
    let huge = raw_frame([0, 0, u16::MAX, u16::MAX], 0, 2, b"\x02\x44\x01");
    let error = convert_file(&[screen(2, 1), huge.clone()].concat(), &recipe()).unwrap_err();
    assert!(matches!(error, Error::TooManyPixels { width: 65_535, height: 65_535, .. }), "{error}");
    let far = [screen(2, 1), frame([65_535, 65_535, 1, 1], &[0])].concat();
    let error = convert_file(&far, &recipe()).unwrap_err();
    assert!(matches!(error, Error::TooManyPixels { width: 65_536, height: 65_536, .. }), "{error}");
    // A later frame does not change the size of the image.
    let later = [screen(2, 1), frame([0, 0, 2, 1], &[0, 1]), huge].concat();
    let error = convert_file(&later, &recipe()).unwrap_err();
    assert!(matches!(error, Error::TooManyFrames { .. }), "{error}");
    let wide = [screen(2, 1), frame([0, 0, 2, 1], &[0, 1]), frame([0, 0, 20_000, 1], &[0; 200])].concat();
    assert_eq!(
        convert_file(&wide, &recipe()).unwrap_err().to_string(),
        "damaged GIF: a frame has only 0 of its 1 rows"
    );
}

#[test]
fn interlaced_rows_are_stored_in_four_passes() {
    // The rows 0, 8; 4; 2, 6; 1, 3, 5, 7.
    let stored = [0, 0, 1, 2, 2, 3, 3, 3, 3];
    let file = [screen(1, 9), raw_frame([0, 0, 1, 9], INTERLACED, 2, &sub_block(&compress(&stored, 2)))].concat();
    assert_eq!(exact_pixels(&file), [RED, WHITE, BLUE, WHITE, GREEN, WHITE, BLUE, WHITE, RED]);
}

#[test]
fn index_beyond_the_palette_is_black() {
    let data = sub_block(&compress(&[3, 4, 7], 3));
    assert_eq!(exact_pixels(&[screen(3, 1), raw_frame([0, 0, 3, 1], 0, 3, &data)].concat()), [WHITE, BLACK, BLACK]);
    let no_palette = [b"GIF89a\x02\0\x01\0\0\0\0", &control(0, 0, Some(1))[..], &frame([0, 0, 2, 1], &[0, 1])].concat();
    assert_eq!(exact_pixels(&no_palette), [BLACK, CLEAR]);
    // A local palette of two entries replaces the global palette.
    let local = [&[1, 2, 3, 4, 5, 6][..], &[2], &sub_block(&compress(&[0, 1, 3], 2)), &[0]].concat();
    let local = [&screen(3, 1)[..], b",\0\0\0\0\x03\0\x01\0\x80", &local].concat();
    assert_eq!(exact_pixels(&local), [[1, 2, 3, 255], [4, 5, 6, 255], BLACK]);
}

#[test]
fn data_without_end_code_or_with_further_bytes_is_whole() {
    let whole = compress(&[0, 1, 2, 3], 2);
    let without_end = &whole[..whole.len() - 1];
    let endings: [&[u8]; 4] = [&[], b"\x03\0\0\0", b"\x01\xff", b"\x03\xff\xff\xff\x01\0"];
    for data in [&whole[..], without_end] {
        for more in endings {
            let data = [sub_block(data), more.to_vec()].concat();
            assert_eq!(
                exact_pixels(&[screen(2, 2), raw_frame([0, 0, 2, 2], 0, 2, &data)].concat()),
                [RED, GREEN, BLUE, WHITE]
            );
        }
    }
    // Every code may be in a sub-block of its own.
    let split: Vec<u8> = whole.iter().flat_map(|&byte| [1, byte]).collect();
    assert_eq!(
        exact_pixels(&[screen(2, 2), raw_frame([0, 0, 2, 2], 0, 2, &split)].concat()),
        [RED, GREEN, BLUE, WHITE]
    );
}

#[test]
fn missing_pixels_are_rejected_or_transparent() {
    let early_end = sub_block(&compress(&[0, 1, 2], 2));
    let file = [screen(2, 3), raw_frame([0, 0, 2, 3], 0, 2, &early_end)].concat();
    let error = convert_file(&file, &recipe()).unwrap_err().to_string();
    assert_eq!(error, "damaged GIF: a frame has only 1 of its 3 rows");
    let (pixels, notes) = pixels(convert_exactly(&file, DamagedMode::Convert).unwrap());
    assert_eq!(pixels, [RED, GREEN, BLUE, CLEAR, CLEAR, CLEAR]);
    assert_eq!(notes, ["damaged GIF: 2 of its 3 rows are missing; it was converted as browsers show it"]);
    let empty = [screen(2, 3), raw_frame([0, 0, 2, 3], 0, 2, b"")].concat();
    assert!(matches!(convert_exactly(&empty, DamagedMode::Convert), Err(Error::Damaged { .. })));
}

#[test]
fn missing_rows_of_an_interlaced_image_are_repeated() {
    // The rows 0, 8 and 4 are present.
    let data = sub_block(&compress(&[0, 1, 2], 2));
    let file = [screen(1, 10), raw_frame([0, 0, 1, 10], INTERLACED, 2, &data)].concat();
    let (pixels, _) = pixels(convert_exactly(&file, DamagedMode::Convert).unwrap());
    assert_eq!(pixels, [RED, RED, RED, RED, BLUE, BLUE, BLUE, BLUE, GREEN, GREEN]);
}

#[test]
fn extensions_without_meaning_are_ignored() {
    let extensions = [
        &b"\x21\xfe\x05hello\0"[..],
        b"\x21\x01\x0c............\x01A\0",
        b"\x21\x42\x03abc\x01d\0",
        b"\x21\xff\x0bANIMEXTS1.0\x02\x01\0\0",
        b"\x21\xff\0",
    ];
    let file = [&screen(2, 1)[..], &extensions.concat(), &frame([0, 0, 2, 1], &[1, 2]), b";"].concat();
    assert_eq!(exact_pixels(&file), [GREEN, BLUE]);
}

#[test]
fn last_number_of_repetitions_is_used() {
    let two = [frame([0, 0, 2, 1], &[0, 1]), frame([0, 0, 2, 1], &[2, 3])].concat();
    let avif = convert_to_avif(&[screen(2, 1), netscape(5), two, netscape(2)].concat(), &recipe());
    assert_eq!(crate::animation::plays(&avif), Some(3));
}

#[test]
fn frame_without_pixels_is_a_frame() {
    let file = [screen(2, 1), frame([0, 0, 2, 1], &[0, 1]), frame([0, 0, 0, 0], &[]), frame([0, 0, 2, 1], &[2, 3])];
    assert_eq!(frames(&file.concat()), 3);
}

#[test]
fn code_sizes_from_two_to_eleven_are_supported() {
    for code_size in 2..=11 {
        let data = sub_block(&compress(&[0, 1, 2, 3], code_size));
        let file = [screen(4, 1), raw_frame([0, 0, 4, 1], 0, code_size, &data)].concat();
        assert_eq!(exact_pixels(&file), [RED, GREEN, BLUE, WHITE], "{code_size}");
    }
    // Codes of two bits: clear, 0; codes of three bits: 1, 0, end.
    let one = [screen(3, 1), raw_frame([0, 0, 3, 1], 0, 1, b"\x02\x12\x06")].concat();
    assert_eq!(exact_pixels(&one), [RED, GREEN, RED]);
    let twelve = [screen(3, 1), raw_frame([0, 0, 3, 1], 0, 12, b"\x02\0\0")].concat();
    assert_eq!(convert_file(&twelve, &recipe()).unwrap_err().to_string(), "damaged GIF: an LZW code size is over 11");
}

#[test]
fn disposal_four_restores_the_previous_image() {
    let file = [
        screen(2, 1),
        frame([0, 0, 2, 1], &[0, 1]),
        control(4, 10, None),
        frame([0, 0, 1, 1], &[2]),
        frame([1, 0, 1, 1], &[3]),
    ];
    let lossless = model::Recipe { quality: "100".parse().unwrap(), ..recipe() };
    let image = crate::avif_tools::avifdec_frame(&convert_to_avif(&file.concat(), &lossless), 2);
    assert_eq!(image.pixels().map(|pixel| pixel.0).collect::<Vec<_>>(), [RED, WHITE]);
}

#[test]
fn xmp_and_profile_are_read_anywhere_in_the_file() {
    let magic: Vec<u8> = [1].into_iter().chain((0..=255).rev()).chain([0]).collect();
    let xmp = b"<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"/>";
    let xmp_block = [b"\x21\xff\x0bXMP DataXMP", &xmp[..], &magic].concat();
    let icc = crate::icc::rgb(crate::icc::DISPLAY_P3, 2.2);
    let sub_blocks: Vec<u8> = icc.chunks(200).flat_map(sub_block).collect();
    let icc_block = [b"\x21\xff\x0bICCRGBG1012", &sub_blocks[..], &[0]].concat();
    let image = frame([0, 0, 2, 1], &[0, 1]);
    for parts in [[&xmp_block, &icc_block, &image], [&image, &icc_block, &xmp_block]] {
        let file = [&screen(2, 1), parts[0], parts[1], parts[2]].map(Clone::clone).concat();
        let description = convert::describe(&file, &model::Limits::default()).unwrap();
        assert_eq!(description.xmp.as_deref(), Some(&xmp[..]));
        assert_eq!(description.icc.as_deref(), Some(&icc[..]));
    }
}

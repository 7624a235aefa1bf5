//! What moves goes on moving, as browsers show it.

use std::process::Command;

use convert::{Conversion, Error, OpenedImage, convert};
use image::{DynamicImage, Rgba, RgbaImage};
use model::{Limits, Recipe};

use crate::animation::{Disposal, Frame, apng, deep_apng, gif, webp};
use crate::look::{CODING, avif, distance, recipe, run};
use crate::source::{exif, picture, with_chunks};

const SIZE: (u32, u32) = (64, 48);
const RED: Rgba<u8> = Rgba([200, 40, 40, 255]);
const BLUE: Rgba<u8> = Rgba([40, 40, 200, 255]);
const CLEAR: Rgba<u8> = Rgba([0; 4]);

fn frame(pixels: RgbaImage, milliseconds: u16) -> Frame {
    Frame { left: 0, top: 0, pixels, milliseconds, over: true, disposal: Disposal::Keep }
}

fn flat(color: Rgba<u8>) -> RgbaImage {
    RgbaImage::from_pixel(SIZE.0, SIZE.1, color)
}

/// The same frames in every format that moves, shown twice.
fn files(frames: &[Frame]) -> Vec<(&'static str, Vec<u8>)> {
    let mut files = vec![("GIF", gif(64, 48, frames, Some(1))), ("APNG", apng(SIZE, frames, 2, None))];
    if frames.iter().all(|frame| frame.disposal != Disposal::Restore) {
        files.push(("WebP", webp(SIZE, frames, 2)));
    }
    files
}

/// What `avifdec` tells of a file: hundredths of a second of each frame.
fn timing(avif: &[u8]) -> Vec<u32> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.avif");
    std::fs::write(&path, avif).unwrap();
    let told = Command::new("avifdec").arg("--info").arg(&path).output();
    let told = String::from_utf8(told.expect("avifdec is missing; `make tools` installs it").stdout).unwrap();
    let durations = told.lines().filter_map(|line| line.split_once("[duration ")?.1.split_once(' '));
    durations.map(|(seconds, _)| seconds.replace('.', "").parse().unwrap()).collect()
}

/// A frame as `avifdec` decodes it.
fn look(avif: &[u8], index: usize) -> RgbaImage {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a.avif"), folder.path().join("a.png"));
    std::fs::write(&from, avif).unwrap();
    let run = Command::new("avifdec").args(["--index", &index.to_string()]).arg(&from).arg(&to).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    image::open(to).unwrap().to_rgba8()
}

/// How often a sequence is played, or nothing where that is for ever: its duration in its own edit list, beside that of the
/// whole (ISO/IEC 14496-12, 8.3.2 and 8.6.6; both of version 1).
fn plays(avif: &[u8]) -> Option<u64> {
    let number = |name: &[u8; 4], offset: usize| {
        let at = avif.windows(4).position(|window| window == name).unwrap() + 4 + offset;
        u64::from_be_bytes(avif[at..at + 8].try_into().unwrap())
    };
    let (whole, once) = (number(b"tkhd", 28), number(b"elst", 8));
    (whole != u64::MAX).then(|| whole / once)
}

fn is_still(avif: &[u8]) -> bool {
    &avif[8..12] == b"avif"
}

#[test]
fn every_frame_is_there_for_its_time() {
    let frames = [frame(flat(RED), 70), frame(flat(BLUE), 200), frame(flat(RED), 1000)];
    for (format, file) in files(&frames) {
        let avif = avif(&file, &recipe());
        assert_eq!((&avif[8..12], timing(&avif)), (&b"avis"[..], vec![7, 20, 100]), "{format}");
        for (index, frame) in frames.iter().enumerate() {
            let off = distance(&look(&avif, index).into(), &frame.pixels.clone().into());
            assert!(off < CODING, "{format}, frame {index}: off by {off}");
        }
    }
}

#[test]
fn frames_that_ask_for_no_time_have_as_much_as_browsers_give_them() {
    for (format, file) in files(&[frame(flat(RED), 0), frame(flat(BLUE), 10), frame(flat(RED), 20)]) {
        assert_eq!(timing(&avif(&file, &recipe())), [10, 10, 2], "{format}");
    }
}

#[test]
fn it_is_played_as_often_as_it_was() {
    let frames = [frame(flat(RED), 50), frame(flat(BLUE), 50)];
    for (repetitions, expected) in [(None, Some(1)), (Some(0), None), (Some(1), Some(2)), (Some(4), Some(5))] {
        assert_eq!(plays(&avif(&gif(64, 48, &frames, repetitions), &recipe())), expected, "GIF {repetitions:?}");
    }
    for (count, expected) in [(0, None), (1, Some(1)), (5, Some(5))] {
        assert_eq!(plays(&avif(&apng(SIZE, &frames, count, None), &recipe())), expected, "APNG {count}");
        let webp = webp(SIZE, &frames, u16::try_from(count).unwrap());
        assert_eq!(plays(&avif(&webp, &recipe())), expected, "WebP {count}");
    }
}

#[test]
fn frames_are_drawn_onto_what_was_there() {
    let part = |left, pixels: Rgba<u8>, over, disposal| Frame {
        left,
        top: 16,
        pixels: RgbaImage::from_fn(32, 32, |x, _| if x < 16 { pixels } else { CLEAR }),
        milliseconds: 100,
        over,
        disposal,
    };
    let seen = |file: &[u8], index| {
        let picture = look(&avif(file, &recipe()), index);
        [(8, 40), (24, 40), (40, 40), (8, 8)].map(|(x, y)| match picture.get_pixel(x, y).0 {
            [_, _, _, 0] => ' ',
            [red, _, blue, 255] if red > 150 && blue < 90 => 'r',
            [red, _, blue, 255] if blue > 150 && red < 90 => 'b',
            other => unreachable!("neither red nor blue nor clear: {other:?}"),
        })
    };
    for (disposal, then) in [
        (Disposal::Keep, ['b', 'r', 'b', 'r']),
        (Disposal::Clear, [' ', ' ', 'b', 'r']),
        (Disposal::Restore, ['r', 'r', 'b', 'r']),
    ] {
        let frames = [frame(flat(RED), 100), part(0, BLUE, true, disposal), part(32, BLUE, true, Disposal::Keep)];
        for (format, file) in files(&frames) {
            assert_eq!(seen(&file, 1), ['b', 'r', 'r', 'r'], "{format}, {disposal:?}");
            assert_eq!(seen(&file, 2), then, "{format}, {disposal:?}");
        }
    }
    // A GIF has no other way.
    let replaced = [frame(flat(RED), 100), part(0, BLUE, false, Disposal::Keep)];
    for file in [apng(SIZE, &replaced, 0, None), webp(SIZE, &replaced, 0)] {
        assert_eq!(seen(&file, 1), ['b', ' ', 'r', 'r']);
    }
}

#[test]
fn every_width_moves() {
    let frames = [frame(DynamicImage::from(picture(64, 48)).to_rgba8(), 100), frame(flat(BLUE), 300)];
    let recipe = Recipe { widths: "full,32,20".parse().unwrap(), ..recipe() };
    for (format, file) in files(&frames) {
        let variants = run(&file, &recipe).unwrap().variants;
        let sizes: Vec<_> = variants.iter().map(|variant| (variant.width, variant.height)).collect();
        assert_eq!(sizes, [(64, 48), (32, 24), (20, 15)], "{format}");
        for variant in variants {
            assert_eq!(timing(&variant.bytes), [10, 30], "{format}");
            let second = look(&variant.bytes, 1);
            assert_eq!(second.dimensions(), (variant.width, variant.height));
            assert!(
                distance(&second.into(), &RgbaImage::from_pixel(variant.width, variant.height, BLUE).into()) < CODING
            );
        }
    }
}

#[test]
fn alpha_is_exact_wherever_any_frame_has_some_and_else_left_out() {
    let soft = RgbaImage::from_fn(SIZE.0, SIZE.1, |x, y| Rgba([90, 200, 90, u8::try_from(x * 3 + y).unwrap()]));
    let frames = [frame(flat(RED), 100), Frame { over: false, ..frame(soft.clone(), 100) }];
    for file in [apng(SIZE, &frames, 0, None), webp(SIZE, &frames, 0)] {
        let avif = avif(&file, &recipe());
        assert!(look(&avif, 0).pixels().all(|pixel| pixel.0[3] == 255));
        assert!(look(&avif, 1).pixels().zip(soft.pixels()).all(|(seen, soft)| seen.0[3] == soft.0[3]));
    }
    let auxiliary = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha";
    let has_alpha = |file: &[u8]| avif(file, &recipe()).windows(auxiliary.len()).any(|window| window == auxiliary);
    for (format, file) in files(&[frame(flat(RED), 100), frame(flat(BLUE), 100)]) {
        assert!(!has_alpha(&file), "{format}");
    }
    assert!(has_alpha(&gif(
        64,
        48,
        &[
            frame(flat(RED), 100),
            Frame { disposal: Disposal::Clear, ..frame(flat(BLUE), 100) },
            Frame { pixels: RgbaImage::from_pixel(8, 8, RED), ..frame(flat(RED), 100) }
        ],
        None
    )));
}

#[test]
fn only_what_is_lossless_is_in_full_range() {
    let frames = [frame(DynamicImage::from(picture(64, 48)).to_rgba8(), 100), frame(flat(BLUE), 100)];
    let file = apng(SIZE, &frames, 0, None);
    for (quality, full_range) in [("100", 0x80), ("90", 0)] {
        let Conversion { variants, notes, .. } =
            run(&file, &Recipe { quality: quality.parse().unwrap(), ..recipe() }).unwrap();
        assert_eq!(notes.len(), usize::from(full_range > 0));
        let avif = &variants[0].bytes;
        // ISO/IEC 14496-12, 12.1.5: three code points of two bytes each, and the range.
        let ranges = avif.windows(8).enumerate().filter(|(_, window)| window == b"colrnclx");
        assert!(ranges.map(|(at, _)| avif[at + 14]).eq([full_range; 2]), "of the item and of the track");
        if quality == "100" {
            assert!(frames.iter().enumerate().all(|(index, frame)| look(avif, index) == frame.pixels));
        }
    }
}

#[test]
fn an_animation_of_one_frame_is_a_still() {
    for (format, file) in files(&[frame(flat(RED), 100)]) {
        let avif = avif(&file, &recipe());
        assert!(is_still(&avif), "{format}");
        assert!(distance(&look(&avif, 0).into(), &flat(RED).into()) < CODING);
    }
    // With nothing but garbage behind it, too.
    let whole = gif(64, 48, &[frame(flat(RED), 100)], None);
    assert!(is_still(&avif(&[&whole[..whole.len() - 1], b"garbage"].concat(), &recipe())));
}

#[test]
fn a_picture_for_those_who_know_no_animation_is_no_frame() {
    let frames = [frame(flat(RED), 100), frame(flat(BLUE), 100)];
    let avif = avif(&apng(SIZE, &frames, 0, Some(&flat(Rgba([9, 200, 9, 255])))), &recipe());
    assert_eq!(timing(&avif), [10, 10]);
    for (index, frame) in frames.into_iter().enumerate() {
        assert!(distance(&look(&avif, index).into(), &frame.pixels.into()) < CODING);
    }
}

#[test]
fn gray_and_deep_frames_move_too() {
    let levels: Vec<u8> = (0..64 * 48).flat_map(|at: u16| (at * 20).to_be_bytes()).collect();
    let file = deep_apng(&levels, SIZE);
    let avif = avif(&file, &recipe());
    assert_eq!(timing(&avif), [20, 20]);
    // AV1-ISOBMFF 1.2, 2.3.3: `av1C` says that there is no chroma.
    let at = avif.windows(4).position(|window| window == b"av1C").unwrap() + 6;
    assert_eq!(avif[at] & 0x10, 0x10);
    // Of gray alone, avifdec writes the levels as they are coded, which is in the narrow range.
    let coded = levels.iter().step_by(2).map(|&level| u8::try_from(16 + u32::from(level) * 219 / 255).unwrap());
    let expected = image::GrayImage::from_raw(64, 48, coded.collect()).unwrap();
    assert!(distance(&look(&avif, 1).into(), &expected.into()) < CODING);
}

#[test]
fn every_frame_is_turned_upright() {
    let first = DynamicImage::from(picture(64, 48));
    let frames = [frame(first.to_rgba8(), 100), frame(first.fliph().to_rgba8(), 100)];
    let file = with_chunks(&apng(SIZE, &frames, 0, None), &[(b"eXIf", &exif(6))]);
    let avif = avif(&file, &recipe());
    for (index, expected) in [first.rotate90(), first.fliph().rotate90()].into_iter().enumerate() {
        let off = distance(&look(&avif, index).into(), &expected.to_rgba8().into());
        assert!(off < CODING, "frame {index}: off by {off}");
    }
}

#[test]
fn what_ends_too_early_is_refused_wherever_it_ends() {
    let noise = |seed: u32| {
        let level = |x: u32, y: u32| (x.wrapping_mul(31) ^ y.wrapping_mul(17)).wrapping_mul(seed).to_le_bytes()[1];
        RgbaImage::from_fn(SIZE.0, SIZE.1, |x, y| Rgba([level(x, y), level(y, x), 128, 255]))
    };
    let frames = [3, 5, 7].map(|seed| frame(noise(seed * 2_654_435), 100));
    for (format, file) in files(&frames) {
        assert!(run(&file, &recipe()).is_ok(), "{format}");
        // From the end of the header on; every place in the end, and some before it.
        let ends = (100..file.len() - 60).step_by(97).chain(file.len() - 60..file.len());
        for end in ends {
            // A PNG's last chunk says nothing but that it ends.
            let said_all = format == "APNG" && end >= file.len() - 12;
            match run(&file[..end], &recipe()) {
                Err(Error::Damaged { .. }) => {}
                Ok(conversion) => {
                    let frames = timing(&conversion.variants[0].bytes).len();
                    assert!(said_all && frames == 3, "{format} passed without its last {} bytes", file.len() - end);
                }
                Err(error) => unreachable!("{format}: {error}"),
            }
        }
    }
}

/// The least number of pixels that a frame counts for.
const LEAST: u64 = 32_768;

fn limited(animation_pixels: u64) -> Limits {
    Limits { animation_pixels, ..Limits::default() }
}

#[test]
fn frames_over_the_limit_are_refused_with_the_limit_and_what_to_do() {
    let frames: Vec<_> = (0..5)
        .map(|at| {
            let mut frame = frame(flat(RED), 100);
            frame.pixels.put_pixel(at, 0, BLUE);
            frame
        })
        .collect();
    let threads = std::num::NonZeroUsize::MIN;
    for (format, file) in files(&frames) {
        assert!(convert(&file, &recipe(), &limited(5 * LEAST), threads).is_ok(), "{format}");
        for most in [4, 1, 0] {
            let error = convert(&file, &recipe(), &limited(most * LEAST), threads).unwrap_err();
            let first = (most + 1).max(2);
            assert!(matches!(error, Error::TooManyFrames { frames, .. } if frames == first), "{format}: {error:?}");
            let text = format!(
                "its first {first} frames count as {} pixels, over the limit of {}; raise the limit on the pixels of \
                 animations to convert it",
                first * LEAST,
                most * LEAST
            );
            assert_eq!(error.to_string(), text);
        }
    }
}

#[test]
fn a_frame_larger_than_its_canvas_counts_by_its_own_area() {
    let large = frame(RgbaImage::from_pixel(400, 300, RED), 100);
    let file = gif(8, 8, &[large.clone(), large.clone(), large], Some(1));
    let threads = std::num::NonZeroUsize::MIN;
    assert!(convert(&file, &recipe(), &limited(3 * 400 * 300), threads).is_ok());
    let error = convert(&file, &recipe(), &limited(3 * 400 * 300 - 1), threads).unwrap_err();
    assert!(matches!(error, Error::TooManyFrames { frames: 3, pixels: 360_000, .. }), "{error:?}");
}

#[test]
fn tiny_frames_are_expected_to_take_the_time_that_a_frame_takes_at_least() {
    let tiny = |at: u8| Frame {
        pixels: RgbaImage::from_pixel(2, 2, Rgba([at, 0, 0, 255])),
        ..frame(RgbaImage::new(0, 0), 100)
    };
    let frames: Vec<_> = (0..101).map(tiny).collect();
    let expected =
        |file: &[u8], recipe: &Recipe| OpenedImage::open(file, recipe, &Limits::default()).unwrap().encoded_pixels();
    let files = [gif(2, 2, &frames, Some(1)), apng((2, 2), &frames, 0, None), webp((2, 2), &frames, 0)];
    for file in files {
        // At speeds from 5 on, a frame takes at least as long as 700 pixels.
        assert!((70_000..80_000).contains(&expected(&file, &recipe())));
        let two = Recipe { widths: "full,1".parse().unwrap(), ..recipe() };
        assert!((140_000..160_000).contains(&expected(&file, &two)));
    }
    // Decoding what no screen shows takes time, too.
    let hidden = vec![frame(RgbaImage::from_pixel(1000, 1000, RED), 100); 5];
    let shown = vec![frame(RgbaImage::from_pixel(2, 2, RED), 100); 5];
    let [hidden, shown] = [hidden, shown].map(|frames| expected(&gif(2, 2, &frames, Some(1)), &recipe()));
    assert!(hidden > shown + 50_000, "{hidden} {shown}");
}

#[test]
fn a_long_animation_of_usual_size_is_within_the_limits() {
    let frames = vec![Frame { pixels: RgbaImage::from_pixel(2, 2, RED), ..frame(flat(RED), 40) }; 2000];
    let size = (480, 270);
    for file in [gif(480, 270, &frames, Some(0)), webp(size, &frames, 0)] {
        assert_eq!(OpenedImage::open(&file, &recipe(), &Limits::default()).unwrap().frames(), 2000);
    }
}

//! Tests that animations stay animated, and that their frames have the durations that browsers use.

use std::process::Command;

use convert::{Conversion, Error, OpenedImage, convert};
use image::{DynamicImage, Rgba, RgbaImage};
use model::{Limits, Recipe};

use crate::animation_fixtures::{Frame, FrameDisposal, apng, deep_apng, gif, webp};
use crate::avif_tools::{MAX_CODING_DISTANCE, avifdec_frame, convert_file, convert_to_avif, distance, recipe};
use crate::fixtures::{exif_with_orientation, gradient_image, with_png_chunks};

const SIZE: (u32, u32) = (64, 48);
const RED: Rgba<u8> = Rgba([200, 40, 40, 255]);
const BLUE: Rgba<u8> = Rgba([40, 40, 200, 255]);
const TRANSPARENT: Rgba<u8> = Rgba([0; 4]);

fn frame(pixels: RgbaImage, milliseconds: u16) -> Frame {
    Frame { left: 0, top: 0, pixels, milliseconds, is_blended: true, disposal: FrameDisposal::Keep }
}

fn solid(color: Rgba<u8>) -> RgbaImage {
    RgbaImage::from_pixel(SIZE.0, SIZE.1, color)
}

/// Returns a GIF, an APNG and a WebP with these frames, each played twice. The WebP is omitted if a frame has the
/// disposal `Previous`, which WebP does not support.
fn files(frames: &[Frame]) -> Vec<(&'static str, Vec<u8>)> {
    let mut files = vec![("GIF", gif(64, 48, frames, Some(1))), ("APNG", apng(SIZE, frames, 2, None))];
    if frames.iter().all(|frame| frame.disposal != FrameDisposal::Previous) {
        files.push(("WebP", webp(SIZE, frames, 2)));
    }
    files
}

/// Returns the duration of each frame in hundredths of a second, as `avifdec --info` reports it.
fn timing(avif: &[u8]) -> Vec<u32> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.avif");
    std::fs::write(&path, avif).unwrap();
    let output = Command::new("avifdec").arg("--info").arg(&path).output();
    let info = String::from_utf8(output.expect("avifdec is missing; `make tools` installs it").stdout).unwrap();
    let durations = info.lines().filter_map(|line| line.split_once("[duration ")?.1.split_once(' '));
    durations.map(|(seconds, _)| seconds.replace('.', "").parse().unwrap()).collect()
}

/// Returns how many times a sequence is played, or `None` if it is repeated forever. The number is the duration of the
/// track divided by the duration in its edit list (ISO/IEC 14496-12, 8.3.2 and 8.6.6). Both boxes have version 1.
pub(crate) fn plays(avif: &[u8]) -> Option<u64> {
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
fn every_frame_keeps_its_duration() {
    let frames = [frame(solid(RED), 70), frame(solid(BLUE), 200), frame(solid(RED), 1000)];
    for (format, file) in files(&frames) {
        let avif = convert_to_avif(&file, &recipe());
        assert_eq!((&avif[8..12], timing(&avif)), (&b"avis"[..], vec![7, 20, 100]), "{format}");
        for (index, frame) in frames.iter().enumerate() {
            let off = distance(&avifdec_frame(&avif, index).into(), &frame.pixels.clone().into());
            assert!(off < MAX_CODING_DISTANCE, "{format}, frame {index}: off by {off}");
        }
    }
}

#[test]
fn durations_up_to_10_ms_become_100_ms_as_in_browsers() {
    for (format, file) in files(&[frame(solid(RED), 0), frame(solid(BLUE), 10), frame(solid(RED), 20)]) {
        assert_eq!(timing(&convert_to_avif(&file, &recipe())), [10, 10, 2], "{format}");
    }
}

#[test]
fn number_of_plays_is_kept() {
    let frames = [frame(solid(RED), 50), frame(solid(BLUE), 50)];
    for (repetitions, expected) in [(None, Some(1)), (Some(0), None), (Some(1), Some(2)), (Some(4), Some(5))] {
        assert_eq!(
            plays(&convert_to_avif(&gif(64, 48, &frames, repetitions), &recipe())),
            expected,
            "GIF {repetitions:?}"
        );
    }
    for (count, expected) in [(0, None), (1, Some(1)), (5, Some(5))] {
        assert_eq!(plays(&convert_to_avif(&apng(SIZE, &frames, count, None), &recipe())), expected, "APNG {count}");
        let webp = webp(SIZE, &frames, u16::try_from(count).unwrap());
        assert_eq!(plays(&convert_to_avif(&webp, &recipe())), expected, "WebP {count}");
    }
}

#[test]
fn frames_are_drawn_according_to_blend_mode_and_disposal() {
    let half_frame = |left, pixels: Rgba<u8>, is_blended, disposal| Frame {
        left,
        top: 16,
        pixels: RgbaImage::from_fn(32, 32, |x, _| if x < 16 { pixels } else { TRANSPARENT }),
        milliseconds: 100,
        is_blended,
        disposal,
    };
    let visible_colors = |file: &[u8], index| {
        let image = avifdec_frame(&convert_to_avif(file, &recipe()), index);
        [(8, 40), (24, 40), (40, 40), (8, 8)].map(|(x, y)| match image.get_pixel(x, y).0 {
            [_, _, _, 0] => ' ',
            [red, _, blue, 255] if red > 150 && blue < 90 => 'r',
            [red, _, blue, 255] if blue > 150 && red < 90 => 'b',
            other => unreachable!("neither red nor blue nor transparent: {other:?}"),
        })
    };
    for (disposal, then) in [
        (FrameDisposal::Keep, ['b', 'r', 'b', 'r']),
        (FrameDisposal::Background, [' ', ' ', 'b', 'r']),
        (FrameDisposal::Previous, ['r', 'r', 'b', 'r']),
    ] {
        let frames = [
            frame(solid(RED), 100),
            half_frame(0, BLUE, true, disposal),
            half_frame(32, BLUE, true, FrameDisposal::Keep),
        ];
        for (format, file) in files(&frames) {
            assert_eq!(visible_colors(&file, 1), ['b', 'r', 'r', 'r'], "{format}, {disposal:?}");
            assert_eq!(visible_colors(&file, 2), then, "{format}, {disposal:?}");
        }
    }
    // Only APNG and WebP have a blend mode in which a frame replaces the pixels of the canvas. GIF does not have this
    // mode.
    let replaced = [frame(solid(RED), 100), half_frame(0, BLUE, false, FrameDisposal::Keep)];
    for file in [apng(SIZE, &replaced, 0, None), webp(SIZE, &replaced, 0)] {
        assert_eq!(visible_colors(&file, 1), ['b', ' ', 'r', 'r']);
    }
}

#[test]
fn variants_of_all_widths_are_animated() {
    let frames = [frame(DynamicImage::from(gradient_image(64, 48)).to_rgba8(), 100), frame(solid(BLUE), 300)];
    let recipe = Recipe { sizes: "full,32,20".parse().unwrap(), ..recipe() };
    for (format, file) in files(&frames) {
        let variants = convert_file(&file, &recipe).unwrap().variants;
        let sizes: Vec<_> = variants.iter().map(|variant| (variant.width, variant.height)).collect();
        assert_eq!(sizes, [(64, 48), (32, 24), (20, 15)], "{format}");
        for variant in variants {
            assert_eq!(timing(&variant.bytes), [10, 30], "{format}");
            let second = avifdec_frame(&variant.bytes, 1);
            assert_eq!(second.dimensions(), (variant.width, variant.height));
            assert!(
                distance(&second.into(), &RgbaImage::from_pixel(variant.width, variant.height, BLUE).into())
                    < MAX_CODING_DISTANCE
            );
        }
    }
}

#[test]
fn alpha_is_exact_and_omitted_if_all_frames_are_opaque() {
    let soft = RgbaImage::from_fn(SIZE.0, SIZE.1, |x, y| Rgba([90, 200, 90, u8::try_from(x * 3 + y).unwrap()]));
    let frames = [frame(solid(RED), 100), Frame { is_blended: false, ..frame(soft.clone(), 100) }];
    for file in [apng(SIZE, &frames, 0, None), webp(SIZE, &frames, 0)] {
        let avif = convert_to_avif(&file, &recipe());
        assert!(avifdec_frame(&avif, 0).pixels().all(|pixel| pixel.0[3] == 255));
        assert!(avifdec_frame(&avif, 1).pixels().zip(soft.pixels()).all(|(decoded, soft)| decoded.0[3] == soft.0[3]));
    }
    let auxiliary = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha";
    let has_alpha =
        |file: &[u8]| convert_to_avif(file, &recipe()).windows(auxiliary.len()).any(|window| window == auxiliary);
    for (format, file) in files(&[frame(solid(RED), 100), frame(solid(BLUE), 100)]) {
        assert!(!has_alpha(&file), "{format}");
    }
    assert!(has_alpha(&gif(
        64,
        48,
        &[
            frame(solid(RED), 100),
            Frame { disposal: FrameDisposal::Background, ..frame(solid(BLUE), 100) },
            Frame { pixels: RgbaImage::from_pixel(8, 8, RED), ..frame(solid(RED), 100) }
        ],
        None
    )));
}

#[test]
fn only_lossless_animations_have_full_range() {
    let frames = [frame(DynamicImage::from(gradient_image(64, 48)).to_rgba8(), 100), frame(solid(BLUE), 100)];
    let file = apng(SIZE, &frames, 0, None);
    for (quality, full_range) in [("100", 0x80), ("90", 0)] {
        let Conversion { variants, notes, .. } =
            convert_file(&file, &Recipe { quality: quality.parse().unwrap(), ..recipe() }).unwrap();
        assert_eq!(notes.len(), usize::from(full_range > 0));
        let avif = &variants[0].bytes;
        // The type `nclx` is followed by three code points of two bytes each and then by the range (ISO/IEC 14496-12,
        // 12.1.5).
        let ranges = avif.windows(8).enumerate().filter(|(_, window)| window == b"colrnclx");
        assert!(
            ranges.map(|(at, _)| avif[at + 14]).eq([full_range; 2]),
            "the item and the track should have the expected range"
        );
        if quality == "100" {
            assert!(frames.iter().enumerate().all(|(index, frame)| avifdec_frame(avif, index) == frame.pixels));
        }
    }
}

#[test]
fn animation_of_one_frame_becomes_a_still_image() {
    for (format, file) in files(&[frame(solid(RED), 100)]) {
        let avif = convert_to_avif(&file, &recipe());
        assert!(is_still(&avif), "{format}");
        assert!(distance(&avifdec_frame(&avif, 0).into(), &solid(RED).into()) < MAX_CODING_DISTANCE);
    }
    // The image is also still if bytes that are not a frame follow the only frame of the file.
    let whole = gif(64, 48, &[frame(solid(RED), 100)], None);
    assert!(is_still(&convert_to_avif(&[&whole[..whole.len() - 1], b"garbage"].concat(), &recipe())));
}

#[test]
fn static_image_of_an_apng_is_not_a_frame() {
    let frames = [frame(solid(RED), 100), frame(solid(BLUE), 100)];
    let avif = convert_to_avif(&apng(SIZE, &frames, 0, Some(&solid(Rgba([9, 200, 9, 255])))), &recipe());
    assert_eq!(timing(&avif), [10, 10]);
    for (index, frame) in frames.into_iter().enumerate() {
        assert!(distance(&avifdec_frame(&avif, index).into(), &frame.pixels.into()) < MAX_CODING_DISTANCE);
    }
}

#[test]
fn animation_with_gray_16_bit_frames_is_converted() {
    let levels: Vec<u8> = (0..64 * 48).flat_map(|at: u16| (at * 20).to_be_bytes()).collect();
    let file = deep_apng(&levels, SIZE);
    let avif = convert_to_avif(&file, &recipe());
    assert_eq!(timing(&avif), [20, 20]);
    // The monochrome bit in `av1C` declares that the image has no chroma (AV1-ISOBMFF 1.2, 2.3.3).
    let at = avif.windows(4).position(|window| window == b"av1C").unwrap() + 6;
    assert_eq!(avif[at] & 0x10, 0x10);
    // For gray images, `avifdec` outputs the coded levels, which are in limited range.
    let coded = levels.iter().step_by(2).map(|&level| u8::try_from(16 + u32::from(level) * 219 / 255).unwrap());
    let expected = image::GrayImage::from_raw(64, 48, coded.collect()).unwrap();
    assert!(distance(&avifdec_frame(&avif, 1).into(), &expected.into()) < MAX_CODING_DISTANCE);
}

#[test]
fn every_frame_is_upright() {
    let first = DynamicImage::from(gradient_image(64, 48));
    let frames = [frame(first.to_rgba8(), 100), frame(first.fliph().to_rgba8(), 100)];
    let file = with_png_chunks(&apng(SIZE, &frames, 0, None), &[(b"eXIf", &exif_with_orientation(6))]);
    let avif = convert_to_avif(&file, &recipe());
    for (index, expected) in [first.rotate90(), first.fliph().rotate90()].into_iter().enumerate() {
        let off = distance(&avifdec_frame(&avif, index).into(), &expected.to_rgba8().into());
        assert!(off < MAX_CODING_DISTANCE, "frame {index}: off by {off}");
    }
}

#[test]
fn truncated_animation_is_rejected() {
    let noise = |seed: u32| {
        let level = |x: u32, y: u32| (x.wrapping_mul(31) ^ y.wrapping_mul(17)).wrapping_mul(seed).to_le_bytes()[1];
        RgbaImage::from_fn(SIZE.0, SIZE.1, |x, y| Rgba([level(x, y), level(y, x), 128, 255]))
    };
    let frames = [3, 5, 7].map(|seed| frame(noise(seed * 2_654_435), 100));
    for (format, file) in files(&frames) {
        assert!(convert_file(&file, &recipe()).is_ok(), "{format}");
        // The test truncates the file at some positions after the header and at each of the last 60 positions.
        let ends = (100..file.len() - 60).step_by(97).chain(file.len() - 60..file.len());
        for end in ends {
            // The last chunk of a PNG contains no data, so a PNG without this chunk still contains all frames. The data
            // of a GIF is followed by a code for its end, a terminator and a trailer, which take at most four bytes.
            let is_complete = match format {
                "APNG" => end >= file.len() - 12,
                "GIF" => end >= file.len() - 4,
                _ => false,
            };
            match convert_file(&file[..end], &recipe()) {
                Err(Error::Damaged { .. }) => {}
                Ok(conversion) => {
                    let frames = timing(&conversion.variants[0].bytes).len();
                    assert!(
                        is_complete && frames == 3,
                        "{format} was accepted without its last {} bytes",
                        file.len() - end
                    );
                }
                Err(error) => unreachable!("{format}: {error}"),
            }
        }
    }
}

/// A frame with fewer pixels than this minimum counts as this number of pixels.
const MIN_COUNTED_PIXELS: u64 = 32_768;

fn limited(animation_pixels: u64) -> Limits {
    Limits { animation_pixels, ..Limits::default() }
}

#[test]
fn error_of_an_animation_over_the_pixel_limit_contains_a_fix() {
    let frames: Vec<_> = (0..5)
        .map(|at| {
            let mut frame = frame(solid(RED), 100);
            frame.pixels.put_pixel(at, 0, BLUE);
            frame
        })
        .collect();
    let threads = std::num::NonZeroUsize::MIN;
    for (format, file) in files(&frames) {
        assert!(convert(&file, &recipe(), &limited(5 * MIN_COUNTED_PIXELS), threads).is_ok(), "{format}");
        for frame_limit in [4, 1, 0] {
            let error = convert(&file, &recipe(), &limited(frame_limit * MIN_COUNTED_PIXELS), threads).unwrap_err();
            let first = (frame_limit + 1).max(2);
            assert!(matches!(error, Error::TooManyFrames { frames, .. } if frames == first), "{format}: {error:?}");
            let text = format!(
                "its first {first} frames count as {} pixels, over the limit of {}; raise the limit on the pixels of \
                 animations to convert it",
                first * MIN_COUNTED_PIXELS,
                frame_limit * MIN_COUNTED_PIXELS
            );
            assert_eq!(error.to_string(), text);
        }
    }
}

#[test]
fn limit_counts_all_pixels_of_a_frame_larger_than_its_canvas() {
    let large = frame(RgbaImage::from_pixel(400, 300, RED), 100);
    let file = gif(8, 8, &[large.clone(), large.clone(), large], Some(1));
    let threads = std::num::NonZeroUsize::MIN;
    assert!(convert(&file, &recipe(), &limited(3 * 400 * 300), threads).is_ok());
    let error = convert(&file, &recipe(), &limited(3 * 400 * 300 - 1), threads).unwrap_err();
    assert!(matches!(error, Error::TooManyFrames { frames: 3, pixels: 360_000, .. }), "{error:?}");
}

#[test]
fn tiny_frame_counts_as_the_minimum_number_of_pixels_in_the_time_estimate() {
    let tiny = |at: u8| Frame {
        pixels: RgbaImage::from_pixel(2, 2, Rgba([at, 0, 0, 255])),
        ..frame(RgbaImage::new(0, 0), 100)
    };
    let frames: Vec<_> = (0..101).map(tiny).collect();
    let expected =
        |file: &[u8], recipe: &Recipe| OpenedImage::open(file, recipe, &Limits::default()).unwrap().encoded_pixels();
    let files = [gif(2, 2, &frames, Some(1)), apng((2, 2), &frames, 0, None), webp((2, 2), &frames, 0)];
    for file in files {
        // From speed 5 on, the estimate counts each of the 100 frames after the first frame as at least 700 pixels.
        assert!((70_000..80_000).contains(&expected(&file, &recipe())));
        let two = Recipe { sizes: "full,1".parse().unwrap(), ..recipe() };
        assert!((140_000..160_000).contains(&expected(&file, &two)));
    }
    // The pixels outside the canvas are invisible, but decoding them takes time. Therefore the estimate counts them. The
    // first frame defines the size of the image, so it is not larger than the image.
    let shown = vec![frame(RgbaImage::from_pixel(2, 2, RED), 100); 5];
    let mut hidden = vec![frame(RgbaImage::from_pixel(1000, 1000, RED), 100); 5];
    hidden[0] = shown[0].clone();
    let [hidden, shown] = [hidden, shown].map(|frames| expected(&gif(2, 2, &frames, Some(1)), &recipe()));
    assert!(hidden > shown + 50_000, "{hidden} {shown}");
}

#[test]
fn long_animation_of_a_common_size_is_within_the_default_limits() {
    let frames = vec![Frame { pixels: RgbaImage::from_pixel(2, 2, RED), ..frame(solid(RED), 40) }; 2000];
    let size = (480, 270);
    for file in [gif(480, 270, &frames, Some(0)), webp(size, &frames, 0)] {
        assert_eq!(OpenedImage::open(&file, &recipe(), &Limits::default()).unwrap().frames(), 2000);
    }
}

//! What is encoded comes back: samples within coding distance, everything else to the letter.

use std::num::NonZeroUsize;

use avif::{Attached, Content, Quantizer, Settings, Step, decode, encode, quantizer_step};
use model::{Chroma, Cicp, Color, Depth, FixedQuality, PlanarImage, Samples, Shape, Speed};

const MAX_PIXELS: u32 = 1 << 24;

fn settings(quality: &str, content: Content) -> Settings {
    let quality: FixedQuality = quality.parse::<u8>().unwrap().try_into().unwrap();
    Settings { quantizer: quality.into(), speed: Speed::try_from(8).unwrap(), content, threads: NonZeroUsize::MIN }
}

/// Slow waves over the whole range, so that a wrong plane, stride or shift cannot go unnoticed.
fn waves(width: u32, height: u32, depth: Depth, phase: f64) -> Samples {
    let top = f64::from((1_u32 << depth.bits()) - 1);
    let level = |at: u32| {
        let (x, y) = (f64::from(at % width), f64::from(at / width));
        let wave = (x / 17.0 + phase).sin() * (y / 23.0 + phase).cos();
        (f64::midpoint(wave, 1.0) * top).round()
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=top fits")]
    match depth {
        Depth::Eight => Samples::U8((0..width * height).map(|at| level(at) as u8).collect()),
        Depth::Ten | Depth::Twelve => Samples::U16((0..width * height).map(|at| level(at) as u16).collect()),
    }
}

fn image(shape: Shape, alpha: bool, color: Color) -> PlanarImage {
    let planes = (0..shape.chroma.planes()).map(|plane| {
        let (width, height) = shape.plane_size(plane);
        waves(width, height, shape.depth, [0.0, 1.0, 2.0][plane])
    });
    let alpha = alpha.then(|| waves(shape.width, shape.height, shape.depth, 3.0));
    PlanarImage::new(shape, planes.collect(), alpha, color).unwrap()
}

fn levels(samples: &Samples, depth: Depth) -> Vec<f64> {
    let top = f64::from((1_u32 << depth.bits()) - 1);
    match samples {
        Samples::U8(samples) => samples.iter().map(|&sample| f64::from(sample) / top).collect(),
        Samples::U16(samples) => samples.iter().map(|&sample| f64::from(sample) / top).collect(),
    }
}

/// The largest difference of two planes, as a share of the range.
fn distance(a: (&Samples, Depth), b: (&Samples, Depth)) -> f64 {
    let (a, b) = (levels(a.0, a.1), levels(b.0, b.1));
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

const SRGB: Color = Color { cicp: Cicp::SRGB, icc: None };

#[test]
fn every_depth_and_chroma_comes_back_within_coding_distance() {
    for depth in [Depth::Eight, Depth::Ten] {
        for chroma in [Chroma::Monochrome, Chroma::Yuv420, Chroma::Yuv444] {
            for content in [Content::Photograph, Content::Graphic] {
                // Odd, and large enough for every codec that may be linked.
                let shape = Shape { width: 131, height: 97, depth, chroma };
                let before = image(shape, false, SRGB);
                let file = encode(&before, &Attached::default(), &settings("90", content)).unwrap();
                let after = decode(&file, MAX_PIXELS).unwrap();
                let came_back = after.image.shape();
                assert_eq!(
                    (came_back.width, came_back.height, came_back.chroma),
                    (131, 97, chroma),
                    "{depth:?} {content:?}"
                );
                // A codec may have been given more depth than asked for, never less.
                assert!(came_back.depth.bits() >= depth.bits());
                for (ours, theirs) in before.planes().iter().zip(after.image.planes()) {
                    let off = distance((ours, depth), (theirs, came_back.depth));
                    assert!(off < 0.06, "{depth:?} {chroma:?} {content:?}: off by {off}");
                }
                assert!(after.orientation.is_upright());
                assert_eq!((after.frames, after.image.color()), (1, &SRGB));
            }
        }
    }
}

#[test]
fn alpha_comes_back_exactly_at_any_quality() {
    for depth in [Depth::Eight, Depth::Ten] {
        for chroma in [Chroma::Monochrome, Chroma::Yuv420, Chroma::Yuv444] {
            let before = image(Shape { width: 70, height: 66, depth, chroma }, true, SRGB);
            let file = encode(&before, &Attached::default(), &settings("20", Content::Photograph)).unwrap();
            assert_eq!(decode(&file, MAX_PIXELS).unwrap().image.alpha(), before.alpha(), "{depth:?} {chroma:?}");
        }
    }
}

#[test]
fn quality_100_is_lossless() {
    for depth in [Depth::Eight, Depth::Ten] {
        let shape = Shape { width: 65, height: 64, depth, chroma: Chroma::Yuv444 };
        let color = Color { cicp: Cicp::SRGB.with_identity_matrix(), icc: None };
        let before = image(shape, true, color);
        for content in [Content::Photograph, Content::Graphic] {
            let file = encode(&before, &Attached::default(), &settings("100", content)).unwrap();
            assert_eq!(decode(&file, MAX_PIXELS).unwrap().image, before, "{depth:?} {content:?}");
        }
    }
}

#[test]
fn a_quantizer_between_two_is_met_by_codecs_that_can_and_is_the_finer_one_with_others() {
    let shape = Shape { width: 200, height: 150, depth: Depth::Ten, chroma: Chroma::Yuv420 };
    let image = image(shape, false, SRGB);
    let settings = settings("50", Content::Photograph);
    let file = |value: f32| {
        let quantizer = Quantizer::at_most(value, Step::Quarter);
        encode(&image, &Attached::default(), &Settings { quantizer, ..settings }).unwrap()
    };
    let [finer, between, coarser] = [27.0, 27.5, 28.0].map(file);
    assert_ne!(between, coarser);
    assert_eq!(between != finer, quantizer_step(&image, &Attached::default(), &settings) == Step::Quarter);
}

#[test]
fn profile_code_points_exif_and_xmp_come_back_to_the_letter() {
    let shape = Shape { width: 80, height: 80, depth: Depth::Eight, chroma: Chroma::Yuv420 };
    let color = Color {
        cicp: Cicp { primaries: 12, transfer: 13, matrix: 6, full_range: true },
        icc: Some(b"any bytes: libavif does not read them".to_vec()),
    };
    let attached = Attached {
        exif: Some(b"MM\0*\0\0\0\x08\0\0\0\0\0\0".to_vec()),
        xmp: Some(b"<x:xmpmeta/>".to_vec()),
        gain_map: None,
    };
    let file = encode(&image(shape, false, color.clone()), &attached, &settings("60", Content::Photograph)).unwrap();
    let after = decode(&file, MAX_PIXELS).unwrap();
    assert_eq!((after.image.color(), after.attached), (&color, attached));
    assert!(after.orientation.is_upright());
}

#[test]
fn the_smallest_image_encode() {
    for (width, height) in [(1, 1), (1, 2), (3, 1), (1, 64), (64, 1)] {
        for chroma in [Chroma::Monochrome, Chroma::Yuv420, Chroma::Yuv444] {
            let before = image(Shape { width, height, depth: Depth::Eight, chroma }, true, SRGB);
            let file = encode(&before, &Attached::default(), &settings("60", Content::Photograph)).unwrap();
            let shape = decode(&file, MAX_PIXELS).unwrap().image.shape();
            assert_eq!((shape.width, shape.height), (width, height));
        }
    }
}

#[test]
fn a_image_above_the_limit_is_not_decoded() {
    let shape = Shape { width: 128, height: 128, depth: Depth::Eight, chroma: Chroma::Monochrome };
    let file = encode(&image(shape, false, SRGB), &Attached::default(), &settings("60", Content::Photograph)).unwrap();
    assert!(decode(&file, 128 * 128).is_ok());
    assert!(decode(&file, 128 * 128 - 1).is_err());
}

#[test]
fn broken_files_are_errors_in_words() {
    for file in [&b""[..], b"not an AVIF", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"] {
        let error = decode(file, MAX_PIXELS).unwrap_err().to_string();
        assert!(error.starts_with("avifDecoder"), "{error}");
    }
}

#[test]
fn the_library_says_what_it_is() {
    let library = avif::library();
    assert!(library.version.starts_with("1."), "{library}");
    assert!(library.codecs.contains("aom"), "{library}");
}

#[test]
fn what_is_only_read_is_not_written() {
    let shape = Shape { width: 8, height: 8, depth: Depth::Twelve, chroma: Chroma::Yuv444 };
    let error = encode(&image(shape, false, SRGB), &Attached::default(), &settings("60", Content::Graphic));
    assert_eq!(error.unwrap_err().to_string(), "12-bit depth is read, never written");
}

//! Tests that a decoded image differs from the source image only by coding errors and has the same metadata.

use std::num::NonZeroUsize;

use avif::{Attachments, Codec, Quantizer, QuantizerStep, Settings, can_encode_with, decode, encode, quantizer_step};
use model::{Chroma, Cicp, Color, Depth, FixedQuality, PlanarImage, Samples, Shape, Speed};

const MAX_PIXELS: u32 = 1 << 24;

fn settings(quality: u8, codec: Codec) -> Settings {
    let quantizer = FixedQuality::try_from(quality).unwrap().into();
    let precision = QuantizerStep::Whole;
    Settings {
        codec,
        options: &[],
        quantizer,
        precision,
        speed: Speed::try_from(8).unwrap(),
        threads: NonZeroUsize::MIN,
    }
}

/// Returns the codecs of this libavif that can encode lossy images with this chroma format and without alpha.
fn codecs(chroma: Chroma) -> impl Iterator<Item = Codec> {
    let supports = move |codec: &Codec| match codec {
        Codec::Aom => true,
        Codec::Svt => chroma == Chroma::Yuv420 && can_encode_with(Codec::Svt),
    };
    [Codec::Aom, Codec::Svt].into_iter().filter(supports)
}

/// Returns long waves over the full range of levels. A wrong plane, stride or shift changes many of these samples.
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

fn image(shape: Shape, has_alpha: bool, color: Color) -> PlanarImage {
    let planes = (0..shape.chroma.planes()).map(|plane| {
        let (width, height) = shape.plane_size(plane);
        waves(width, height, shape.depth, [0.0, 1.0, 2.0][plane])
    });
    let alpha = has_alpha.then(|| waves(shape.width, shape.height, shape.depth, 3.0));
    PlanarImage::new(shape, planes.collect(), alpha, color).unwrap()
}

fn levels(samples: &Samples, depth: Depth) -> Vec<f64> {
    let top = f64::from((1_u32 << depth.bits()) - 1);
    match samples {
        Samples::U8(samples) => samples.iter().map(|&sample| f64::from(sample) / top).collect(),
        Samples::U16(samples) => samples.iter().map(|&sample| f64::from(sample) / top).collect(),
    }
}

/// Returns the largest difference between the samples of two planes, from 0 to 1.
fn distance(a: (&Samples, Depth), b: (&Samples, Depth)) -> f64 {
    let (a, b) = (levels(a.0, a.1), levels(b.0, b.1));
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

const SRGB: Color = Color { cicp: Cicp::SRGB, icc: None };

#[test]
fn round_trip_preserves_depth_chroma_and_samples() {
    for depth in [Depth::Eight, Depth::Ten] {
        for chroma in [Chroma::Monochrome, Chroma::Yuv420, Chroma::Yuv444] {
            for codec in codecs(chroma) {
                // Both sides are odd numbers, and they are large enough for every codec.
                let shape = Shape { width: 131, height: 97, depth, chroma };
                let before = image(shape, false, SRGB);
                let file = encode(&before, &Attachments::default(), &settings(90, codec)).unwrap();
                let after = decode(&file, MAX_PIXELS).unwrap();
                assert_eq!(after.image.shape(), shape, "{codec:?}");
                for (expected, decoded) in before.planes().iter().zip(after.image.planes()) {
                    let difference = distance((expected, depth), (decoded, depth));
                    assert!(difference < 0.06, "{depth:?} {chroma:?} {codec:?}: differs by {difference}");
                }
                assert!(after.orientation.is_upright());
                assert_eq!((after.frames, after.image.color()), (1, &SRGB));
            }
        }
    }
}

#[test]
fn alpha_is_lossless_at_a_low_quality() {
    for depth in [Depth::Eight, Depth::Ten] {
        for chroma in [Chroma::Monochrome, Chroma::Yuv420, Chroma::Yuv444] {
            let before = image(Shape { width: 70, height: 66, depth, chroma }, true, SRGB);
            let file = encode(&before, &Attachments::default(), &settings(20, Codec::Aom)).unwrap();
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
        let file = encode(&before, &Attachments::default(), &settings(100, Codec::Aom)).unwrap();
        assert_eq!(decode(&file, MAX_PIXELS).unwrap().image, before, "{depth:?}");
    }
}

#[test]
fn half_quantizer_is_used_or_rounded_to_the_finer_whole_quantizer() {
    let shape = Shape { width: 200, height: 150, depth: Depth::Ten, chroma: Chroma::Yuv420 };
    let image = image(shape, false, SRGB);
    for codec in codecs(Chroma::Yuv420) {
        let file = |value: f32| {
            let quantizer = Quantizer::at_most(value, QuantizerStep::Quarter);
            encode(
                &image,
                &Attachments::default(),
                &Settings { quantizer, precision: QuantizerStep::Quarter, ..settings(50, codec) },
            )
            .unwrap()
        };
        // Some codecs encode two adjacent quantizers to the same file.
        let whole = (20..40).map(|value: u8| f32::from(value)).find(|value| file(*value) != file(value + 1.0)).unwrap();
        let [finer, between, coarser] = [whole, whole + 0.5, whole + 1.0].map(file);
        assert_ne!(between, coarser, "{codec:?}");
        assert_eq!(between != finer, quantizer_step(codec) == QuantizerStep::Quarter, "{codec:?}");
    }
}

#[test]
fn color_description_exif_and_xmp_are_preserved() {
    let shape = Shape { width: 80, height: 80, depth: Depth::Eight, chroma: Chroma::Yuv420 };
    let color = Color {
        cicp: Cicp { primaries: 12, transfer: 13, matrix: 6, full_range: true },
        icc: Some(b"any bytes: libavif does not read them".to_vec()),
    };
    let attachments = Attachments {
        exif: Some(b"MM\0*\0\0\0\x08\0\0\0\0\0\0".to_vec()),
        xmp: Some(b"<x:xmpmeta/>".to_vec()),
        gain_map: None,
    };
    let file = encode(&image(shape, false, color.clone()), &attachments, &settings(60, Codec::Aom)).unwrap();
    let after = decode(&file, MAX_PIXELS).unwrap();
    assert_eq!((after.image.color(), after.attachments), (&color, attachments));
    assert!(after.orientation.is_upright());
}

#[test]
fn images_with_a_side_of_one_pixel_are_encoded() {
    for (width, height) in [(1, 1), (1, 2), (3, 1), (1, 64), (64, 1)] {
        for chroma in [Chroma::Monochrome, Chroma::Yuv420, Chroma::Yuv444] {
            let before = image(Shape { width, height, depth: Depth::Eight, chroma }, true, SRGB);
            let file = encode(&before, &Attachments::default(), &settings(60, Codec::Aom)).unwrap();
            let shape = decode(&file, MAX_PIXELS).unwrap().image.shape();
            assert_eq!((shape.width, shape.height), (width, height));
        }
    }
}

#[test]
fn image_above_the_pixel_limit_is_rejected() {
    let shape = Shape { width: 128, height: 128, depth: Depth::Eight, chroma: Chroma::Monochrome };
    let file = encode(&image(shape, false, SRGB), &Attachments::default(), &settings(60, Codec::Aom)).unwrap();
    assert!(decode(&file, 128 * 128).is_ok());
    assert!(decode(&file, 128 * 128 - 1).is_err());
}

#[test]
fn error_of_a_damaged_file_names_the_libavif_function() {
    for file in [&b""[..], b"not an AVIF", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"] {
        let error = decode(file, MAX_PIXELS).unwrap_err().to_string();
        assert!(error.starts_with("avifDecoder"), "{error}");
    }
}

#[test]
fn library_reports_its_version_and_codecs() {
    let library = avif::library();
    assert!(library.version.starts_with("1."), "{library}");
    assert!(library.codecs.contains("aom"), "{library}");
}

#[test]
fn encoding_12_bits_is_rejected() {
    let shape = Shape { width: 8, height: 8, depth: Depth::Twelve, chroma: Chroma::Yuv444 };
    let error = encode(&image(shape, false, SRGB), &Attachments::default(), &settings(60, Codec::Aom));
    assert_eq!(error.unwrap_err().to_string(), "encoding 12-bit depth is not supported");
}

//! Encodes image sequences through the public API of `avif`.

use std::num::{NonZeroU32, NonZeroUsize};

use avif::{Attachments, Codec, Error, Playback, Quantizer, QuantizerStep, SequenceEncoder, Settings, decode};
use model::{Chroma, Cicp, Color, Depth, FixedQuality, PlanarImage, Samples, Shape};

const SHAPE: Shape = Shape { width: 66, height: 48, depth: Depth::Eight, chroma: Chroma::Yuv444 };
const PLAYBACK: Playback = Playback { timescale: NonZeroU32::new(25).unwrap(), repetitions: Some(2) };

/// Returns a frame with a vertical bar that moves to the right from frame to frame. With alpha, an opaque horizontal
/// bar also moves down.
fn frame(number: usize, has_alpha: bool) -> PlanarImage {
    let plane = |level: fn(usize, usize, usize) -> u8| {
        Samples::U8((0..66 * 48).map(|at| level(at % 66, at / 66, number)).collect())
    };
    let bar = plane(|x, _, number| if (number * 4..number * 4 + 9).contains(&x) { 220 } else { 40 });
    let flat = plane(|_, _, _| 128);
    let alpha = has_alpha.then(|| plane(|x, y, number| if y / 3 == number { 255 } else { u8::try_from(x).unwrap() }));
    PlanarImage::new(SHAPE, vec![bar, flat.clone(), flat], alpha, Color { cicp: Cicp::SRGB, icc: None }).unwrap()
}

fn settings(speed: &str, quality: FixedQuality) -> Settings {
    let (quantizer, speed) = (Quantizer::from(quality), speed.parse().unwrap());
    let precision = QuantizerStep::Whole;
    Settings { codec: Codec::Aom, options: &[], quantizer, precision, speed, threads: NonZeroUsize::MIN }
}

fn sequence(frames: usize, has_alpha: bool, speed: &str, quality: u8) -> Vec<u8> {
    let settings = settings(speed, quality.try_into().unwrap());
    let attachments = Attachments { exif: None, xmp: Some(b"<x:xmpmeta/>".to_vec()), gain_map: None };
    let mut sequence = SequenceEncoder::new(SHAPE, &attachments, &settings, PLAYBACK).unwrap();
    for number in 0..frames {
        sequence.add_frame(&frame(number, has_alpha), NonZeroU32::MIN).unwrap();
    }
    sequence.finish().unwrap()
}

#[test]
fn frames_are_encoded_as_one_sequence_at_different_speeds() {
    // libaom buffers up to 35 frames before it encodes the first one, so some of the sequences have 50 frames.
    for (speed, frames) in [("4", 12), ("6", 50), ("7", 50), ("10", 50)] {
        for (has_alpha, quality) in [(false, 60), (true, 60), (true, 100)] {
            let file = sequence(frames, has_alpha, speed, quality);
            let read = decode(&file, 1 << 20).unwrap();
            assert_eq!(read.frames as usize, frames, "speed {speed}");
            assert_eq!(read.attachments.xmp.as_deref(), Some(b"<x:xmpmeta/>".as_slice()));
            let first = frame(0, has_alpha);
            assert_eq!(read.image.alpha(), first.alpha(), "alpha is exact at speed {speed}, quality {quality}");
            if quality == 100 {
                assert_eq!(read.image.planes(), first.planes(), "speed {speed}");
            }
        }
    }
}

#[test]
fn sequence_contains_no_timestamps() {
    let file = sequence(2, true, "10", 60);
    for name in [b"mvhd", b"tkhd", b"mdhd"] {
        let at = file.windows(4).position(|window| window == name).unwrap();
        // The box has version 1, so both times have eight bytes. The times follow the version and the flags.
        assert_eq!((file[at + 4], &file[at + 8..at + 24]), (1, &[0; 16][..]));
    }
    assert_eq!(file, sequence(2, true, "10", 60));
}

#[test]
fn frame_without_alpha_and_12_bit_frames_are_rejected() {
    let settings = settings("10", FixedQuality::default());
    let attachments = Attachments::default();
    let mut sequence = SequenceEncoder::new(SHAPE, &attachments, &settings, PLAYBACK).unwrap();
    sequence.add_frame(&frame(0, true), NonZeroU32::MIN).unwrap();
    let error = sequence.add_frame(&frame(1, false), NonZeroU32::MIN).unwrap_err();
    assert!(matches!(error, Error::Library { call: "avifEncoderAddImage", .. }), "{error}");
    let twelve = Shape { depth: Depth::Twelve, ..SHAPE };
    assert!(matches!(SequenceEncoder::new(twelve, &attachments, &settings, PLAYBACK), Err(Error::UnsupportedInput(_))));
}

//! What is encoded in a row comes back in a row.

use std::num::{NonZeroU32, NonZeroUsize};

use avif::{Attached, Content, Error, Playback, Sequence, Settings, decode};
use model::{Chroma, Cicp, Color, Depth, FixedQuality, PlanarImage, Samples, Shape};

const SHAPE: Shape = Shape { width: 66, height: 48, depth: Depth::Eight, chroma: Chroma::Yuv444 };
const PLAYBACK: Playback = Playback { timescale: NonZeroU32::new(25).unwrap(), repetitions: Some(2) };

/// A bar that moves to the right, seen through one that moves downwards.
fn frame(number: usize, alpha: bool) -> PlanarImage {
    let plane = |level: fn(usize, usize, usize) -> u8| {
        Samples::U8((0..66 * 48).map(|at| level(at % 66, at / 66, number)).collect())
    };
    let bar = plane(|x, _, number| if (number * 4..number * 4 + 9).contains(&x) { 220 } else { 40 });
    let flat = plane(|_, _, _| 128);
    let alpha = alpha.then(|| plane(|x, y, number| if y / 3 == number { 255 } else { u8::try_from(x).unwrap() }));
    PlanarImage::new(SHAPE, vec![bar, flat.clone(), flat], alpha, Color { cicp: Cicp::SRGB, icc: None }).unwrap()
}

fn sequence(frames: usize, alpha: bool, speed: &str, quality: &str) -> Vec<u8> {
    let quality: FixedQuality = quality.parse::<u8>().unwrap().try_into().unwrap();
    let (speed, threads) = (speed.parse().unwrap(), NonZeroUsize::MIN);
    let settings = Settings { quantizer: quality.into(), speed, content: Content::Graphic, threads };
    let attached = Attached { exif: None, xmp: Some(b"<x:xmpmeta/>".to_vec()), gain_map: None };
    let mut sequence = Sequence::begin(SHAPE, &attached, &settings, PLAYBACK).unwrap();
    for number in 0..frames {
        sequence.add(&frame(number, alpha), NonZeroU32::MIN).unwrap();
    }
    sequence.finish().unwrap()
}

#[test]
fn pictures_in_a_row_become_one_file_at_every_speed() {
    // More than libaom looks ahead.
    for (speed, frames) in [("4", 12), ("6", 50), ("7", 50), ("10", 50)] {
        for (alpha, quality) in [(false, "60"), (true, "60"), (true, "100")] {
            let file = sequence(frames, alpha, speed, quality);
            let read = decode(&file, 1 << 20).unwrap();
            assert_eq!(read.frames as usize, frames, "speed {speed}");
            assert_eq!(read.attached.xmp.as_deref(), Some(b"<x:xmpmeta/>".as_slice()));
            let first = frame(0, alpha);
            assert_eq!(read.image.alpha(), first.alpha(), "alpha is exact at speed {speed}, quality {quality}");
            if quality == "100" {
                assert_eq!(read.image.planes(), first.planes(), "speed {speed}");
            }
        }
    }
}

#[test]
fn no_clock_is_in_the_file() {
    let file = sequence(2, true, "10", "60");
    for name in [b"mvhd", b"tkhd", b"mdhd"] {
        let at = file.windows(4).position(|window| window == name).unwrap();
        // The version, which makes the two times eight bytes each, and the flags.
        assert_eq!((file[at + 4], &file[at + 8..at + 24]), (1, &[0; 16][..]));
    }
    assert_eq!(file, sequence(2, true, "10", "60"));
}

#[test]
fn pictures_that_do_not_fit_together_are_refused() {
    let quality = FixedQuality::default();
    let (speed, threads) = ("10".parse().unwrap(), NonZeroUsize::MIN);
    let settings = Settings { quantizer: quality.into(), speed, content: Content::Graphic, threads };
    let attached = Attached::default();
    let mut sequence = Sequence::begin(SHAPE, &attached, &settings, PLAYBACK).unwrap();
    sequence.add(&frame(0, true), NonZeroU32::MIN).unwrap();
    let error = sequence.add(&frame(1, false), NonZeroU32::MIN).unwrap_err();
    assert!(matches!(error, Error::Library { call: "avifEncoderAddImage", .. }), "{error}");
    let twelve = Shape { depth: Depth::Twelve, ..SHAPE };
    assert!(matches!(Sequence::begin(twelve, &attached, &settings, PLAYBACK), Err(Error::Unwritable(_))));
}

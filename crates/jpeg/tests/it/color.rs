//! Tests which color space a JPEG has. All files contain the same three or four components with flat levels.

use jpeg::{ColorSpace, Decoder, Error, Options, Output};
use jpeg_encoder::{ColorType, SamplingFactor};

use super::fixtures::{
    APP0, OPTIONS, Part, SOF0, SOS, adobe, bytes, encoder_jpeg, join, parts, pixels, segment, with_markers,
};

/// The levels of the components. As luma and chroma, they are the color `RGB` (ITU-T T.871, section 7).
const COMPONENTS: [u8; 3] = [120, 90, 170];
const RGB: [u8; 3] = [179, 103, 53];

fn jfif() -> Part {
    segment(APP0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0")
}

fn three_components(sampling: SamplingFactor) -> Vec<u8> {
    encoder_jpeg((20, 18), ColorType::Ycbcr, &COMPONENTS.repeat(20 * 18), |encoder| {
        encoder.set_quality(100);
        encoder.set_sampling_factor(sampling);
    })
}

fn with_ids(jpeg: &[u8], ids: [u8; 3]) -> Vec<u8> {
    let mut parts = parts(jpeg);
    for part in &mut parts {
        let (first, step) = match part.marker {
            SOF0 => (10, 3),
            SOS => (5, 2),
            _ => continue,
        };
        for (component, id) in ids.into_iter().enumerate() {
            part.segment[first + component * step] = id;
        }
    }
    join(&parts)
}

fn color_space(jpeg: &[u8]) -> ColorSpace {
    Decoder::open(jpeg, OPTIONS).unwrap().header().color_space
}

#[track_caller]
fn assert_color(jpeg: &[u8], color_space: ColorSpace, expected: &[u8]) {
    assert_eq!(self::color_space(jpeg), color_space);
    for pixel in pixels(jpeg).chunks(expected.len()) {
        let is_near = pixel.iter().zip(expected).all(|(actual, expected)| actual.abs_diff(*expected) <= 1);
        assert!(is_near, "{pixel:?} is not {expected:?}");
    }
}

#[test]
fn markers_and_component_ids_decide_between_rgb_and_luma_with_chroma() {
    for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_2] {
        let jpeg = three_components(sampling);
        let plain = with_markers(&jpeg, &[]);
        assert_color(&with_ids(&plain, [1, 2, 3]), ColorSpace::YCbCr, &RGB);
        assert_color(&with_ids(&plain, [0, 1, 2]), ColorSpace::YCbCr, &RGB);
        assert_color(&with_ids(&plain, *b"RGB"), ColorSpace::Rgb, &COMPONENTS);
        assert_color(&with_ids(&with_markers(&jpeg, &[jfif()]), *b"RGB"), ColorSpace::YCbCr, &RGB);
        assert_color(&with_markers(&jpeg, &[adobe(0)]), ColorSpace::Rgb, &COMPONENTS);
        assert_color(&with_markers(&jpeg, &[adobe(1)]), ColorSpace::YCbCr, &RGB);
        assert_color(&with_markers(&jpeg, &[adobe(2)]), ColorSpace::YCbCr, &RGB);
        assert_color(&with_markers(&jpeg, &[jfif(), adobe(0)]), ColorSpace::YCbCr, &RGB);
        assert_color(&with_ids(&with_markers(&jpeg, &[adobe(1)]), *b"RGB"), ColorSpace::YCbCr, &RGB);
    }
}

#[test]
fn adobe_marker_decides_between_cmyk_and_ycck() {
    for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_2] {
        let levels = [COMPONENTS.as_slice(), &[60]].concat();
        // The encoder writes these components unchanged.
        let jpeg = encoder_jpeg((20, 18), ColorType::Ycck, &levels.repeat(20 * 18), |encoder| {
            encoder.set_quality(100);
            encoder.set_sampling_factor(sampling);
        });
        let converted = [255 - RGB[0], 255 - RGB[1], 255 - RGB[2], 60];
        assert_color(&jpeg, ColorSpace::Ycck, &converted);
        assert_color(&with_markers(&jpeg, &[adobe(2)]), ColorSpace::Ycck, &converted);
        assert_color(&with_markers(&jpeg, &[adobe(0)]), ColorSpace::Cmyk, &levels);
        assert_color(&with_markers(&jpeg, &[]), ColorSpace::Cmyk, &levels);
    }
}

#[test]
fn options_override_the_markers() {
    let jpeg = three_components(SamplingFactor::F_2_2);
    let decoder = |color_space| Decoder::open(&jpeg, Options { color_space: Some(color_space), ..OPTIONS });
    let decode = |color_space| bytes(decoder(color_space).unwrap().decode(Output::Pixels).unwrap());
    assert_eq!(decode(ColorSpace::Rgb), COMPONENTS.repeat(20 * 18));
    assert_eq!(decode(ColorSpace::YCbCr), pixels(&jpeg));
    assert!(!decoder(ColorSpace::Rgb).unwrap().header().has_planes());
    for (color_space, expected_components) in [(ColorSpace::Gray, 1), (ColorSpace::Cmyk, 4)] {
        match decoder(color_space).map(|_| ()) {
            Err(Error::ColorSpaceMismatch { components: 3, expected }) => assert_eq!(expected, expected_components),
            other => panic!("{other:?}"),
        }
    }
}

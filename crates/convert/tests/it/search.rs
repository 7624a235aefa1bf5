use convert::{Conversion, Variant};
use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};
use image::{ColorType, DynamicImage, ImageFormat, Rgb, RgbImage};
use model::{Limits, Recipe};

use crate::avif_tools::{avifdec, convert_file};
use crate::fixtures::encode_image;

fn recipe(quality: &str) -> Recipe {
    Recipe { quality: quality.parse().unwrap(), speed: "8".parse().unwrap(), ..Recipe::default() }
}

/// Returns an image with waves of several periods and with sensor noise.
fn photograph(width: u32, height: u32) -> RgbImage {
    synthetic_photograph(width, height, |x, y, wave| 110.0 + wave(7.0) * 0.4 + wave(31.0) + wave(190.0) + noise(x, y))
}

/// Returns a dark image with smooth gradients and little noise.
fn night(width: u32, height: u32) -> RgbImage {
    synthetic_photograph(width, height, |x, y, wave| 30.0 + wave(31.0) * 0.2 + wave(190.0) * 0.2 + noise(x, y) * 0.5)
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn noise(x: u32, y: u32) -> f32 {
    ((x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).wrapping_mul(2_246_822_519) >> 28) as f32
}

/// Returns an image in warm light. `level` computes the level at each position. Its last argument is a function that
/// returns the level of a wave with a given period at this position.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers, and levels from 0 to 255"
)]
fn synthetic_photograph(width: u32, height: u32, level: impl Fn(u32, u32, &dyn Fn(f32) -> f32) -> f32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let wave = |period: f32| ((x as f32 / period).sin() + (y as f32 / period * 1.3).cos()) * 20.0;
        let level = level(x, y, &wave);
        Rgb([level, level * 0.9, level * 0.7 + 20.0].map(|level| level as u8))
    })
}

/// Returns the score of the whole variant after an independent decoder has decoded it.
fn score(source: &RgbImage, conversion: &Conversion) -> f64 {
    let decoded = avifdec(&conversion.variants[0].bytes).image.into_rgb8();
    let (width, height) = source.dimensions();
    let pixels = |image: &RgbImage| image.as_raw().clone();
    let [source, decoded] = [pixels(source), pixels(&decoded)];
    let slice =
        |pixels| PixelSlice::new(pixels, width, height, width as usize * 3, PixelDescriptor::RGB8_SRGB).unwrap();
    compute_ssimulacra2(&slice(&source), &slice(&decoded)).unwrap()
}

#[test]
fn target_score_is_reached_and_not_far_exceeded() {
    // The search encodes the first image without a sample and scores it as one cell. For the second image, the search
    // takes a sample and scores several cells.
    for (width, height) in [(500, 301), (1500, 1100)] {
        let source = photograph(width, height);
        let bytes = encode_image(&source.clone().into(), ImageFormat::Png);
        let mut sizes = vec![];
        for target in [80.0, 83.5] {
            let conversion = convert_file(&bytes, &recipe(&format!("visual:{target}"))).unwrap();
            let reached = score(&source, &conversion);
            let reported = f64::from(conversion.variants[0].score.unwrap());
            assert!(reached >= target - 0.5 && reached < target + 6.0, "{width}x{height}: {reached} for {target}");
            // This test compares levels that were rounded to 8 bits one more time than the levels in the search.
            let difference = reached - reported;
            assert!(
                difference > -0.6 && difference < 1.5,
                "{width}x{height}: {reached} is {difference} above the reported score"
            );
            sizes.push(conversion.variants[0].bytes.len());
        }
        assert!(sizes[0] <= sizes[1], "{sizes:?}");
    }
}

#[test]
fn color_of_a_solid_image_is_kept() {
    let flat = RgbImage::from_pixel(64, 64, Rgb([200, 30, 30]));
    let conversion = convert_file(&encode_image(&flat.clone().into(), ImageFormat::Png), &recipe("visual:75")).unwrap();
    let decoded = avifdec(&conversion.variants[0].bytes).image.into_rgb8();
    assert!(
        decoded.get_pixel(9, 9).0.iter().zip([200, 30, 30]).all(|(decoded, source)| decoded.abs_diff(source) < 8),
        "{:?}",
        decoded.get_pixel(9, 9)
    );
}

#[test]
fn fixed_quality_is_used_and_reported_if_the_memory_limit_is_too_low() {
    let bytes = encode_image(&photograph(1500, 1100).into(), ImageFormat::Png);
    let threads = std::num::NonZeroUsize::MIN;
    let scarce = Limits { memory: 130 << 20, ..Limits::default() };
    let conversion = convert::convert(&bytes, &recipe("visual:75"), &scarce, threads).unwrap();
    assert_eq!(conversion.variants[0].score, None);
    let note = &conversion.notes[0];
    assert!(note.starts_with("quality ") && note.ends_with("visual:75: there is no memory for it"), "{note}");
    let fixed = convert_file(&bytes, &recipe("60")).unwrap();
    assert_eq!((fixed.variants[0].score, fixed.notes.len()), (None, 0));
}

#[test]
fn variants_of_a_photograph_have_the_bit_depth_with_the_smaller_file() {
    let recipe = Recipe { widths: "full,700".parse().unwrap(), ..recipe("visual:75") };
    let colors = |image: DynamicImage| {
        let conversion = convert_file(&encode_image(&image, ImageFormat::Png), &recipe).unwrap();
        let of_variant = |variant: &Variant| (avifdec(&variant.bytes).image.color(), variant.bytes.len());
        conversion.variants.iter().map(of_variant).collect::<Vec<_>>()
    };
    let (night, day) = (night(1300, 1000), photograph(1300, 1000));
    assert!(colors(night.into()).iter().all(|(color, _)| *color == ColorType::Rgb16));
    let eight = colors(day.clone().into());
    if cfg!(feature = "system") {
        // SVT-AV1 encodes every photograph with 10 bits.
        return assert!(eight.iter().all(|(color, _)| *color == ColorType::Rgb16));
    }
    assert!(eight.iter().all(|(color, _)| *color == ColorType::Rgb8), "{eight:?}");
    let ten = colors(DynamicImage::from(day).into_rgb16().into());
    assert!(ten[0].1 > eight[0].1, "{ten:?} {eight:?}");
}

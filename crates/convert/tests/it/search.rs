use convert::{Conversion, Variant};
use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};
use image::{ColorType, DynamicImage, ImageFormat, Rgb, RgbImage};
use model::{Limits, Recipe};

use crate::look::{look, run};
use crate::source::file;

fn recipe(quality: &str) -> Recipe {
    Recipe { quality: quality.parse().unwrap(), speed: "8".parse().unwrap(), ..Recipe::default() }
}

/// Hills of many sizes under the noise of a sensor.
fn photograph(width: u32, height: u32) -> RgbImage {
    taken(width, height, |x, y, wave| 110.0 + wave(7.0) * 0.4 + wave(31.0) + wave(190.0) + noise(x, y))
}

/// Slopes in the dark, and little noise.
fn night(width: u32, height: u32) -> RgbImage {
    taken(width, height, |x, y, wave| 30.0 + wave(31.0) * 0.2 + wave(190.0) * 0.2 + noise(x, y) * 0.5)
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn noise(x: u32, y: u32) -> f32 {
    ((x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).wrapping_mul(2_246_822_519) >> 28) as f32
}

/// A picture of warm light, given its level at each place and waves of any period.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers, and levels from 0 to 255"
)]
fn taken(width: u32, height: u32, level: impl Fn(u32, u32, &dyn Fn(f32) -> f32) -> f32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let wave = |period: f32| ((x as f32 / period).sin() + (y as f32 / period * 1.3).cos()) * 20.0;
        let level = level(x, y, &wave);
        Rgb([level, level * 0.9, level * 0.7 + 20.0].map(|level| level as u8))
    })
}

/// The whole picture at once, of what a decoder that is not ours makes of the file.
fn score(source: &RgbImage, conversion: &Conversion) -> f64 {
    let seen = look(&conversion.variants[0].bytes).image.into_rgb8();
    let (width, height) = source.dimensions();
    let pixels = |image: &RgbImage| image.as_raw().clone();
    let [source, seen] = [pixels(source), pixels(&seen)];
    let slice =
        |pixels| PixelSlice::new(pixels, width, height, width as usize * 3, PixelDescriptor::RGB8_SRGB).unwrap();
    compute_ssimulacra2(&slice(&source), &slice(&seen)).unwrap()
}

#[test]
fn the_score_that_is_promised_is_reached_by_no_more_bytes_than_it_takes() {
    // The first is its own sample and one cell, the second has both of many parts.
    for (width, height) in [(500, 301), (1500, 1100)] {
        let source = photograph(width, height);
        let bytes = file(&source.clone().into(), ImageFormat::Png);
        let mut sizes = vec![];
        for target in [80.0, 83.5] {
            let conversion = run(&bytes, &recipe(&format!("visual:{target}"))).unwrap();
            let reached = score(&source, &conversion);
            let told = f64::from(conversion.variants[0].score.unwrap());
            assert!(reached >= target - 0.5 && reached < target + 6.0, "{width}x{height}: {reached} for {target}");
            // Eight bits are rounded once more here than by a viewer, which is told against the file.
            let told = reached - told;
            assert!(told > -0.6 && told < 1.5, "{width}x{height}: {told} more than was told, {reached}");
            sizes.push(conversion.variants[0].bytes.len());
        }
        assert!(sizes[0] <= sizes[1], "{sizes:?}");
    }
}

#[test]
fn a_flat_color_is_not_shifted_for_the_sake_of_bytes() {
    let flat = RgbImage::from_pixel(64, 64, Rgb([200, 30, 30]));
    let conversion = run(&file(&flat.clone().into(), ImageFormat::Png), &recipe("visual:75")).unwrap();
    let seen = look(&conversion.variants[0].bytes).image.into_rgb8();
    assert!(
        seen.get_pixel(9, 9).0.iter().zip([200, 30, 30]).all(|(seen, was)| seen.abs_diff(was) < 8),
        "{:?}",
        seen.get_pixel(9, 9)
    );
}

#[test]
fn where_nothing_can_be_searched_for_a_number_is_set_and_said() {
    let bytes = file(&photograph(1500, 1100).into(), ImageFormat::Png);
    let threads = std::num::NonZeroUsize::MIN;
    let scarce = Limits { memory: 130 << 20, ..Limits::default() };
    let conversion = convert::convert(&bytes, &recipe("visual:75"), &scarce, threads).unwrap();
    assert_eq!(conversion.variants[0].score, None);
    let note = &conversion.notes[0];
    assert!(note.starts_with("quality ") && note.ends_with("visual:75: there is no memory for it"), "{note}");
    let fixed = run(&bytes, &recipe("60")).unwrap();
    assert_eq!((fixed.variants[0].score, fixed.notes.len()), (None, 0));
}

#[test]
fn a_photograph_has_the_depth_that_makes_it_smaller_at_every_width() {
    let recipe = Recipe { widths: "full,700".parse().unwrap(), ..recipe("visual:75") };
    let colors = |image: DynamicImage| {
        let conversion = run(&file(&image, ImageFormat::Png), &recipe).unwrap();
        let of_variant = |variant: &Variant| (look(&variant.bytes).image.color(), variant.bytes.len());
        conversion.variants.iter().map(of_variant).collect::<Vec<_>>()
    };
    let (night, day) = (night(1300, 1000), photograph(1300, 1000));
    assert!(colors(night.into()).iter().all(|(color, _)| *color == ColorType::Rgb16));
    let eight = colors(day.clone().into());
    if cfg!(feature = "system") {
        // SVT-AV1 takes 10 bits of every photograph.
        return assert!(eight.iter().all(|(color, _)| *color == ColorType::Rgb16));
    }
    assert!(eight.iter().all(|(color, _)| *color == ColorType::Rgb8), "{eight:?}");
    let ten = colors(DynamicImage::from(day).into_rgb16().into());
    assert!(ten[0].1 > eight[0].1, "{ten:?} {eight:?}");
}

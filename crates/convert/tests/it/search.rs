use convert::{Conversion, Variant};
use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};
use image::{ColorType, DynamicImage, ImageFormat, Rgb, RgbImage};
use model::{ChromaMode, Limits, Recipe};

use crate::avif_tools::{avifdec, chroma_format, convert_file};
use crate::fixtures::encode_image;

fn recipe(quality: &str) -> Recipe {
    Recipe { quality: quality.parse().unwrap(), speed: "8".parse().unwrap(), ..Recipe::default() }
}

/// Returns an image with waves of several periods and with sensor noise.
pub(crate) fn photograph(width: u32, height: u32) -> RgbImage {
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
    // The lowest limit at which the image is not rejected.
    let conversion = (40..400).find_map(|megabytes| {
        let scarce = Limits { memory: megabytes << 20, ..Limits::default() };
        convert::convert(&bytes, &recipe("visual:75"), &scarce, threads).ok()
    });
    let conversion = conversion.unwrap();
    assert_eq!(conversion.variants[0].score, None);
    let note = &conversion.notes[0];
    assert!(note.starts_with("quality ") && note.ends_with("visual:75: there is no memory for it"), "{note}");
    let fixed = convert_file(&bytes, &recipe("60")).unwrap();
    assert_eq!((fixed.variants[0].score, fixed.notes.len()), (None, 0));
}

#[test]
fn variants_of_a_photograph_have_the_bit_depth_with_the_smaller_file() {
    let recipe = Recipe { sizes: "full,700".parse().unwrap(), ..recipe("visual:75") };
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

/// Returns a copy of a photograph with thin lines in saturated colors, which 4:2:0 blurs.
fn with_colored_lines(mut photograph: RgbImage) -> RgbImage {
    for (x, y, pixel) in photograph.enumerate_pixels_mut() {
        match (x % 60, y % 45) {
            (7 | 8, _) => *pixel = Rgb([255, 0, 0]),
            (_, 9) => *pixel = Rgb([0, 255, 0]),
            (31, _) => *pixel = Rgb([0, 0, 255]),
            _ => {}
        }
    }
    photograph
}

#[test]
fn photograph_with_colored_lines_reaches_the_target_in_444() {
    // The search decides by the whole image for the first two images, and by a sample for the third image.
    let [small, large] =
        [(400, 301), (1300, 1000)].map(|(width, height)| with_colored_lines(photograph(width, height)));
    let deep = DynamicImage::from(small.clone()).to_rgb16().into();
    for (source, image) in [(&small, small.clone().into()), (&small, deep), (&large, large.clone().into())] {
        let recipe = Recipe { sizes: "full,300".parse().unwrap(), ..recipe("visual:75") };
        let conversion = convert_file(&encode_image(&image, ImageFormat::Png), &recipe).unwrap();
        let reached = score(source, &conversion);
        assert!((74.5..81.0).contains(&reached), "{:?} {}: {reached}", image.color(), image.width());
        for variant in &conversion.variants {
            assert!(variant.score.unwrap() >= 75.0, "{:?} {}: {:?}", image.color(), variant.width, variant.score);
            assert_eq!(chroma_format(&variant.bytes), "YUV444", "{:?} {}", image.color(), variant.width);
        }
        assert_eq!(conversion.notes, [""; 0]);
    }
    let length = |quality: &str| {
        let conversion = convert_file(&encode_image(&small.clone().into(), ImageFormat::Png), &recipe(quality));
        conversion.unwrap().variants[0].bytes.len()
    };
    let (coarse, fine) = (length("visual:75"), length("visual:84"));
    assert!(coarse < fine, "{coarse} bytes for 75, {fine} bytes for 84");
}

#[test]
fn colored_caption_outside_the_sample_does_not_lower_the_score() {
    // The tiles of the sample start at row 124.
    let mut source = photograph(1300, 1000);
    for (x, y, pixel) in source.enumerate_pixels_mut() {
        if y < 24 && (x / 2 + y / 3) % 2 == 0 {
            *pixel = Rgb([255, 0, 0]);
        }
    }
    let conversion = convert_file(&encode_image(&source.clone().into(), ImageFormat::Png), &recipe("visual:75"));
    let conversion = conversion.unwrap();
    assert!(score(&source, &conversion) >= 74.5, "{:?}", conversion.variants[0].score);
    assert_eq!((conversion.notes.len(), &chroma_format(&conversion.variants[0].bytes)[..]), (0, "YUV444"));
}

#[test]
fn photograph_stays_in_420() {
    for (width, height) in [(640, 401), (1300, 1000)] {
        let bytes = encode_image(&photograph(width, height).into(), ImageFormat::Png);
        let conversion = convert_file(&bytes, &recipe("visual:75")).unwrap();
        assert_eq!(chroma_format(&conversion.variants[0].bytes), "YUV420", "{width}x{height}");
    }
}

#[test]
fn missed_target_is_reported_with_the_score_for_every_width() {
    let source = with_colored_lines(photograph(400, 301));
    let recipe = Recipe { chroma: ChromaMode::Yuv420, sizes: "full,200".parse().unwrap(), ..recipe("visual:75") };
    let conversion = convert_file(&encode_image(&source.into(), ImageFormat::Png), &recipe).unwrap();
    let note = |variant: &Variant| {
        let score = variant.score.unwrap();
        assert!(score < 74.5, "{score}");
        let (width, height) = (variant.width, variant.height);
        format!("the target score 75 was not reached at {width}x{height}: the score is {score}")
    };
    assert_eq!(conversion.notes, [note(&conversion.variants[0]), note(&conversion.variants[1])]);
}

#[test]
fn drawing_with_noise_is_smaller_than_in_420() {
    // The noise makes all neighboring pixels differ, so the drawing is judged a photograph.
    let source = RgbImage::from_fn(500, 400, |x, y| {
        let color = [[250, 20, 20], [20, 60, 240], [30, 220, 60]][((x / 25 + y / 20 * 2 + x * y / 9000) % 3) as usize];
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 15")]
        Rgb(color.map(|level: u8| level.saturating_add(noise(x, y) as u8 / 3)))
    });
    let bytes = encode_image(&source.into(), ImageFormat::Png);
    let length = |chroma: ChromaMode| {
        let conversion = convert_file(&bytes, &Recipe { chroma, ..recipe("visual:75") }).unwrap();
        (conversion.variants[0].bytes.len(), conversion.variants[0].score)
    };
    let (auto, half) = (length(ChromaMode::Auto), length(ChromaMode::Yuv420));
    assert!(auto.0 * 10 < half.0 * 9, "{auto:?} {half:?}");
}

//! What each step takes for one photograph, in pixels a second: `cargo bench --package convert --profile quick`.
//! Everything runs on one thread.

use std::io::Cursor;
use std::num::NonZeroUsize;

use convert::{Decoded, OpenedImage, TransformedImage};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};
use image::{ImageFormat, Rgb, RgbImage};
use model::{Limits, Recipe};

const WIDTH: u16 = 2400;
const HEIGHT: u16 = 1600;

/// Shades at every scale, an edge here and there, and a sensor's noise: what a codec finds in a photograph. It is made
/// here, so that none needs to be kept.
fn photograph() -> RgbImage {
    RgbImage::from_fn(WIDTH.into(), HEIGHT.into(), |x, y| {
        let [across, down] = [x, y].map(f64::from);
        let shade: f64 = (0..7)
            .map(|octave| {
                let (scale, turn) = (900.0 / f64::from(1 << octave), f64::from(octave) * 0.9);
                ((across * turn.cos() + down * turn.sin()) / scale).sin() * (down / scale).cos() * scale.sqrt()
            })
            .sum();
        let edge = if (shade / 25.0).floor().rem_euclid(2.0) > 0.0 { 25.0 } else { 0.0 };
        let noise = f64::from((x * 7919 + y * 104_729).wrapping_mul(2_654_435_761) >> 29) - 3.5;
        let channel = |weight: f64| channel(128.0 + shade * weight + edge + noise);
        Rgb([channel(1.0), channel(0.8), channel(-0.5)])
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped to the type's range")]
fn channel(value: f64) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_0);
    encoder.encode(image, WIDTH, HEIGHT, jpeg_encoder::ColorType::Rgb).expect("it fits a JPEG");
    bytes
}

fn png(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    image.write_to(&mut bytes, ImageFormat::Png).expect("memory takes it");
    bytes.into_inner()
}

fn recipe(widths: &str, quality: &str, speed: &str) -> Recipe {
    Recipe {
        widths: widths.parse().expect("widths"),
        quality: quality.parse().expect("a quality"),
        speed: speed.parse().expect("a speed"),
        ..Recipe::default()
    }
}

fn decoded(bytes: &[u8], recipe: &Recipe) -> Decoded {
    OpenedImage::open(bytes, recipe, &Limits::default()).and_then(OpenedImage::decode).expect("it is a picture")
}

fn transformed(bytes: &[u8], recipe: &Recipe) -> TransformedImage {
    decoded(bytes, recipe).transform(recipe).expect("it has planes")
}

/// By the library that a search compares with, without its cells.
fn score(image: &RgbImage, changed: &RgbImage) -> f64 {
    let [image, changed] = [image, changed].map(|image| {
        let (width, height) = image.dimensions();
        PixelSlice::new(image, width, height, width as usize * 3, PixelDescriptor::RGB8_SRGB).expect("it has all rows")
    });
    compute_ssimulacra2(&image, &changed).expect("they are alike in size")
}

fn stages(criterion: &mut Criterion) {
    let image = photograph();
    let (jpeg, png) = (jpeg(&image), png(&image));
    let changed = image::load_from_memory(&jpeg).expect("it is a JPEG").into_rgb8();
    let mut group = criterion.benchmark_group("stage");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(WIDTH) * u64::from(HEIGHT)));

    let full = recipe("full", "60", "6");
    for (name, bytes) in [("jpeg", &jpeg), ("png", &png)] {
        group.bench_function(format!("decode {name}"), |bencher| bencher.iter(|| decoded(bytes, &full)));
    }
    for (name, widths) in [("planes", "full"), ("planes of one smaller size", "1280"), ("planes of six sizes", SIX)] {
        let recipe = recipe(widths, "60", "6");
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || decoded(&jpeg, &recipe),
                |decoded| decoded.transform(&recipe).expect("it has planes"),
                BatchSize::PerIteration,
            );
        });
    }
    for (quality, speed) in [("60", "8"), ("60", "6"), ("visual:75", "6")] {
        let recipe = recipe("full", quality, speed);
        group.bench_function(format!("encode at {quality}, speed {speed}"), |bencher| {
            bencher.iter_batched(
                || transformed(&jpeg, &recipe),
                |transformed| transformed.encode(&recipe, NonZeroUsize::MIN).expect("it encodes"),
                BatchSize::PerIteration,
            );
        });
    }
    group.bench_function("score", |bencher| bencher.iter(|| score(&image, &changed)));
    group.finish();
}

const SIX: &str = "full,1920,1280,960,640,320";

criterion_group!(benches, stages);
criterion_main!(benches);

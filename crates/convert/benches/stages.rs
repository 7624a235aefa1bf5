//! Measures the throughput of each conversion step in pixels per second, for one photograph and with one thread.
//! Command: `cargo bench --package convert --profile quick`.

use std::io::Cursor;
use std::num::NonZeroUsize;

use convert::{DecodedImage, OpenedImage, TransformedImage};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use image::{ImageFormat, Rgb, RgbImage};
use model::{Limits, Recipe};
use ssimulacra2::Comparison;

const WIDTH: u16 = 2400;
const HEIGHT: u16 = 1600;

/// Returns a synthetic photograph with shades at every scale, edges and sensor noise. The repository therefore needs no
/// image file for this benchmark.
fn synthetic_photograph() -> RgbImage {
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

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is clamped to the range of u8")]
fn channel(value: f64) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_0);
    encoder.encode(image, WIDTH, HEIGHT, jpeg_encoder::ColorType::Rgb).expect("encoding a JPEG of this size succeeds");
    bytes
}

fn png(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    image.write_to(&mut bytes, ImageFormat::Png).expect("writing a PNG to memory succeeds");
    bytes.into_inner()
}

fn recipe(widths: &str, quality: &str, speed: &str) -> Recipe {
    Recipe {
        sizes: widths.parse().expect("the widths are valid"),
        quality: quality.parse().expect("the quality is valid"),
        speed: speed.parse().expect("the speed is valid"),
        ..Recipe::default()
    }
}

fn decoded(bytes: &[u8], recipe: &Recipe) -> DecodedImage {
    OpenedImage::open(bytes, recipe, &Limits::default()).and_then(OpenedImage::decode).expect("the image is valid")
}

fn transformed(bytes: &[u8], recipe: &Recipe) -> TransformedImage {
    decoded(bytes, recipe).transform().expect("the image is valid")
}

fn score(image: &RgbImage, compressed: &RgbImage) -> f64 {
    let mut comparison = Comparison::new(WIDTH.into(), HEIGHT.into());
    let row_bytes = 3 * usize::from(WIDTH);
    for (image, compressed) in image.chunks_exact(row_bytes).zip(compressed.chunks_exact(row_bytes)) {
        comparison.push(image, compressed);
    }
    comparison.score()
}

fn stages(criterion: &mut Criterion) {
    let image = synthetic_photograph();
    let (jpeg, png) = (jpeg(&image), png(&image));
    let compressed = image::load_from_memory(&jpeg).expect("the JPEG is valid").into_rgb8();
    let mut group = criterion.benchmark_group("stage");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(WIDTH) * u64::from(HEIGHT)));

    let full = recipe("full", "60", "6");
    for (name, bytes) in [("jpeg", &jpeg), ("png", &png)] {
        group.bench_function(format!("decode {name}"), |bencher| bencher.iter(|| decoded(bytes, &full)));
    }
    for (name, widths) in [
        ("transform to the full size", "full"),
        ("transform to one smaller size", "1280"),
        ("transform to six sizes", SIX_WIDTHS),
    ] {
        let recipe = recipe(widths, "60", "6");
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || decoded(&jpeg, &recipe),
                |decoded| decoded.transform().expect("the image is valid"),
                BatchSize::PerIteration,
            );
        });
    }
    for (quality, speed) in [("60", "8"), ("60", "6"), ("visual:75", "6")] {
        let recipe = recipe("full", quality, speed);
        group.bench_function(format!("encode at {quality}, speed {speed}"), |bencher| {
            bencher.iter_batched(
                || transformed(&jpeg, &recipe),
                |transformed| transformed.encode(NonZeroUsize::MIN).expect("encoding the image succeeds"),
                BatchSize::PerIteration,
            );
        });
    }
    group.bench_function("score", |bencher| bencher.iter(|| score(&image, &compressed)));
    group.finish();
}

const SIX_WIDTHS: &str = "full,1920,1280,960,640,320";

criterion_group!(benches, stages);
criterion_main!(benches);

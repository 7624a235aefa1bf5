//! Tests that the colors of transparent pixels do not change visible pixels.

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use model::Recipe;

use crate::animation_fixtures::{Frame, FrameDisposal, apng};
use crate::avif_tools::{avifdec, avifdec_frame, convert_file, convert_to_avif, recipe};
use crate::fixtures::encode_image;

/// The side of the images. They have more than 128x128 pixels, because smaller images are icons, which keep 4:4:4.
const SIDE: u32 = 300;
const RED: [u8; 3] = [200, 40, 40];

/// Returns a number from 0 to 255 that differs from pixel to pixel.
fn noise(x: u32, y: u32) -> u8 {
    (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).wrapping_mul(2_246_822_519).to_be_bytes()[0]
}

/// Colors under the transparent pixels. The last entry is noise.
const HIDDEN: [Option<[u8; 3]>; 5] = [Some(RED), Some([0; 3]), Some([255; 3]), Some([0, 255, 0]), None];

/// Returns a red disc with hidden pixels around it. `grain` is the number of its levels. A disc with several levels is a
/// photograph, and a disc with one level is a drawing.
fn cut_out(grain: u8, hidden: Option<[u8; 3]>) -> RgbaImage {
    RgbaImage::from_fn(SIDE, SIDE, |x, y| {
        let off = |at: u32| (f64::from(at) - 149.5).powi(2);
        if off(x) + off(y) < 120.0_f64.powi(2) {
            let grain = noise(x, y) % grain;
            let [r, g, b] = RED.map(|level| level + grain);
            Rgba([r, g, b, 255])
        } else {
            let [r, g, b] = hidden.unwrap_or_else(|| [0, 1, 2].map(|channel| noise(x + 997 * channel, y)));
            Rgba([r, g, b, 0])
        }
    })
}

/// Returns the mean difference of each channel over the outermost three pixels of the disc, which has this radius in an
/// image with this side.
fn edge_error(decoded: &RgbaImage, mean_of_disc: [f64; 3], radius: f64) -> [f64; 3] {
    let center = f64::from(decoded.width() - 1) / 2.0;
    let edge: Vec<_> = decoded
        .enumerate_pixels()
        .filter(|(x, y, pixel)| {
            let distance = (f64::from(*x) - center).hypot(f64::from(*y) - center);
            pixel.0[3] == 255 && distance > radius - 3.0
        })
        .map(|(_, _, pixel)| *pixel)
        .collect();
    assert!(edge.len() > 100, "the edge has {} pixels", edge.len());
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let mean = |channel: usize| edge.iter().map(|pixel| f64::from(pixel.0[channel])).sum::<f64>() / edge.len() as f64;
    [0, 1, 2].map(|channel| mean(channel) - mean_of_disc[channel])
}

fn mean_of_disc(image: &RgbaImage) -> [f64; 3] {
    let disc: Vec<_> = image.pixels().filter(|pixel| pixel.0[3] == 255).collect();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    [0, 1, 2].map(|channel| disc.iter().map(|pixel| f64::from(pixel.0[channel])).sum::<f64>() / disc.len() as f64)
}

fn is_below(limit: f64, error: [f64; 3]) -> bool {
    error.iter().all(|error| error.abs() < limit)
}

#[test]
fn edge_of_a_cut_out_has_its_own_color_whatever_the_transparent_pixels_contain() {
    for (quality, grain) in [("95", 40), ("60", 40), ("95", 1), ("visual:75", 40)] {
        let recipe = Recipe { quality: quality.parse().unwrap(), sizes: "full,150".parse().unwrap(), ..recipe() };
        for hidden in HIDDEN {
            let source = cut_out(grain, hidden);
            let image = DynamicImage::from(source.clone());
            for image in [image.clone(), image.to_rgba16().into()] {
                let conversion = convert_file(&encode_image(&image, ImageFormat::Png), &recipe).unwrap();
                for (variant, radius) in conversion.variants.iter().zip([120.0, 60.0]) {
                    let decoded = avifdec(&variant.bytes).image.to_rgba8();
                    // Grain becomes lighter when it is resized in linear light, so a narrower disc has another mean.
                    let mean = mean_of_disc(if variant.width == SIDE { &source } else { &decoded });
                    let error = edge_error(&decoded, mean, radius);
                    // The resize filter overshoots at the edge, whatever the hidden pixels contain.
                    let limit = if variant.width == SIDE { 2.0 } else { 4.0 };
                    assert!(
                        is_below(limit, error),
                        "quality {quality}, {hidden:?} in {:?}, width {}: {error:?}",
                        image.color(),
                        variant.width,
                    );
                }
            }
        }
    }
}

#[test]
fn hidden_colors_do_not_change_the_file() {
    for (quality, grain) in [("80", 40), ("visual:75", 1)] {
        let recipe = Recipe { quality: quality.parse().unwrap(), sizes: "full,150".parse().unwrap(), ..recipe() };
        let files = HIDDEN.map(|hidden| {
            let conversion = convert_file(&encode_image(&cut_out(grain, hidden).into(), ImageFormat::Png), &recipe);
            conversion.unwrap().variants.into_iter().map(|variant| variant.bytes).collect::<Vec<_>>()
        });
        assert!(files.iter().all(|file| *file == files[0]), "{:?}", files.map(|file| (file[0].len(), file[1].len())));
    }
}

#[test]
fn nearly_transparent_pixels_hardly_change_the_chroma_of_their_neighbors() {
    // The boundary is in the middle of a 2x2 block.
    let image = RgbaImage::from_fn(SIDE, SIDE, |x, y| {
        let grain = noise(x, y) % 16;
        if x < 151 { Rgba([190 + grain, 30 + grain, 30 + grain, 255]) } else { Rgba([0, 190 + grain, 0, 8]) }
    });
    for source in [DynamicImage::from(image.clone()), DynamicImage::from(image.clone()).to_rgba16().into()] {
        let decoded = avifdec(&convert_to_avif(&encode_image(&source, ImageFormat::Png), &recipe())).image.to_rgba8();
        let error = |channel: usize| {
            let differences = (0..SIDE).map(|y| {
                f64::from(decoded.get_pixel(150, y).0[channel]) - f64::from(image.get_pixel(150, y).0[channel])
            });
            differences.sum::<f64>() / f64::from(SIDE)
        };
        let errors = [0, 1, 2].map(error);
        assert!(errors.iter().all(|error| error.abs() < 8.0), "{:?}: {errors:?}", source.color());
    }
}

#[test]
fn fully_transparent_image_is_small() {
    let image = RgbaImage::from_fn(SIDE, SIDE, |x, y| Rgba([noise(x, y), noise(y, x), noise(x + y, y), 0]));
    let avif = convert_to_avif(&encode_image(&image.into(), ImageFormat::Png), &recipe());
    assert!(avif.len() < 1000, "{} bytes", avif.len());
    assert!(avifdec(&avif).image.to_rgba8().pixels().all(|pixel| pixel.0[3] == 0));
}

#[test]
fn lossless_image_keeps_its_hidden_colors() {
    let image = cut_out(40, None);
    let lossless = Recipe { quality: "100".parse().unwrap(), ..recipe() };
    let decoded = avifdec(&convert_to_avif(&encode_image(&image.clone().into(), ImageFormat::Png), &lossless));
    assert_eq!(decoded.image.to_rgba8(), image);
}

#[test]
fn edge_of_an_animated_cut_out_has_its_own_color() {
    let source = cut_out(40, Some([0, 255, 0]));
    let frame = Frame {
        left: 0,
        top: 0,
        pixels: source.clone(),
        milliseconds: 100,
        is_blended: false,
        disposal: FrameDisposal::Background,
    };
    let frames = [frame.clone(), frame];
    let avif = convert_to_avif(&apng((SIDE, SIDE), &frames, 0, None), &recipe());
    for index in 0..2 {
        let decoded = avifdec_frame(&avif, index);
        let error = edge_error(&decoded, mean_of_disc(&source), 120.0);
        assert!(is_below(2.0, error), "frame {index}: {error:?}");
    }
}

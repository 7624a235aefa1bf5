use std::num::NonZeroUsize;
use std::sync::Arc;

use convert::{Error, OpenedImage, convert};
use image::{DynamicImage, GenericImageView, ImageFormat};
use model::{Limits, Recipe};

use crate::look::{CODING, distance, look, recipe, run};
use crate::source::{file, picture};

fn widths(text: &str) -> Recipe {
    Recipe { widths: text.parse().unwrap(), ..recipe() }
}

#[test]
fn each_width_is_made_once_and_never_enlarged() {
    let image = DynamicImage::from(picture(200, 100));
    let conversion = run(&file(&image, ImageFormat::Png), &widths("50,full,120,4000")).unwrap();
    let made: Vec<_> = conversion.variants.iter().map(|v| (v.requested.to_string(), v.width, v.height)).collect();
    let expected =
        [("full".into(), 200, 100), ("4000".into(), 200, 100), ("120".into(), 120, 60), ("50".into(), 50, 25)];
    assert_eq!(made, expected);
    assert!(Arc::ptr_eq(&conversion.variants[0].bytes, &conversion.variants[1].bytes), "one file serves both");
    for variant in &conversion.variants {
        let seen = look(&variant.bytes).image;
        assert_eq!(seen.dimensions(), (variant.width, variant.height));
        let expected = image.resize_exact(variant.width, variant.height, image::imageops::Lanczos3);
        assert!(distance(&seen, &expected) < CODING, "{}", variant.requested);
    }
}

#[test]
fn threads_change_no_variant() {
    let file = file(&picture(200, 150).into(), ImageFormat::Png);
    let bytes = |threads: usize| {
        let threads = NonZeroUsize::new(threads).unwrap();
        let conversion = convert(&file, &widths("full,150,100,50"), &Limits::default(), threads).unwrap();
        conversion.variants.into_iter().map(|variant| variant.bytes).collect::<Vec<_>>()
    };
    // Two encodes side by side with a thread each; more threads within one encode may code otherwise.
    assert_eq!(bytes(1), bytes(2));
}

#[test]
fn what_is_over_a_limit_is_told_with_the_limit_before_any_pixel_is_touched() {
    let file = file(&picture(200, 100).into(), ImageFormat::Png);
    let open = |limits| OpenedImage::open(&file, &recipe(), &limits).map(|_| ()).unwrap_err();
    let most = Limits::default();
    assert!(matches!(open(Limits { bytes: 10, ..most }), Error::TooManyBytes { limit: 10, .. }));
    assert!(matches!(open(Limits { pixels: 19_999, ..most }), Error::TooManyPixels { pixels: 20_000, .. }));
    let error = open(Limits { memory: 1 << 20, ..most });
    assert!(matches!(error, Error::TooMuchMemory { limit: 1, needed: 40.., .. }), "{error}");
    assert!(OpenedImage::open(&file, &recipe(), &Limits { pixels: 20_000, ..most }).is_ok());
}

#[test]
fn no_variant_is_longer_than_readers_accept() {
    let wide = file(&DynamicImage::from(image::GrayImage::new(40_000, 3)), ImageFormat::Png);
    let error = run(&wide, &recipe()).unwrap_err().to_string();
    assert!(error.contains("40000x3 has a side over the 32768 pixels"), "{error}");
    assert_eq!(run(&wide, &widths("32768")).unwrap().variants[0].width, 32_768);
}

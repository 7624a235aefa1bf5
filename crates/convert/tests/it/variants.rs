use std::num::NonZeroUsize;
use std::sync::Arc;

use convert::{Error, OpenedImage, convert};
use image::{DynamicImage, GenericImageView, ImageFormat};
use model::{Limits, Recipe};

use crate::avif_tools::{MAX_CODING_DISTANCE, avifdec, convert_file, distance, recipe};
use crate::fixtures::{encode_image, gradient_image};

fn widths(text: &str) -> Recipe {
    Recipe { sizes: text.parse().unwrap(), ..recipe() }
}

#[test]
fn variants_of_equal_size_share_one_file_and_no_image_is_enlarged() {
    let image = DynamicImage::from(gradient_image(200, 100));
    let conversion = convert_file(&encode_image(&image, ImageFormat::Png), &widths("50,full,120,4000")).unwrap();
    let variants: Vec<_> = conversion.variants.iter().map(|v| (v.id.to_string(), v.width, v.height)).collect();
    let expected =
        [("full".into(), 200, 100), ("4000".into(), 200, 100), ("120".into(), 120, 60), ("50".into(), 50, 25)];
    assert_eq!(variants, expected);
    assert!(
        Arc::ptr_eq(&conversion.variants[0].bytes, &conversion.variants[1].bytes),
        "both widths should share one file"
    );
    for variant in &conversion.variants {
        let decoded = avifdec(&variant.bytes).image;
        assert_eq!(decoded.dimensions(), (variant.width, variant.height));
        let expected = image.resize_exact(variant.width, variant.height, image::imageops::Lanczos3);
        assert!(distance(&decoded, &expected) < MAX_CODING_DISTANCE, "{}", variant.id);
    }
}

#[test]
fn two_threads_produce_the_same_variants_as_one_thread() {
    let file = encode_image(&gradient_image(200, 150).into(), ImageFormat::Png);
    let bytes = |threads: usize| {
        let threads = NonZeroUsize::new(threads).unwrap();
        let conversion = convert(&file, &widths("full,150,100,50"), &Limits::default(), threads).unwrap();
        conversion.variants.into_iter().map(|variant| variant.bytes).collect::<Vec<_>>()
    };
    // With two threads, two encodes run in parallel with one thread each. The test does not use more threads, because
    // an encode with several threads may produce different bytes.
    assert_eq!(bytes(1), bytes(2));
}

#[test]
fn file_over_a_limit_is_rejected_when_it_is_opened() {
    let file = encode_image(&gradient_image(200, 100).into(), ImageFormat::Png);
    let open = |limits| OpenedImage::open(&file, &recipe(), &limits).map(|_| ()).unwrap_err();
    let default = Limits::default();
    assert!(matches!(open(Limits { bytes: 10, ..default }), Error::TooManyBytes { limit: 10, .. }));
    assert!(matches!(open(Limits { pixels: 19_999, ..default }), Error::TooManyPixels { pixels: 20_000, .. }));
    let error = open(Limits { memory: 1 << 20, ..default });
    assert!(matches!(error, Error::TooMuchMemory { limit: 1, needed: 40.., .. }), "{error}");
    assert!(OpenedImage::open(&file, &recipe(), &Limits { pixels: 20_000, ..default }).is_ok());
}

#[test]
fn variant_with_a_side_over_32768_pixels_is_rejected() {
    let wide = encode_image(&DynamicImage::from(image::GrayImage::new(40_000, 3)), ImageFormat::Png);
    let error = convert_file(&wide, &recipe()).unwrap_err().to_string();
    assert!(error.contains("40000x3 has a side over the 32768 pixels"), "{error}");
    assert_eq!(convert_file(&wide, &widths("32768")).unwrap().variants[0].width, 32_768);
}

//! Tests that images with high dynamic range keep their code points and are encoded with more than 8 bits.

use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb};

use crate::avif_tools::{avifdec, avifdec_info, convert_to_avif, distance, recipe};
use crate::fixtures::{encode_image, with_png_chunks};

/// Returns an image with levels up to almost the maximum of PQ, which is 10,000 cd/m². Its colors are so saturated that
/// a wrong matrix changes them noticeably.
fn hdr_image(width: u32, height: u32) -> DynamicImage {
    let level = |at: u32, of: u32| u16::try_from(6_000 + at * 56_000 / of).unwrap();
    let image: ImageBuffer<Rgb<u16>, Vec<u16>> = ImageBuffer::from_fn(width, height, |x, y| {
        Rgb([level(x, width), level(y, height), level(width - x, 2 * width)])
    });
    image.into()
}

#[test]
fn pq_and_hlg_images_keep_their_code_points_and_levels() {
    let image = hdr_image(192, 128);
    for lossless in [false, true] {
        let recipe = if lossless { model::Recipe { quality: "100".parse().unwrap(), ..recipe() } } else { recipe() };
        for (transfer, name) in [(16, "PQ"), (18, "HLG")] {
            let file = with_png_chunks(&encode_image(&image, ImageFormat::Png), &[(b"cICP", &[9, transfer, 0, 1])]);
            let avif = convert_to_avif(&file, &recipe);
            let info = avifdec_info(&avif);
            let matrix = if lossless { 0 } else { 9 };
            for line in [
                "Bit Depth      : 10".to_owned(),
                "Color Primaries: 9".to_owned(),
                format!("Transfer Char. : {transfer}"),
                format!("Matrix Coeffs. : {matrix}"),
                "Range          : Full".to_owned(),
            ] {
                assert!(info.contains(&line), "{name}: no {line:?} in\n{info}");
            }
            let off = distance(&avifdec(&avif).image, &image);
            assert!(off < if lossless { 0.1 } else { 1.0 }, "{name}: off by {off}");
        }
    }
}

#[test]
fn narrower_variant_of_a_pq_image_has_10_bits_and_pq() {
    let image = hdr_image(192, 128);
    let file = with_png_chunks(&encode_image(&image, ImageFormat::Png), &[(b"cICP", &[9, 16, 0, 1])]);
    let avif = convert_to_avif(&file, &model::Recipe { sizes: "96".parse().unwrap(), ..recipe() });
    let info = avifdec_info(&avif);
    assert!(info.contains("Bit Depth      : 10") && info.contains("Transfer Char. : 16"), "{info}");
    let smaller = image.resize_exact(96, 64, image::imageops::Lanczos3);
    assert!(distance(&avifdec(&avif).image, &smaller) < 1.5);
}

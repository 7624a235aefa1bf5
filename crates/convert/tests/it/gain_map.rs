//! Tests JPEGs whose second image is a gain map.

use std::num::NonZeroUsize;

use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use model::{Limits, Recipe};

use crate::avif_tools::{MAX_CODING_DISTANCE, avifdec, convert_file, distance, recipe};
use crate::fixtures::{GainMapFormat, encode_image, gradient_image, with_gain_map};

/// Returns a gain map with a quarter of the base image's width and height.
fn map() -> GrayImage {
    GrayImage::from_fn(48, 32, |x, y| Luma([u8::try_from(4 * x + y).unwrap()]))
}

fn base() -> Vec<u8> {
    encode_image(&gradient_image(192, 128).into(), ImageFormat::Jpeg)
}

const FORMATS: [GainMapFormat; 4] =
    [GainMapFormat::AdobeXmp, GainMapFormat::Iso, GainMapFormat::AppleXmp, GainMapFormat::AppleMakerNote];

#[cfg(feature = "system")]
#[test]
fn gain_map_is_rotated_and_scaled_like_its_variant() {
    use crate::avif_tools::avifdec_info;
    use crate::fixtures::{EmbeddedMetadata, encode_with_metadata, exif_with_orientation};
    let turned = encode_with_metadata(
        &gradient_image(192, 128).into(),
        ImageFormat::Jpeg,
        EmbeddedMetadata { exif: Some(&exif_with_orientation(6)), icc: None },
    );
    let large =
        convert_file(&with_gain_map(&base(), &GrayImage::new(400, 300), GainMapFormat::Iso), &recipe()).unwrap();
    let info = avifdec_info(&large.variants[0].bytes);
    assert!(info.contains("Gain map       : 192x128 pixels"), "no gain map may be larger than its image:\n{info}");
    for format in FORMATS {
        for (base, widths, sizes) in
            [(base(), "full,96", ["48x32", "24x16"]), (turned.clone(), "full,64", ["32x48", "16x24"])]
        {
            // The maker note is in an Exif of its own, without an orientation, and only the first Exif counts.
            if format == GainMapFormat::AppleMakerNote && base == turned {
                continue;
            }
            let recipe = Recipe { sizes: widths.parse().unwrap(), ..recipe() };
            let conversion = convert_file(&with_gain_map(&base, &map(), format), &recipe).unwrap();
            assert!(conversion.notes.is_empty(), "{:?}", conversion.notes);
            for (variant, size) in conversion.variants.iter().zip(sizes) {
                let info = avifdec_info(&variant.bytes);
                assert!(
                    info.contains(&format!("Gain map       : {size} pixels")),
                    "{format:?}: no gain map of {size} in\n{info}"
                );
            }
        }
    }
}

#[cfg(not(feature = "system"))]
#[test]
fn unsupported_gain_map_is_omitted_and_reported() {
    for format in FORMATS {
        let conversion = convert_file(&with_gain_map(&base(), &map(), format), &recipe()).unwrap();
        assert_eq!(conversion.notes, ["its gain map was omitted: the bundled libavif 1.0.4 cannot write gain maps"]);
        assert_eq!(conversion.variants[0].bytes, convert_file(&base(), &recipe()).unwrap().variants[0].bytes);
    }
}

#[test]
fn gain_map_does_not_change_the_base_image() {
    for format in FORMATS {
        let source = with_gain_map(&base(), &map(), format);
        let recipe = Recipe { sizes: "full,96".parse().unwrap(), ..recipe() };
        for variant in convert_file(&source, &recipe).unwrap().variants {
            let expected = DynamicImage::from(gradient_image(192, 128));
            let expected = expected.resize_exact(variant.width, variant.height, image::imageops::Lanczos3);
            assert!(
                distance(&avifdec(&variant.bytes).image, &expected) < MAX_CODING_DISTANCE,
                "{format:?} at {}",
                variant.width
            );
        }
    }
}

#[test]
fn second_image_that_is_not_a_gain_map_is_ignored() {
    let conversion = convert_file(&with_gain_map(&base(), &map(), GainMapFormat::NotAGainMap), &recipe()).unwrap();
    assert!(conversion.notes.is_empty());
    assert_eq!(conversion.variants[0].bytes, convert_file(&base(), &recipe()).unwrap().variants[0].bytes);
}

#[test]
fn damaged_gain_map_is_omitted_and_reported() {
    let plain = convert_file(&base(), &recipe()).unwrap().variants[0].bytes.clone();
    let whole = with_gain_map(&base(), &map(), GainMapFormat::AdobeXmp);
    let property = String::from_utf8_lossy(b"GainMapMax=\"2.5\"").into_owned();
    let at = whole.windows(property.len()).position(|window| window == property.as_bytes()).unwrap();
    let mut invalid = whole.clone();
    invalid[at + 12..at + 15].copy_from_slice(b"two");
    // This file ends within the scan of the gain map.
    let truncated = whole[..whole.len() - 100].to_vec();
    for (what, file) in [("invalid", invalid), ("truncated", truncated)] {
        let conversion = convert_file(&file, &recipe()).unwrap();
        let [note] = &conversion.notes[..] else { unreachable!("{what}: {:?}", conversion.notes) };
        assert!(note.starts_with("its gain map was omitted: "), "{note}");
        assert_eq!(conversion.variants[0].bytes, plain, "{what}");
    }
}

#[test]
fn gain_map_is_omitted_if_the_memory_limit_is_too_low() {
    let file = with_gain_map(&base(), &GrayImage::new(1500, 1000), GainMapFormat::AdobeXmp);
    let limits = Limits { memory: 60 << 20, ..Limits::default() };
    let conversion = convert::convert(&file, &recipe(), &limits, NonZeroUsize::MIN).unwrap();
    assert!(conversion.notes[0].starts_with("its gain map was omitted: "), "{:?}", conversion.notes);
    assert_eq!(conversion.variants[0].bytes, convert_file(&base(), &recipe()).unwrap().variants[0].bytes);
}

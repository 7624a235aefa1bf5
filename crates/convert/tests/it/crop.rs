use std::num::NonZeroUsize;

use convert::{Conversion, OpenedImage, Variant};
use image::{DynamicImage, GenericImageView, ImageFormat, RgbImage, imageops};
use model::{Area, Limits, Metadata, Recipe};

use crate::animation_fixtures::{Frame, FrameDisposal, apng, webp};
use crate::avif_tools::{MAX_CODING_DISTANCE, avifdec, avifdec_frame, avifenc, convert_file, distance, recipe};
use crate::fixtures::{
    EmbeddedMetadata, encode_image, encode_with_metadata, exif_with_orientation, gradient_image, with_jpeg_segment,
};
use crate::orientation::store;

fn sizes(text: &str) -> Recipe {
    Recipe { sizes: text.parse().unwrap(), ..recipe() }
}

fn convert_at(file: &[u8], focal_point: &str, recipe: &Recipe) -> Conversion {
    let opened = OpenedImage::open(file, recipe, &Limits::default()).unwrap();
    let decoded = opened.with_focal_point(focal_point.parse().unwrap()).decode().unwrap();
    decoded.transform().unwrap().encode(NonZeroUsize::MIN).unwrap()
}

/// How much a variant differs from the part of the upright source that it reports. The resize filter is the one of another
/// library.
fn error(variant: &Variant, upright: &DynamicImage) -> f64 {
    let Area { x, y, width, height } =
        variant.crop.unwrap_or(Area { x: 0, y: 0, width: upright.width(), height: upright.height() });
    let expected = upright.crop_imm(x, y, width, height);
    let expected = expected.resize_exact(variant.width, variant.height, imageops::Lanczos3);
    let decoded = avifdec(&variant.bytes).image;
    assert_eq!(decoded.dimensions(), (variant.width, variant.height));
    distance(&decoded, &expected)
}

fn frame(image: &DynamicImage) -> Frame {
    let (pixels, disposal) = (image.to_rgba8(), FrameDisposal::Keep);
    Frame { left: 0, top: 0, pixels, milliseconds: 100, is_blended: true, disposal }
}

#[test]
fn crop_shows_the_part_around_the_focal_point_in_every_orientation() {
    let starts = [("0,0", 0.0), ("0.5,0.5", 0.5), ("1,1", 1.0)];
    for (width, height) in [(192, 128), (128, 192), (500, 64), (64, 500)] {
        let upright = gradient_image(width, height);
        for (orientation, (focal_point, at)) in (1..=8).flat_map(|orientation| starts.map(|start| (orientation, start)))
        {
            let exif = exif_with_orientation(orientation);
            let extras = EmbeddedMetadata { exif: Some(&exif), ..EmbeddedMetadata::default() };
            let file = encode_with_metadata(&store(&upright, orientation).into(), ImageFormat::Jpeg, extras);
            let conversion = convert_at(&file, focal_point, &sizes("64x64:cover,64x32:cover"));
            for (variant, size) in conversion.variants.iter().zip([(64, 64), (64, 32)]) {
                let name = format!("{width}x{height}, orientation {orientation}, {focal_point}, {}", variant.id);
                assert_eq!((variant.width, variant.height), size, "{name}");
                let crop = variant.crop.unwrap();
                let start = |part: u32, whole: u32| (f64::from(whole - part) * at).round();
                let expected = (start(crop.width, width), start(crop.height, height));
                assert_eq!((f64::from(crop.x), f64::from(crop.y)), expected, "{name}");
                let error = error(variant, &upright.clone().into());
                assert!(error < MAX_CODING_DISTANCE, "{name}: off by {error}");
            }
        }
    }
}

#[test]
fn box_that_the_image_fits_into_shows_the_whole_image() {
    let upright = DynamicImage::from(gradient_image(300, 200));
    let conversion = convert_at(&encode_image(&upright, ImageFormat::Png), "1,1", &sizes("full,90x90,400x50,300x200"));
    let variants: Vec<_> = conversion.variants.iter().map(|variant| (variant.width, variant.height)).collect();
    assert_eq!(variants, [(300, 200), (75, 50), (300, 200), (90, 60)]);
    for variant in &conversion.variants {
        assert_eq!(variant.crop, None);
        assert!(error(variant, &upright) < MAX_CODING_DISTANCE, "{}", variant.id);
    }
}

#[test]
fn small_or_narrow_image_is_cropped_to_the_proportions_of_the_box_and_not_enlarged() {
    for ((width, height), size) in
        [((100, 40), (40, 40)), ((40, 100), (40, 40)), ((1, 5000), (1, 1)), ((5000, 1), (1, 1))]
    {
        let upright = DynamicImage::from(gradient_image(width, height));
        let conversion = convert_at(&encode_image(&upright, ImageFormat::Png), "0.7,0.7", &sizes("256x256:cover"));
        let variant = &conversion.variants[0];
        assert_eq!((variant.width, variant.height), size, "{width}x{height}");
        // One pixel of 4:2:0 has no neighbors that could hide its rounding error.
        if size != (1, 1) {
            assert!(error(variant, &upright) < MAX_CODING_DISTANCE, "{width}x{height}");
        }
    }
}

#[test]
fn crop_of_a_jpeg_that_is_decoded_at_half_size_shows_the_same_part() {
    let upright = DynamicImage::from(gradient_image(1600, 1200));
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        let conversion = convert_at(&encode_image(&upright, format), "0.6,0.6", &sizes("100x50:cover,64x64:cover"));
        for variant in &conversion.variants {
            assert!(error(variant, &upright) < MAX_CODING_DISTANCE, "{format:?}, {}", variant.id);
        }
    }
}

#[test]
fn crops_do_not_change_the_other_variants() {
    let file = encode_image(&gradient_image(300, 200).into(), ImageFormat::Jpeg);
    let with_crops = convert_file(&file, &sizes("full,150,100x100:cover")).unwrap();
    let without = convert_file(&file, &sizes("full,150")).unwrap();
    let bytes = |conversion: &Conversion| conversion.variants[..2].iter().map(|v| v.bytes.clone()).collect::<Vec<_>>();
    assert_eq!(bytes(&with_crops), bytes(&without));
}

#[test]
fn crop_of_an_avif_source_is_encoded_and_the_full_size_is_copied() {
    let upright = DynamicImage::from(gradient_image(192, 128));
    let source = avifenc(&upright, &["--min", "5", "--max", "5"]);
    let conversion = convert_at(&source, "0,0", &sizes("full,128x128:cover"));
    let [full, crop] = &conversion.variants[..] else { panic!("{:?}", conversion.variants) };
    assert!(full.is_source && !crop.is_source);
    assert_eq!(crop.crop, Some(Area { x: 0, y: 0, width: 128, height: 128 }));
    assert!(error(crop, &upright) < MAX_CODING_DISTANCE);
}

#[test]
fn every_frame_of_an_animation_is_cropped() {
    let upright = DynamicImage::from(gradient_image(96, 48));
    let mirrored = upright.fliph();
    let frames = [&upright, &mirrored].map(frame);
    for file in [apng((96, 48), &frames, 0, None), webp((96, 48), &frames, 0)] {
        let conversion = convert_at(&file, "1,0", &sizes("32x32:cover"));
        let bytes = &conversion.variants[0].bytes;
        for (index, image) in [&upright, &mirrored].into_iter().enumerate() {
            let expected = image.crop_imm(48, 0, 48, 48).resize_exact(32, 32, imageops::Lanczos3);
            assert!(distance(&avifdec_frame(bytes, index).into(), &expected) < MAX_CODING_DISTANCE, "frame {index}");
        }
    }
}

#[cfg(feature = "system")]
#[test]
fn gain_map_is_cropped_like_its_variant() {
    use crate::avif_tools::avifdec_info;
    use crate::fixtures::{GainMapFormat, with_gain_map};
    let base = encode_image(&gradient_image(192, 128).into(), ImageFormat::Jpeg);
    let file = with_gain_map(&base, &image::GrayImage::new(48, 32), GainMapFormat::Iso);
    for variant in convert_file(&file, &sizes("128x128:cover,64x64:cover")).unwrap().variants {
        let info = avifdec_info(&variant.bytes);
        let side = variant.width / 4;
        assert!(info.contains(&format!("Gain map       : {side}x{side} pixels")), "{info}");
    }
}

/// Returns a JPEG with a region at the bottom of the stored image.
fn jpeg_with_face_at_the_bottom(upright: &RgbImage, orientation: u8) -> Vec<u8> {
    let packet = br#"http://ns.adobe.com/xap/1.0/ <x:xmpmeta xmlns:x="adobe:ns:meta/"
        xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
        xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"><rdf:RDF><rdf:Description>
        <mwg-rs:Regions><rdf:Description><mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Type="Face">
        <mwg-rs:Area stArea:x="0.5" stArea:y="0.9" stArea:w="0.1" stArea:h="0.1"/></rdf:Description></rdf:li></rdf:Bag>
        </mwg-rs:RegionList></rdf:Description></mwg-rs:Regions></rdf:Description></rdf:RDF></x:xmpmeta>"#;
    let mut packet = packet.to_vec();
    packet["http://ns.adobe.com/xap/1.0/".len()] = 0;
    let exif = exif_with_orientation(orientation);
    let extras = EmbeddedMetadata { exif: Some(&exif), ..EmbeddedMetadata::default() };
    let file = encode_with_metadata(&store(upright, orientation).into(), ImageFormat::Jpeg, extras);
    with_jpeg_segment(&file, 0xe1, &packet)
}

#[test]
fn region_in_the_xmp_is_the_focal_point_unless_another_one_is_given() {
    // The stored image of 128x192 is shown as 192x128: what is at the bottom of the stored image is at the left.
    let upright = gradient_image(192, 128);
    let file = jpeg_with_face_at_the_bottom(&upright, 6);
    let conversion = convert_file(&file, &sizes("64x64:cover")).unwrap();
    assert_eq!(conversion.variants[0].crop, Some(Area { x: 0, y: 0, width: 128, height: 128 }));
    assert!(error(&conversion.variants[0], &upright.into()) < MAX_CODING_DISTANCE);
    let given = convert_at(&file, "1,0.5", &sizes("64x64:cover"));
    assert_eq!(given.variants[0].crop.unwrap().x, 64);
}

#[test]
fn region_of_an_avif_is_the_focal_point_whatever_metadata_is_kept() {
    let keep = Recipe { metadata: Metadata::Keep, ..sizes("full") };
    let file = convert_file(&jpeg_with_face_at_the_bottom(&gradient_image(128, 192), 1), &keep).unwrap();
    let file = &file.variants[0].bytes;
    for metadata in [Metadata::Strip, Metadata::Copyright, Metadata::Keep] {
        let conversion = convert_file(file, &Recipe { metadata, ..sizes("full,64x64:cover") }).unwrap();
        assert_eq!(conversion.variants[1].crop, Some(Area { x: 0, y: 64, width: 128, height: 128 }), "{metadata}");
        for variant in &conversion.variants {
            let has_region = variant.bytes.windows(7).any(|window| window == b"mwg-rs:");
            assert_eq!(has_region, metadata == Metadata::Keep, "{metadata} {}", variant.id);
        }
    }
}

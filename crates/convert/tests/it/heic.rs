//! Tests HEIC files whose pictures libheif and x265 encoded.

use std::time::{Duration, Instant};

use convert::Error;
use image::{DynamicImage, GrayImage, Luma, Rgba};
use model::{Metadata, Recipe};

use crate::avif_tools::{
    MAX_CODING_DISTANCE, avifdec, avifdec_info, convert_and_decode, convert_file, distance, nclx, recipe,
};
use crate::fixtures::{exif_with_orientation, gradient_image};
use crate::heic_fixtures::{ALPHA, COLOR, GRAY, Item, TEN_BITS, TILES, heic, heic_sequence, overlay, tiled};

fn assert_decodes_to(file: &[u8], expected: &DynamicImage) {
    let decoded = convert_and_decode(file).image;
    assert_eq!((decoded.width(), decoded.height()), (expected.width(), expected.height()));
    let off = distance(&decoded, expected);
    assert!(off < MAX_CODING_DISTANCE, "off by {off}");
}

fn gradient() -> DynamicImage {
    gradient_image(128, 96).into()
}

fn notes(file: &[u8]) -> Vec<String> {
    convert_file(file, &recipe()).unwrap().notes
}

#[test]
fn picture_of_libheif_keeps_its_colors() {
    assert_decodes_to(COLOR, &gradient());
    assert_decodes_to(TEN_BITS, &gradient());
    let ramp = GrayImage::from_fn(128, 96, |x, _| Luma([u8::try_from(2 * x).unwrap()]));
    assert_decodes_to(GRAY, &ramp.into());
}

#[test]
fn ten_bits_stay_ten_bits() {
    let info = avifdec_info(&convert_file(TEN_BITS, &recipe()).unwrap().variants[0].bytes);
    assert!(info.contains("Bit Depth      : 10"), "{info}");
}

#[test]
fn only_the_rotation_and_mirroring_of_the_item_apply_not_the_orientation_in_exif() {
    let exif = [&[0; 4][..], &exif_with_orientation(3)].concat();
    let file = |picture: Item| heic(&[picture, Item::new(*b"Exif", &exif)], &[(*b"cdsc", 2, &[1])]);
    let plain = || Item::picture(COLOR);
    assert_decodes_to(&file(plain()), &gradient());
    assert_decodes_to(&file(plain().with(*b"irot", &[1])), &gradient().rotate270());
    assert_decodes_to(&file(plain().with(*b"imir", &[1])), &gradient().fliph());
    assert_decodes_to(&file(plain().with(*b"irot", &[1]).with(*b"imir", &[0])), &gradient().rotate270().flipv());
    assert_decodes_to(&file(plain().with(*b"imir", &[0]).with(*b"irot", &[1])), &gradient().flipv().rotate270());
    let keep = Recipe { metadata: Metadata::Keep, ..recipe() };
    let kept = convert_file(&file(plain().with(*b"irot", &[1])), &keep).unwrap();
    let decoded = avifdec(&kept.variants[0].bytes).image;
    assert!(distance(&decoded, &gradient().rotate270()) < MAX_CODING_DISTANCE);
    let stored = exif_with_orientation(1);
    assert!(kept.variants[0].bytes.windows(stored.len()).any(|window| window == stored), "the kept Exif is upright");
}

#[test]
fn clean_aperture_crops_before_the_rotation() {
    let number = |over: i32, under: i32| [over.to_be_bytes(), under.to_be_bytes()].concat();
    // The center of the visible part is 16 pixels right of the center and 8 above.
    let crop = [number(64, 1), number(40, 1), number(16, 1), number(-8, 1)].concat();
    let visible = gradient().crop_imm(48, 20, 64, 40);
    let picture = Item::picture(COLOR).with(*b"clap", &crop);
    assert_decodes_to(&heic(std::slice::from_ref(&picture), &[]), &visible);
    assert_decodes_to(&heic(&[picture.with(*b"irot", &[3])], &[]), &visible.rotate90());
    let last = Item::picture(COLOR).with(*b"irot", &[2]).with(*b"clap", &crop);
    let error = convert_file(&heic(&[last], &[]), &recipe()).unwrap_err().to_string();
    assert_eq!(error, "HEIC of an unsupported kind: an image that is cropped twice or after its rotation");
}

#[test]
fn tiles_become_one_image() {
    let grid = [(*b"dimg", 1, &[2, 3, 4, 5][..])];
    assert_decodes_to(&heic(&tiled(), &grid), &gradient_image(120, 100).into());
    let mut items = tiled();
    items[0] = items[0].clone().with(*b"irot", &[1]);
    assert_decodes_to(&heic(&items, &grid), &DynamicImage::from(gradient_image(120, 100)).rotate270());
}

#[test]
fn alpha_image_becomes_the_alpha_channel() {
    // The ramp is 0 on the left and 254 on the right.
    let file = heic(&[Item::picture(COLOR), Item::picture(GRAY).auxiliary(ALPHA)], &[(*b"auxl", 2, &[1])]);
    let decoded = convert_and_decode(&file).image.to_rgba8();
    for x in [0, 40, 127] {
        assert!(decoded.get_pixel(x, 50).0[3].abs_diff(u8::try_from(2 * x).unwrap()) <= 2, "{x}");
    }
    // In limited range, a sample of 80 is (80 - 16) * 255 / 219.
    let mut limited = Item::picture(GRAY).auxiliary(ALPHA);
    limited.properties.remove(2);
    let limited = limited.with(*b"colr", b"nclx\0\x01\0\x0d\0\x06\0");
    let decoded = convert_and_decode(&heic(&[Item::picture(COLOR), limited], &[(*b"auxl", 2, &[1])])).image.to_rgba8();
    assert!(decoded.get_pixel(40, 50).0[3].abs_diff(75) <= 2);
    // Alpha of 128x96 is enlarged to the image of 120x100.
    let mut items = tiled();
    items.push(Item::picture(GRAY).auxiliary("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"));
    let file = heic(&items, &[(*b"dimg", 1, &[2, 3, 4, 5]), (*b"auxl", 6, &[1])]);
    let decoded = convert_and_decode(&file).image.to_rgba8();
    assert!(decoded.get_pixel(60, 50).0[3].abs_diff(128) <= 3);
    // Other auxiliary images, such as depth maps, are not read.
    let depth = Item::picture(GRAY).auxiliary("urn:mpeg:hevc:2015:auxid:2");
    let file = heic(&[Item::picture(COLOR), depth], &[(*b"auxl", 2, &[1])]);
    assert!(!convert_and_decode(&file).image.color().has_alpha());
    assert_eq!(
        convert_file(&file, &recipe()).unwrap().variants[0].bytes,
        convert_file(COLOR, &recipe()).unwrap().variants[0].bytes
    );
}

#[test]
fn premultiplied_colors_are_divided_by_alpha() {
    let items = [Item::picture(COLOR), Item::picture(GRAY).auxiliary(ALPHA)];
    let file = heic(&items, &[(*b"auxl", 2, &[1]), (*b"prem", 1, &[2])]);
    let decoded = convert_and_decode(&file).image.to_rgba8();
    let Rgba([red, ..]) = *decoded.get_pixel(120, 90);
    let stored = gradient_image(128, 96).get_pixel(120, 90).0[0];
    // Alpha is 240 there.
    assert!(u32::from(red).abs_diff(u32::from(stored) * 255 / 240) <= 4, "{red} of {stored}");
}

#[test]
fn color_description_is_kept() {
    let mut picture = Item::picture(COLOR);
    picture.properties.pop();
    // Display P3, with the sRGB curve and BT.601.
    let p3 = picture.clone().with(*b"colr", b"nclx\0\x0c\0\x0d\0\x06\x80");
    let avif = convert_file(&heic(std::slice::from_ref(&p3), &[]), &recipe()).unwrap().variants.remove(0).bytes;
    assert_eq!(nclx(&avif)[..2], [12, 13]);
    // The first tile describes the colors of a grid that has no description.
    let file = heic(&[Item::grid(1, 1, (128, 96)), p3], &[(*b"dimg", 1, &[2])]);
    assert_eq!(nclx(&convert_file(&file, &recipe()).unwrap().variants[0].bytes)[..2], [12, 13]);
    // In limited range, the darkest green of the gradient, 20, is (20 - 16) * 255 / 219.
    let darkest = |file: &[u8]| convert_and_decode(file).image.to_rgb8().pixels().map(|pixel| pixel.0[1]).min();
    assert!(darkest(COLOR).is_some_and(|level| level.abs_diff(20) < 6));
    for code_points in [b"nclx\0\x01\0\x0d\0\x01\0", b"nclx\0\x01\0\x0d\0\x06\0"] {
        let limited = picture.clone().with(*b"colr", code_points);
        assert!(darkest(&heic(&[limited], &[])).is_some_and(|level| level < 12));
    }
}

#[test]
fn derived_images_are_put_together() {
    let file = overlay();
    let decoded = convert_and_decode(&file).image;
    assert_eq!((decoded.width(), decoded.height()), (140, 110));
    assert!(!decoded.color().has_alpha());
    assert!(decoded.to_rgb8().get_pixel(4, 4).0.iter().all(|level| level.abs_diff(128) < 6));
    assert!(distance(&decoded.crop_imm(10, 12, 128, 96), &gradient()) < MAX_CODING_DISTANCE);
    // An identity derivation rotates an image that is rotated already.
    let mut identity = Item::new(*b"iden", &[]).with(*b"irot", &[1]);
    identity.properties.push(Item::grid(1, 1, (96, 128)).properties.remove(0));
    let file = heic(&[identity, Item::picture(COLOR).with(*b"irot", &[1])], &[(*b"dimg", 1, &[2])]);
    assert_decodes_to(&file, &gradient().rotate180());
}

#[test]
fn other_images_of_a_burst_are_reported() {
    let thumbnail = heic(&[Item::picture(COLOR), Item::picture(GRAY)], &[(*b"thmb", 2, &[1])]);
    assert!(notes(&thumbnail).is_empty());
    assert!(notes(&heic(&tiled(), &[(*b"dimg", 1, &[2, 3, 4, 5])])).is_empty());
    let burst = heic(&[Item::picture(COLOR), Item::picture(GRAY), Item::picture(GRAY)], &[]);
    assert_eq!(notes(&burst), ["only the primary image of its 3 images was converted"]);
    assert_decodes_to(&burst, &gradient());
}

#[test]
fn image_of_another_codec_is_rejected_with_its_name() {
    let mut picture = Item::picture(COLOR);
    picture.kind = *b"avc1";
    let error = convert_file(&heic(&[picture], &[]), &recipe()).unwrap_err().to_string();
    assert_eq!(error, "HEIC of an unsupported kind: an image is coded as `avc1`, not as HEVC");
}

#[test]
fn circular_references_of_coded_images_are_not_followed() {
    let file = heic(&[Item::picture(COLOR), Item::picture(GRAY)], &[(*b"dimg", 1, &[2]), (*b"dimg", 2, &[1])]);
    assert_decodes_to(&file, &gradient());
}

#[test]
fn first_frame_of_a_sequence_is_converted() {
    let file = heic_sequence(&Item::picture(COLOR), 3);
    assert_decodes_to(&file, &gradient());
    assert_eq!(notes(&file), ["only the first of its 3 frames was converted"]);
    let error = convert_file(&file[..file.len() - 1], &recipe()).map(|_| "converted").unwrap_err().to_string();
    assert_eq!(error, "damaged HEIC: the box `mdat` is longer than its parent");
}

#[test]
fn hostile_files_are_rejected_quickly() {
    let tile = Item::picture(TILES[0]);
    let tiles: Vec<u16> = [2].repeat(128 * 128);
    // 16,384 tiles of 64x64 in an image of one pixel.
    let bomb = heic(&[Item::grid(128, 128, (1, 1)), tile.clone()], &[(*b"dimg", 1, &tiles)]);
    // 16,384 tiles that use the same bytes.
    let mut long = tile.clone();
    long.data.extend(65_536_u32.to_be_bytes());
    long.data.extend(vec![0; 65_536]);
    let repeated = heic(&[Item::grid(128, 128, (8192, 8192)), long], &[(*b"dimg", 1, &tiles)]);
    let nested = heic(&[Item::new(*b"iden", &[]).with(*b"ispe", &[0; 12])], &[(*b"dimg", 1, &[1])]);
    // 20,000 items of which none is shown.
    let mut items = vec![tile.clone()];
    items.resize(20_000, Item::new(*b"mime", &[]));
    let many = heic(&items, &[]);
    // The picture is larger than the image that it should contain.
    let mut small = tile;
    small.properties[1] = Item::grid(1, 1, (256, 16)).properties.remove(0);
    let different = heic(&[small], &[]);
    for (file, reason) in [
        (bomb, "its tiles do not match its size"),
        (repeated, "its tiles use the same bytes many times"),
        (nested, "derived from too many images"),
        (many, "its box `iinf` has"),
        (different, "a picture differs from its description"),
    ] {
        let start = Instant::now();
        let error = convert_file(&file, &recipe()).map(|_| "converted").unwrap_err();
        assert!(matches!(error, Error::Damaged { .. } | Error::Unsupported { .. }));
        assert!(error.to_string().contains(reason), "{error}: {reason}");
        assert!(start.elapsed() < Duration::from_secs(10), "{reason}");
    }
}

mod gain_maps {
    use super::*;
    use crate::heic_fixtures::{apple_gain_map, iso_gain_map};

    #[cfg(not(feature = "system"))]
    #[test]
    fn gain_map_is_omitted_and_reported() {
        for file in [apple_gain_map(), iso_gain_map()] {
            assert_eq!(notes(&file), ["its gain map was omitted: the bundled libavif 1.0.4 cannot write gain maps"]);
        }
    }

    #[cfg(feature = "system")]
    #[test]
    fn gain_map_is_kept() {
        for (file, size) in [(apple_gain_map(), "96x128"), (iso_gain_map(), "128x96")] {
            let conversion = convert_file(&file, &recipe()).unwrap();
            assert!(conversion.notes.is_empty(), "{:?}", conversion.notes);
            let info = avifdec_info(&conversion.variants[0].bytes);
            assert!(info.contains(&format!("Gain map       : {size} pixels")), "{info}");
        }
    }
}

use image::{DynamicImage, GrayAlphaImage, ImageBuffer, ImageFormat, LumaA, Rgb, RgbImage, Rgba, RgbaImage};

use crate::avif_tools::{MAX_CODING_DISTANCE, avifdec, convert_and_decode, convert_to_avif, distance, recipe};
use crate::fixtures::{encode_image, gradient_image};

/// Returns the bit depth in the box `av1C`, and whether the AV1 has chroma (AV1-ISOBMFF 1.2, 2.3.3).
fn depth_and_chroma(avif: &[u8]) -> (u32, bool) {
    let at = avif.windows(4).position(|window| window == b"av1C").unwrap() + 6;
    (if avif[at] & 0x40 == 0 { 8 } else { 10 }, avif[at] & 0x10 == 0)
}

#[test]
fn image_of_every_format_keeps_its_colors() {
    let image = DynamicImage::from(gradient_image(97, 63));
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp] {
        let decoded = convert_and_decode(&encode_image(&image, format));
        let off = distance(&decoded.image, &image);
        assert!(off < MAX_CODING_DISTANCE, "{format:?}: off by {off}");
    }
    // The distance may be larger for a GIF, because the palette of a GIF has only 256 colors.
    let rgba = DynamicImage::from(image.to_rgba8());
    assert!(distance(&convert_and_decode(&encode_image(&rgba, ImageFormat::Gif)).image, &image) < 8.0);
}

#[test]
fn progressive_and_gray_jpegs_keep_their_colors() {
    use jpeg_encoder::ColorType;
    let image = gradient_image(97, 63);
    let gray = DynamicImage::from(image.clone()).to_luma8();
    let kinds: [(&[u8], ColorType, DynamicImage); 2] =
        [(image.as_raw(), ColorType::Rgb, image.clone().into()), (gray.as_raw(), ColorType::Luma, gray.clone().into())];
    for (pixels, color, expected) in kinds {
        for progressive in [false, true] {
            let mut bytes = vec![];
            let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 98);
            encoder.set_progressive(progressive);
            encoder.encode(pixels, 97, 63, color).unwrap();
            let off = distance(&convert_and_decode(&bytes).image, &expected);
            assert!(off < MAX_CODING_DISTANCE, "{color:?}, progressive {progressive}: off by {off}");
        }
    }
}

/// Adobe's marker segment, APP14, with this transform.
fn adobe_segment(transform: u8) -> Vec<u8> {
    [&b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"[..], &[transform]].concat()
}

/// Encodes a JPEG without the JFIF segment, whose components are these samples.
fn jpeg_without_jfif(samples: &[u8], (width, height): (u16, u16)) -> Vec<u8> {
    // If the input is declared as luma and chroma, the encoder stores the levels unchanged.
    let mut file = vec![];
    jpeg_encoder::Encoder::new(&mut file, 98).encode(samples, width, height, jpeg_encoder::ColorType::Ycbcr).unwrap();
    assert_eq!(&file[2..4], b"\xff\xe0");
    // SOI has 2 bytes, and the JFIF segment has 18 bytes.
    file.drain(2..20);
    file
}

#[test]
fn jpeg_with_stored_rgb_keeps_its_colors() {
    let image = gradient_image(192, 128);
    let plain = jpeg_without_jfif(image.as_raw(), (192, 128));
    let marker = adobe_segment(0);
    // The marker immediately follows SOI in the first file and immediately precedes SOS in the second file.
    let scan = plain.windows(2).position(|window| window == b"\xff\xda").unwrap();
    for at in [2, scan] {
        let file = [&plain[..at], &marker, &plain[at..]].concat();
        let off = distance(&convert_and_decode(&file).image, &image.clone().into());
        assert!(off < MAX_CODING_DISTANCE, "at {at}: off by {off}");
    }
    // The IDs of the components are the letters R, G and B, in the frame header and in the scan header.
    let mut named = plain.clone();
    let frame = named.windows(2).position(|window| window == b"\xff\xc0").unwrap();
    for (component, name) in b"RGB".iter().enumerate() {
        named[frame + 10 + 3 * component] = *name;
        named[scan + 5 + 2 * component] = *name;
    }
    let off = distance(&convert_and_decode(&named).image, &image.clone().into());
    assert!(off < MAX_CODING_DISTANCE, "component IDs: off by {off}");
    // A gray JPEG has no color transform, so the marker does not change its levels.
    let gray = DynamicImage::from(image).to_luma8();
    let plain = encode_image(&gray.clone().into(), ImageFormat::Jpeg);
    let scan = plain.windows(2).position(|window| window == b"\xff\xda").unwrap();
    let file = [&plain[..scan], &marker, &plain[scan..]].concat();
    assert!(distance(&convert_and_decode(&file).image, &gray.into()) < MAX_CODING_DISTANCE);
}

#[test]
fn jpeg_with_luma_and_chroma_has_the_colors_that_browsers_show() {
    // One color, with the luma and chroma of JFIF (ITU-T T.871, section 7).
    let (stored, shown) = ([150, 100, 180], [223, 123, 100]);
    let image = RgbImage::from_pixel(192, 128, Rgb(shown));
    let plain = jpeg_without_jfif(&stored.repeat(192 * 128), (192, 128));
    let jfif = b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec();
    // With a JFIF segment, the components are luma and chroma, whatever Adobe's marker says. Unknown transforms of three
    // components are luma and chroma, too.
    let headers =
        [vec![], jfif.clone(), [jfif, adobe_segment(0)].concat(), adobe_segment(1), adobe_segment(2), adobe_segment(9)];
    for header in headers {
        let file = [&plain[..2], &header, &plain[2..]].concat();
        let off = distance(&convert_and_decode(&file).image, &image.clone().into());
        assert!(off < MAX_CODING_DISTANCE, "{header:02x?}: off by {off}");
    }
}

#[test]
fn gray_stays_gray() {
    let image = DynamicImage::from(gradient_image(192, 128));
    for gray in [DynamicImage::from(image.to_luma8()), image.to_luma16().into()] {
        let avif = convert_to_avif(&encode_image(&gray, ImageFormat::Png), &recipe());
        assert!(!depth_and_chroma(&avif).1, "{:?} has chroma", gray.color());
        assert!(distance(&avifdec(&avif).image, &gray) < MAX_CODING_DISTANCE);
    }
}

#[test]
fn sixteen_bit_images_are_encoded_with_ten_bits() {
    // An 8-bit encoding of this gradient would have only four different levels.
    let image: ImageBuffer<Rgb<u16>, Vec<u16>> =
        ImageBuffer::from_fn(128, 64, |x, _| Rgb([u16::try_from(20_000 + 8 * x).unwrap(); 3]));
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let avif = convert_to_avif(&encode_image(&image.clone().into(), format), &recipe());
        assert_eq!(depth_and_chroma(&avif).0, 10, "{format:?}");
        let decoded = avifdec(&avif).image.to_rgb16();
        let mut levels: Vec<u16> = decoded.rows().next().unwrap().map(|pixel| pixel.0[1]).collect();
        levels.dedup();
        assert!(levels.len() > 6, "{format:?}: {levels:?}");
        assert!(distance(&decoded.into(), &image.clone().into()) < 1.0);
    }
    let eight = encode_image(&gradient_image(192, 128).into(), ImageFormat::Png);
    assert_eq!(depth_and_chroma(&convert_to_avif(&eight, &recipe())).0, if cfg!(feature = "system") { 10 } else { 8 });
}

#[test]
fn alpha_is_exact() {
    let color = gradient_image(192, 128);
    let alpha = |x: u32| u8::try_from((x * 8).saturating_sub(200).min(255)).unwrap();
    let image = RgbaImage::from_fn(192, 128, |x, y| {
        let Rgb([r, g, b]) = *color.get_pixel(x, y);
        Rgba([r, g, b, alpha(x)])
    });
    let gray = GrayAlphaImage::from_fn(192, 128, |x, y| LumaA([color.get_pixel(x, y).0[0], alpha(x)]));
    for image in [DynamicImage::from(image), gray.into()] {
        for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
            // Not every encoder of the `image` crate supports gray with alpha, so the test converts the image to RGBA
            // for WebP and TIFF.
            let image = if format == ImageFormat::Png { image.clone() } else { image.to_rgba8().into() };
            let decoded = convert_and_decode(&encode_image(&image, format)).image.to_rgba8();
            for (x, y, pixel) in decoded.enumerate_pixels() {
                assert_eq!(pixel.0[3], alpha(x), "{format:?} at {x},{y}");
            }
        }
    }
}

#[test]
fn opaque_alpha_is_omitted() {
    let opaque = DynamicImage::from(DynamicImage::from(gradient_image(192, 128)).to_rgba8());
    let decoded = convert_and_decode(&encode_image(&opaque, ImageFormat::Png));
    assert!(!decoded.image.color().has_alpha());
}

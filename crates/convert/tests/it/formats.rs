use image::{DynamicImage, GrayAlphaImage, ImageBuffer, ImageFormat, LumaA, Rgb, Rgba, RgbaImage};

use crate::look::{CODING, avif, converted, distance, look, recipe};
use crate::source::{file, picture};

/// How the AV1 in the file is stored: bits, and whether there is chroma (AV1-ISOBMFF 1.2, 2.3.3: `av1C`).
fn stored(avif: &[u8]) -> (u32, bool) {
    let at = avif.windows(4).position(|window| window == b"av1C").unwrap() + 6;
    (if avif[at] & 0x40 == 0 { 8 } else { 10 }, avif[at] & 0x10 == 0)
}

#[test]
fn every_format_that_is_read_comes_out_as_it_was() {
    let image = DynamicImage::from(picture(97, 63));
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp] {
        let seen = converted(&file(&image, format));
        let off = distance(&seen.image, &image);
        assert!(off < CODING, "{format:?}: off by {off}");
    }
    // 256 colors are further off by themselves.
    let rgba = DynamicImage::from(image.to_rgba8());
    assert!(distance(&converted(&file(&rgba, ImageFormat::Gif)).image, &image) < 8.0);
}

#[test]
fn progressive_and_grey_jpegs_come_out_as_they_were() {
    use jpeg_encoder::ColorType;
    let image = picture(97, 63);
    let gray = DynamicImage::from(image.clone()).to_luma8();
    let kinds: [(&[u8], ColorType, DynamicImage); 2] =
        [(image.as_raw(), ColorType::Rgb, image.clone().into()), (gray.as_raw(), ColorType::Luma, gray.clone().into())];
    for (pixels, color, expected) in kinds {
        for progressive in [false, true] {
            let mut bytes = vec![];
            let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 98);
            encoder.set_progressive(progressive);
            encoder.encode(pixels, 97, 63, color).unwrap();
            let off = distance(&converted(&bytes).image, &expected);
            assert!(off < CODING, "{color:?}, progressive {progressive}: off by {off}");
        }
    }
}

#[test]
fn a_jpeg_that_stores_rgb_comes_out_as_it_was() {
    let image = picture(192, 128);
    // The encoder takes ready luma and chroma; given RGB under that name, it stores RGB.
    let mut plain = vec![];
    jpeg_encoder::Encoder::new(&mut plain, 98)
        .encode(image.as_raw(), 192, 128, jpeg_encoder::ColorType::Ycbcr)
        .unwrap();
    // APP14 with transform 0, right after SOI; then before SOS.
    let marker = [b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0".as_slice()].concat();
    let scan = plain.windows(2).position(|window| window == b"\xff\xda").unwrap();
    for at in [2, scan] {
        let file = [&plain[..at], &marker, &plain[at..]].concat();
        let off = distance(&converted(&file).image, &image.clone().into());
        assert!(off < CODING, "at {at}: off by {off}");
    }
    // Gray has no transform to be named.
    let gray = DynamicImage::from(image).to_luma8();
    let plain = file(&gray.clone().into(), ImageFormat::Jpeg);
    let scan = plain.windows(2).position(|window| window == b"\xff\xda").unwrap();
    let file = [&plain[..scan], &marker, &plain[scan..]].concat();
    assert!(distance(&converted(&file).image, &gray.into()) < CODING);
}

#[test]
fn gray_stays_grey() {
    let image = DynamicImage::from(picture(192, 128));
    for gray in [DynamicImage::from(image.to_luma8()), image.to_luma16().into()] {
        let avif = avif(&file(&gray, ImageFormat::Png), &recipe());
        assert!(!stored(&avif).1, "{:?} has chroma", gray.color());
        assert!(distance(&look(&avif).image, &gray) < CODING);
    }
}

#[test]
fn sixteen_bits_become_ten() {
    // A gradient that 8 bits could only draw in four steps.
    let image: ImageBuffer<Rgb<u16>, Vec<u16>> =
        ImageBuffer::from_fn(128, 64, |x, _| Rgb([u16::try_from(20_000 + 8 * x).unwrap(); 3]));
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let avif = avif(&file(&image.clone().into(), format), &recipe());
        assert_eq!(stored(&avif).0, 10, "{format:?}");
        let seen = look(&avif).image.to_rgb16();
        let mut levels: Vec<u16> = seen.rows().next().unwrap().map(|pixel| pixel.0[1]).collect();
        levels.dedup();
        assert!(levels.len() > 6, "{format:?}: {levels:?}");
        assert!(distance(&seen.into(), &image.clone().into()) < 1.0);
    }
    let eight = file(&picture(192, 128).into(), ImageFormat::Png);
    assert_eq!(stored(&avif(&eight, &recipe())).0, if cfg!(feature = "system") { 10 } else { 8 });
}

#[test]
fn alpha_is_exact_where_it_is_all_or_nothing_and_everywhere_else() {
    let color = picture(192, 128);
    let alpha = |x: u32| u8::try_from((x * 8).saturating_sub(200).min(255)).unwrap();
    let image = RgbaImage::from_fn(192, 128, |x, y| {
        let Rgb([r, g, b]) = *color.get_pixel(x, y);
        Rgba([r, g, b, alpha(x)])
    });
    let gray = GrayAlphaImage::from_fn(192, 128, |x, y| LumaA([color.get_pixel(x, y).0[0], alpha(x)]));
    for image in [DynamicImage::from(image), gray.into()] {
        for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
            // Not every encoder of these formats takes gray with alpha.
            let image = if format == ImageFormat::Png { image.clone() } else { image.to_rgba8().into() };
            let seen = converted(&file(&image, format)).image.to_rgba8();
            for (x, y, pixel) in seen.enumerate_pixels() {
                assert_eq!(pixel.0[3], alpha(x), "{format:?} at {x},{y}");
            }
        }
    }
}

#[test]
fn alpha_that_hides_nothing_is_left_out() {
    let opaque = DynamicImage::from(DynamicImage::from(picture(192, 128)).to_rgba8());
    let seen = converted(&file(&opaque, ImageFormat::Png));
    assert!(!seen.image.color().has_alpha());
}

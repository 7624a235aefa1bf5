//! Converts files to WebP and JPEG, and decodes them with independent decoders: `image-webp`, and `zune-jpeg`.

use std::io::Cursor;

use convert::{Conversion, Variant};
use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};
use image::{
    DynamicImage, GrayAlphaImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Luma, LumaA, Rgb, RgbImage, Rgba,
    RgbaImage,
};
use model::{ChromaMode, Metadata, OutputFormat, Recipe};
use moxcms::ColorProfile;
use webpx::AnimationDecoder;

use crate::animation_fixtures::{self, FrameDisposal};
use crate::avif_tools::{MAX_CODING_DISTANCE, avifdec, convert_file, convert_to_avif, distance};
use crate::fixtures::{
    EmbeddedMetadata, encode_image, encode_with_metadata, exif_with_orientation, gradient_image, with_png_chunks,
};
use crate::icc::{self, DISPLAY_P3};
use crate::search::photograph;

fn recipe() -> Recipe {
    Recipe { formats: "avif,webp,jpeg".parse().unwrap(), ..crate::avif_tools::recipe() }
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    encode_image(&image.into(), ImageFormat::Png)
}

/// Returns the variant, for example `full.webp`.
fn variant<'a>(conversion: &'a Conversion, id: &str) -> &'a Variant {
    conversion.variants.iter().find(|variant| variant.id.to_string() == id).unwrap()
}

/// A WebP or a JPEG, decoded by the crate `image`.
struct DecodedFile {
    image: DynamicImage,
    icc: Option<Vec<u8>>,
    exif: Option<Vec<u8>>,
}

fn decode(variant: &Variant) -> DecodedFile {
    let reader = ImageReader::new(Cursor::new(&variant.bytes)).with_guessed_format().unwrap();
    let expected = match variant.id.format {
        OutputFormat::Avif => ImageFormat::Avif,
        OutputFormat::Webp => ImageFormat::WebP,
        OutputFormat::Jpeg => ImageFormat::Jpeg,
    };
    assert_eq!(reader.format(), Some(expected));
    let mut decoder = reader.into_decoder().unwrap();
    let (icc, exif) = (decoder.icc_profile().unwrap(), decoder.exif_metadata().unwrap());
    DecodedFile { image: DynamicImage::from_decoder(decoder).unwrap(), icc, exif }
}

#[test]
fn each_width_has_each_format() {
    let conversion =
        convert_file(&png(gradient_image(200, 100)), &Recipe { sizes: "full,50".parse().unwrap(), ..recipe() });
    let conversion = conversion.unwrap();
    let ids: Vec<_> = conversion.variants.iter().map(|variant| variant.id.to_string()).collect();
    assert_eq!(ids, ["full", "full.webp", "full.jpeg", "50", "50.webp", "50.jpeg"]);
    for id in ["full", "50"] {
        let avif = avifdec(&variant(&conversion, id).bytes).image;
        for format in ["webp", "jpeg"] {
            let decoded = decode(variant(&conversion, &format!("{id}.{format}"))).image;
            let off = distance(&decoded, &avif);
            assert!(off < MAX_CODING_DISTANCE, "{id}.{format}: off by {off}");
        }
    }
}

#[test]
fn gray_and_transparent_images_are_converted() {
    let gray = GrayImage::from_fn(192, 128, |x, y| Luma([u8::try_from(x + y / 2).unwrap()]));
    let conversion = convert_file(&png(gray.clone()), &recipe()).unwrap();
    for id in ["full.webp", "full.jpeg"] {
        assert!(distance(&decode(variant(&conversion, id)).image, &gray.clone().into()) < MAX_CODING_DISTANCE, "{id}");
    }
    assert!(matches!(decode(variant(&conversion, "full.jpeg")).image, DynamicImage::ImageLuma8(_)));

    // Half of each image is transparent. Its hidden color is far from the background.
    let rgba = RgbaImage::from_fn(192, 128, |x, _| Rgba([200, 0, 0, if x < 96 { 0 } else { 255 }]));
    let gray_alpha = GrayAlphaImage::from_fn(192, 128, |x, _| LumaA([90, if x < 96 { 0 } else { 255 }]));
    for (image, visible) in [(DynamicImage::from(rgba), [200, 0, 0]), (gray_alpha.into(), [90; 3])] {
        let recipe = Recipe { background: "0000ff".parse().unwrap(), ..recipe() };
        let conversion = convert_file(&png(image), &recipe).unwrap();
        let webp = decode(variant(&conversion, "full.webp")).image.into_rgba8();
        assert_eq!((webp.get_pixel(40, 64).0[3], webp.get_pixel(150, 64).0[3]), (0, 255));
        let jpeg = decode(variant(&conversion, "full.jpeg")).image.into_rgb8();
        for (x, expected) in [(40, [0, 0, 255]), (150, visible)] {
            let off = jpeg.get_pixel(x, 64).0.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            assert!(off < 8, "{:?} at {x}", jpeg.get_pixel(x, 64));
        }
    }
}

#[test]
fn target_score_is_reached_in_each_format() {
    for (width, height) in [(400, 301), (1500, 1100)] {
        let source = photograph(width, height);
        let recipe = Recipe {
            quality: "visual:80".parse().unwrap(),
            speed: "8".parse().unwrap(),
            formats: "webp,jpeg".parse().unwrap(),
            ..Recipe::default()
        };
        let conversion = convert_file(&png(source.clone()), &recipe).unwrap();
        for variant in &conversion.variants {
            let decoded = decode(variant).image.into_rgb8();
            let pixels = |image: &RgbImage| image.as_raw().clone();
            let [source, decoded] = [pixels(&source), pixels(&decoded)];
            let slice = |pixels| {
                PixelSlice::new(pixels, width, height, width as usize * 3, PixelDescriptor::RGB8_SRGB).unwrap()
            };
            let reached = compute_ssimulacra2(&slice(&source), &slice(&decoded)).unwrap();
            let reported = f64::from(variant.score.unwrap());
            assert!((79.5..82.5).contains(&reached), "{} of {width}x{height}: {reached}", variant.id);
            assert!((reached - reported).abs() < 0.7, "{} of {width}x{height}: {reached}, {reported}", variant.id);
        }
    }
}

#[test]
fn fixed_quality_is_the_encoders_own_scale() {
    let source = png(photograph(300, 200));
    let bytes = |quality: &str| {
        let recipe = Recipe { quality: quality.parse().unwrap(), ..recipe() };
        let conversion = convert_file(&source, &recipe).unwrap();
        ["full.webp", "full.jpeg"].map(|id| variant(&conversion, id).bytes.to_vec())
    };
    let [webp, jpeg] = bytes("75");
    // The first entry of the table is 16 at quality 50, so it is 8 at 75 (libjpeg, jpeg_quality_scaling).
    let table = jpeg.windows(2).position(|bytes| bytes == [0xff, 0xdb]).unwrap();
    assert_eq!(jpeg[table + 5], 8);
    let expected = webpx::EncoderConfig::new().quality(75.0).method(2);
    let expected = expected.encode_rgb(photograph(300, 200).as_raw(), 300, 200, webpx::Unstoppable).unwrap();
    assert_eq!(webp, expected);
    let [lossless, finest] = bytes("100");
    let decode = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().into_rgb8();
    assert_eq!(decode(&lossless), photograph(300, 200));
    assert!(distance(&decode(&finest).into(), &photograph(300, 200).into()) < 2.0);
}

#[test]
fn graphic_is_lossless_in_webp_if_that_is_smaller() {
    let image =
        RgbImage::from_fn(
            400,
            300,
            |x, y| {
                if (x / 20 + y / 20) % 2 == 0 { Rgb([255, 255, 255]) } else { Rgb([200, 30, 60]) }
            },
        );
    let recipe = Recipe { quality: "visual:75".parse().unwrap(), ..recipe() };
    let conversion = convert_file(&png(image.clone()), &recipe).unwrap();
    let webp = variant(&conversion, "full.webp");
    assert_eq!((decode(webp).image.into_rgb8(), webp.score), (image, Some(100.0)));
}

#[test]
fn chroma_of_a_jpeg_follows_the_image_and_the_recipe() {
    // Each pixel of the letters has another color than its neighbors.
    let letters = RgbImage::from_fn(256, 192, |x, y| match (x / 3 + y / 5) % 3 {
        0 => Rgb([255, 0, 0]),
        1 => Rgb([255, 255, 255]),
        _ => Rgb([0, 0, 255]),
    });
    let sampling = |image: &RgbImage, chroma| {
        let recipe =
            Recipe { quality: "visual:75".parse().unwrap(), formats: "jpeg".parse().unwrap(), chroma, ..recipe() };
        let conversion = convert_file(&png(image.clone()), &recipe).unwrap();
        let jpeg = &conversion.variants[0].bytes;
        // SOF2: length, precision, height, width, components, and the first component's identifier and factors.
        let frame = jpeg.windows(2).position(|bytes| bytes == [0xff, 0xc2]).expect("the JPEG should be progressive");
        jpeg[frame + 11]
    };
    assert_eq!(sampling(&letters, ChromaMode::Auto), 0x11);
    assert_eq!(sampling(&letters, ChromaMode::Yuv420), 0x22);
    assert_eq!(sampling(&photograph(256, 192), ChromaMode::Auto), 0x22);
    assert_eq!(sampling(&photograph(256, 192), ChromaMode::Yuv444), 0x11);
}

#[test]
fn colors_are_described_by_a_profile() {
    let profile = icc::rgb(DISPLAY_P3, 2.2);
    let image = DynamicImage::from(gradient_image(192, 128));
    let extras = EmbeddedMetadata { icc: Some(&profile), ..EmbeddedMetadata::default() };
    let with_profile = encode_with_metadata(&image, ImageFormat::Png, extras);
    // Display P3 as code points.
    let with_code_points = with_png_chunks(&png(image.clone()), &[(b"cICP", &[12, 13, 0, 1])]);
    for id in ["full.webp", "full.jpeg"] {
        let conversion = convert_file(&with_profile, &recipe()).unwrap();
        assert_eq!(decode(variant(&conversion, id)).icc.as_ref(), Some(&profile), "{id}");
        let conversion = convert_file(&with_code_points, &recipe()).unwrap();
        let decoded = decode(variant(&conversion, id));
        assert!(distance(&decoded.image, &image) < MAX_CODING_DISTANCE, "{id}");
        let written = ColorProfile::new_from_slice(&decoded.icc.unwrap()).unwrap();
        let p3 = ColorProfile::new_display_p3();
        for (a, b) in [(written.red_colorant, p3.red_colorant), (written.green_colorant, p3.green_colorant)] {
            assert!((a.x - b.x).abs() < 1e-3 && (a.y - b.y).abs() < 1e-3, "{id}: {a:?} is not {b:?}");
        }
        let conversion = convert_file(&png(image.clone()), &recipe()).unwrap();
        assert_eq!(decode(variant(&conversion, id)).icc, None, "{id}");
    }
}

#[test]
fn high_dynamic_range_becomes_srgb() {
    // 50, 203 and 600 cd/m² in PQ. White of a usual display is 203 cd/m² (ITU-R BT.2408).
    let levels = [0.0, 0.4403, 0.5807, 0.6963].map(|level: f32| level * 65_535.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "levels of 16 bits")]
    let image = image::ImageBuffer::from_fn(192, 128, |x, _| Rgb([levels[x as usize / 48] as u16; 3]));
    let file = with_png_chunks(&png(DynamicImage::ImageRgb16(image)), &[(b"cICP", &[9, 16, 0, 1])]);
    for quality in ["90", "visual:75"] {
        let recipe = Recipe { quality: quality.parse().unwrap(), ..recipe() };
        let conversion = convert_file(&file, &recipe).unwrap();
        for id in ["full.webp", "full.jpeg"] {
            let variant = variant(&conversion, id);
            let decoded = decode(variant);
            assert_eq!(decoded.icc, None);
            let pixels = decoded.image.into_rgb8();
            let grays = [24, 72, 120, 168].map(|x| pixels.get_pixel(x, 64).0[1]);
            // Chromium 156 shows these levels on a display without high dynamic range.
            let off = grays.iter().zip([0, 98, 187, 239]).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            assert!(off < 8, "{id} at {quality}: {grays:?}");
            assert_eq!(variant.score.is_some(), quality.starts_with("visual"), "{id} at {quality}");
        }
    }
}

#[test]
fn orientation_is_applied_and_exif_is_kept_if_the_recipe_keeps_it() {
    let exif = exif_with_orientation(6);
    let image = DynamicImage::from(gradient_image(192, 128));
    let extras = EmbeddedMetadata { exif: Some(&exif), ..EmbeddedMetadata::default() };
    let file = encode_with_metadata(&image, ImageFormat::Jpeg, extras);
    for metadata in [Metadata::Strip, Metadata::Copyright, Metadata::Keep] {
        let conversion = convert_file(&file, &Recipe { metadata, ..recipe() }).unwrap();
        for id in ["full.webp", "full.jpeg"] {
            let decoded = decode(variant(&conversion, id));
            assert!(distance(&decoded.image, &image.rotate90()) < MAX_CODING_DISTANCE, "{id}");
            match (metadata, decoded.exif) {
                (Metadata::Strip | Metadata::Copyright, exif) => assert_eq!(exif, None, "{id}"),
                (Metadata::Keep, exif) => assert_eq!(exif, Some(exif_with_orientation(1)), "{id}"),
            }
        }
    }
}

#[test]
fn metadata_that_does_not_fit_into_a_jpeg_is_omitted_with_a_note() {
    let mut exif = exif_with_orientation(1);
    exif.resize(70_000, 0);
    let extras = EmbeddedMetadata { exif: Some(&exif), ..EmbeddedMetadata::default() };
    let file = encode_with_metadata(&gradient_image(64, 48).into(), ImageFormat::Png, extras);
    let conversion = convert_file(&file, &Recipe { metadata: Metadata::Keep, ..recipe() }).unwrap();
    assert_eq!(decode(variant(&conversion, "full.jpeg")).exif, None);
    assert_eq!(decode(variant(&conversion, "full.webp")).exif.map(|exif| exif.len()), Some(70_000));
    assert!(conversion.notes.iter().any(|note| note.contains("longer than a segment")), "{:?}", conversion.notes);
}

#[test]
fn animation_stays_animated_in_webp_and_is_its_first_frame_in_jpeg() {
    let colors = [[255, 0, 0, 255], [0, 0, 255, 255], [0, 255, 0, 0]];
    let frames = colors.map(|color| animation_fixtures::Frame {
        left: 0,
        top: 0,
        pixels: RgbaImage::from_pixel(96, 64, Rgba(color)),
        milliseconds: 250,
        is_blended: false,
        disposal: FrameDisposal::Keep,
    });
    let file = animation_fixtures::apng((96, 64), &frames, 3, None);
    for quality in ["90", "100", "visual:75"] {
        let recipe = Recipe { quality: quality.parse().unwrap(), sizes: "48".parse().unwrap(), ..recipe() };
        let conversion = convert_file(&file, &recipe).unwrap();
        let webp = &variant(&conversion, "48.webp").bytes;
        // The ANIM chunk: its length, the background color, and the number of plays.
        let chunk = webp.windows(4).position(|name| name == b"ANIM").unwrap();
        assert_eq!(webp[chunk + 12..chunk + 14], [3, 0]);
        // libwebp's decoder. `image-webp` does not clear the canvas after a frame.
        let decoded = AnimationDecoder::new(webp).unwrap().decode_all().unwrap();
        assert_eq!(decoded.len(), 3);
        for (frame, color) in decoded.iter().zip(colors) {
            assert_eq!(frame.duration_ms, 250);
            let pixel = &frame.data[4 * (16 * 48 + 24)..][..4];
            let off = pixel.iter().zip(color).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            assert!(off < 12 || pixel[3] == 0 && color[3] == 0, "{pixel:?} is not {color:?}");
        }
        let jpeg = decode(variant(&conversion, "48.jpeg")).image.into_rgb8();
        assert!(jpeg.get_pixel(24, 16).0[0] > 240 && jpeg.get_pixel(24, 16).0[2] < 16);
        assert!(conversion.notes.iter().any(|note| note == "the JPEG is the first frame of the animation"));
    }
}

#[test]
fn avif_source_is_copied_and_also_encoded_as_webp_and_jpeg() {
    let image = DynamicImage::from(gradient_image(192, 128));
    let source = convert_to_avif(&png(image.clone()), &crate::avif_tools::recipe());
    let recipe = Recipe { sizes: "full,96".parse().unwrap(), ..recipe() };
    let conversion = convert_file(&source, &recipe).unwrap();
    assert!(variant(&conversion, "full").is_source);
    for id in ["full.webp", "full.jpeg"] {
        let decoded = decode(variant(&conversion, id)).image;
        assert!(distance(&decoded, &image) < 2.0 * MAX_CODING_DISTANCE, "{id}");
    }
    let smaller = avifdec(&variant(&conversion, "96").bytes).image;
    assert!(distance(&decode(variant(&conversion, "96.webp")).image, &smaller) < MAX_CODING_DISTANCE);
}

#[test]
fn webp_of_a_panorama_has_the_longest_side_that_webp_allows() {
    let image =
        RgbImage::from_fn(16_500, 33, |x, y| Rgb([u8::try_from(x % 256).unwrap(), u8::try_from(y).unwrap(), 9]));
    let conversion = convert_file(&png(image), &recipe()).unwrap();
    let size = |id| (variant(&conversion, id).width, variant(&conversion, id).height);
    assert_eq!([size("full"), size("full.webp"), size("full.jpeg")], [(16_500, 33), (16_383, 33), (16_500, 33)]);
    assert_eq!(decode(variant(&conversion, "full.webp")).image.width(), 16_383);
}

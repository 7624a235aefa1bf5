//! Tests which images have chroma planes of half the resolution.

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use model::{ChromaMode, Recipe};

use crate::animation_fixtures::{Frame, FrameDisposal, gif};
use crate::avif_tools::{chroma_format, convert_file, convert_to_avif, recipe};
use crate::fixtures::{EmbeddedMetadata, encode_image, gradient_image, subsampled_jpeg};

/// Returns a drawing: letters in two colors.
fn drawing() -> RgbImage {
    RgbImage::from_fn(200, 160, |x, y| if (x / 3 + y / 5) % 4 == 0 { Rgb([200, 0, 0]) } else { Rgb([240; 3]) })
}

fn with_chroma(chroma: ChromaMode) -> Recipe {
    Recipe { chroma, sizes: "full,100".parse().unwrap(), ..recipe() }
}

#[test]
fn chroma_setting_applies_to_every_source_and_width() {
    let png = |image: RgbImage| encode_image(&image.into(), ImageFormat::Png);
    let sources = [
        ("photograph", png(gradient_image(200, 160)), "YUV420"),
        (
            "16-bit photograph",
            encode_image(&DynamicImage::from(gradient_image(200, 160)).to_rgb16().into(), ImageFormat::Png),
            "YUV420",
        ),
        ("photograph with alpha", encode_image(&with_alpha(&gradient_image(200, 160)), ImageFormat::Png), "YUV420"),
        ("drawing", png(drawing()), "YUV444"),
        ("4:2:0 JPEG", subsampled_jpeg(&gradient_image(200, 160), EmbeddedMetadata::default(), false), "YUV420"),
    ];
    for (name, file, auto) in &sources {
        for (chroma, expected) in
            [(ChromaMode::Auto, *auto), (ChromaMode::Yuv420, "YUV420"), (ChromaMode::Yuv444, "YUV444")]
        {
            let conversion = convert_file(file, &with_chroma(chroma)).unwrap();
            let formats: Vec<_> = conversion.variants.iter().map(|variant| chroma_format(&variant.bytes)).collect();
            assert_eq!(formats, [expected; 2], "{name}, {chroma:?}");
            assert_eq!(conversion.notes, [""; 0], "{name}, {chroma:?}");
        }
    }
}

fn with_alpha(image: &RgbImage) -> DynamicImage {
    let mut image = DynamicImage::from(image.clone()).to_rgba8();
    image.pixels_mut().for_each(|pixel| pixel.0[3] = 200);
    image.into()
}

#[test]
fn chroma_setting_applies_to_animations() {
    let frame = |image: RgbImage| Frame {
        left: 0,
        top: 0,
        pixels: DynamicImage::from(image).to_rgba8(),
        milliseconds: 100,
        is_blended: true,
        disposal: FrameDisposal::Keep,
    };
    let file = gif(200, 160, &[frame(drawing()), frame(RgbImage::new(200, 160))], None);
    for (chroma, expected) in
        [(ChromaMode::Auto, "YUV444"), (ChromaMode::Yuv420, "YUV420"), (ChromaMode::Yuv444, "YUV444")]
    {
        assert_eq!(chroma_format(&convert_to_avif(&file, &with_chroma(chroma))), expected, "{chroma:?}");
    }
}

#[test]
fn gray_image_has_no_chroma_with_any_setting() {
    let gray = encode_image(&DynamicImage::from(gradient_image(200, 160)).to_luma8().into(), ImageFormat::Png);
    for chroma in [ChromaMode::Auto, ChromaMode::Yuv420, ChromaMode::Yuv444] {
        assert_eq!(chroma_format(&convert_to_avif(&gray, &with_chroma(chroma))), "YUV400", "{chroma:?}");
    }
}

#[test]
fn lossless_image_stays_in_444_with_a_note() {
    let recipe = Recipe { quality: "100".parse().unwrap(), ..with_chroma(ChromaMode::Yuv420) };
    let conversion = convert_file(&encode_image(&drawing().into(), ImageFormat::Png), &recipe).unwrap();
    assert_eq!(chroma_format(&conversion.variants[0].bytes), "YUV444");
    assert_eq!(conversion.notes, ["the chroma resolution is 4:4:4, because lossless images keep all colors"]);
    let gray = encode_image(&DynamicImage::from(drawing()).to_luma8().into(), ImageFormat::Png);
    assert_eq!(convert_file(&gray, &recipe).unwrap().notes, [""; 0]);
}

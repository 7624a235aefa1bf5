//! Truncates small files at every byte, in both modes for damaged files.

use convert::Error;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use model::DamagedMode;

use crate::animation_fixtures::{Frame, FrameDisposal, apng, gif, webp};
use crate::avif_tools::{convert_exactly, convert_file, recipe};
use crate::fixtures::{encode_image, gradient_image};

fn still_files() -> Vec<(&'static str, Vec<u8>)> {
    let image = DynamicImage::from(gradient_image(9, 7));
    let transparent = RgbaImage::from_fn(9, 7, |x, y| Rgba([20, 90, 9, u8::try_from(20 * x + y).unwrap()]));
    vec![
        #[cfg(feature = "heic")]
        ("HEIC", crate::heic_fixtures::TILES[3].to_vec()),
        ("PNG", encode_image(&image, ImageFormat::Png)),
        ("PNG with alpha", encode_image(&transparent.into(), ImageFormat::Png)),
        ("GIF", encode_image(&image.to_rgba8().into(), ImageFormat::Gif)),
        ("BMP", encode_image(&image, ImageFormat::Bmp)),
        ("WebP", encode_image(&image, ImageFormat::WebP)),
    ]
}

#[test]
fn truncated_still_image_is_equal_or_rejected_or_reported() {
    for (name, file) in still_files() {
        let (whole, _) = convert_exactly(&file, DamagedMode::Reject).unwrap();
        let mut reported = 0;
        for end in 0..file.len() {
            match convert_exactly(&file[..end], DamagedMode::Reject) {
                Ok((image, notes)) => assert_eq!((image, notes.len()), (whole.clone(), 0), "{name}, {end} bytes"),
                Err(Error::Damaged { .. } | Error::Empty | Error::UnknownFormat { .. }) => {}
                Err(error) => unreachable!("{name}, {end} bytes: {error}"),
            }
            if let Ok((image, notes)) = convert_exactly(&file[..end], DamagedMode::Convert) {
                assert_eq!(image.dimensions(), whole.dimensions());
                assert!(image == whole || notes.len() == 1, "{name}, {end} bytes: {notes:?}");
                reported += notes.len();
            }
        }
        assert_eq!(reported > 5, name.starts_with("PNG") || name == "GIF", "{name}: {reported}");
    }
}

#[test]
fn truncated_animation_is_whole_or_rejected_or_reported() {
    let frame = |color| Frame {
        left: 0,
        top: 0,
        pixels: RgbaImage::from_fn(6, 5, |x, y| {
            Rgba([color, u8::try_from(40 * x).unwrap(), u8::try_from(50 * y).unwrap(), 255])
        }),
        milliseconds: 100,
        is_blended: true,
        disposal: FrameDisposal::Keep,
    };
    let frames = [20, 120, 220].map(frame);
    let convert = model::Recipe { damaged: DamagedMode::Convert, ..recipe() };
    let files = [
        ("GIF", gif(6, 5, &frames, Some(1))),
        ("APNG", apng((6, 5), &frames, 2, None)),
        ("APNG with a static image", apng((6, 5), &frames, 2, Some(&frames[0].pixels))),
        ("WebP", webp((6, 5), &frames, 2)),
    ];
    for (name, file) in files {
        let whole = convert_file(&file, &recipe()).unwrap().variants[0].bytes.clone();
        let (mut whole_ends, mut reported) = (vec![], 0);
        for end in 0..file.len() {
            if let Ok(conversion) = convert_file(&file[..end], &recipe()) {
                // A GIF that is truncated between two frames is a valid GIF without a trailer.
                let is_whole = conversion.variants[0].bytes == whole;
                assert!(is_whole || name == "GIF", "{name}, {end} bytes");
                whole_ends.extend((!is_whole).then_some(end));
            }
            if let Ok(conversion) = convert_file(&file[..end], &convert) {
                let is_whole = conversion.variants[0].bytes == whole;
                assert!(is_whole || whole_ends.contains(&end) || !conversion.notes.is_empty(), "{name}, {end} bytes");
                reported += conversion.notes.len();
            }
        }
        // The end of the data of each frame: an optional end code, and the terminator.
        assert!(whole_ends.len() <= 2 * 3, "{name}: {whole_ends:?}");
        assert_eq!(reported > 20, name != "WebP", "{name}: {reported}");
    }
}

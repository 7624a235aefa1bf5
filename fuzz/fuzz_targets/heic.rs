//! Decodes any bytes as a HEIC, to planes and to pixels. The target `convert` also encodes, which takes most of its time.

#![no_main]

use std::sync::LazyLock;

use convert::{Format, OpenedImage};
use libfuzzer_sys::fuzz_target;
use model::{Limits, Metadata, Recipe};

/// The limits of an iteration. They are so low that an iteration takes only milliseconds.
const LIMITS: Limits =
    Limits { bytes: 1 << 20, pixels: 1 << 14, animation_pixels: 1 << 14, memory: 256 << 20, cpu_seconds: None };

/// With the quality 60, planes are decoded. With 100, they are converted to pixels.
static RECIPES: LazyLock<[Recipe; 2]> = LazyLock::new(|| {
    ["60", "100"].map(|quality| Recipe {
        quality: quality.parse().expect("the quality is valid"),
        metadata: Metadata::Keep,
        ..Recipe::default()
    })
});

fuzz_target!(|bytes: &[u8]| {
    for recipe in RECIPES.iter() {
        let decoded = match OpenedImage::open(bytes, recipe, &LIMITS) {
            Ok(image) if image.format() == Format::HEIC => {
                let (width, height) = image.size();
                assert!(u64::from(width) * u64::from(height) <= LIMITS.pixels);
                image.decode().and_then(|image| image.transform())
            }
            Ok(_) => return,
            Err(error) => Err(error),
        };
        if let Err(error) = decoded {
            let line = error.to_string();
            assert!(!line.contains(char::is_control) && line.len() < 1000, "{line:?}");
        }
    }
});

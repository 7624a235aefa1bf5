//! Tests that any bytes are either converted to variants within the limits or rejected with an error of one line.

#![no_main]

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::{DamagedMode, Limits, Metadata, Recipe};

/// The limits of an iteration. They are so low that an iteration takes only milliseconds.
const LIMITS: Limits =
    Limits { bytes: 1 << 20, pixels: 1 << 12, animation_pixels: 1 << 19, memory: 256 << 20, cpu_seconds: None };

static RECIPE: LazyLock<Recipe> = LazyLock::new(|| Recipe {
    sizes: "full,7".parse().expect("the sizes are valid"),
    speed: "10".parse().expect("the speed is valid"),
    metadata: Metadata::Keep,
    ..Recipe::default()
});

/// Damaged files are converted as far as possible.
static LENIENT_RECIPE: LazyLock<Recipe> = LazyLock::new(|| Recipe {
    damaged: DamagedMode::Convert,
    sizes: "full".parse().expect("the size is valid"),
    ..RECIPE.clone()
});

fuzz_target!(|bytes: &[u8]| {
    check(bytes, &RECIPE);
    check(bytes, &LENIENT_RECIPE);
});

fn check(bytes: &[u8], recipe: &Recipe) {
    match convert::convert(bytes, recipe, &LIMITS, NonZeroUsize::MIN) {
        Ok(conversion) => {
            for variant in conversion.variants {
                assert!(u64::from(variant.width) * u64::from(variant.height) <= LIMITS.pixels);
                assert!(variant.bytes[4..].starts_with(b"ftyp"));
            }
        }
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains(char::is_control) && line.len() < 1000, "{line:?}");
        }
    }
}

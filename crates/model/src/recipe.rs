use serde::{Deserialize, Serialize};

use crate::{
    Background, ChromaMode, ColorMode, DamagedMode, Formats, Metadata, OutputFormat, Quality, Size, Sizes, Speed,
    VariantId,
};

/// All settings that change the variants. Equal recipes produce the same variants from the same source, so the recipe's
/// fingerprint shows whether a stored variant is up to date. A setting that was added after the first release is
/// serialized only if it differs from its default, so that the fingerprint of an unchanged recipe stays the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The sizes of the variants. The name in the fingerprint is from a release that had only widths.
    #[serde(rename = "widths")]
    pub sizes: Sizes,
    /// The quality of the variants.
    pub quality: Quality,
    /// The encoder's speed.
    pub speed: Speed,
    /// Which metadata of the source the variants contain.
    pub metadata: Metadata,
    /// The resolution of the chroma planes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub chroma: ChromaMode,
    /// How the variants describe their colors.
    #[serde(default, skip_serializing_if = "is_default")]
    pub color: ColorMode,
    /// What happens to damaged images.
    #[serde(default, skip_serializing_if = "is_default")]
    pub damaged: DamagedMode,
    /// The formats of the variants. Each size has a variant in each format.
    #[serde(default, skip_serializing_if = "is_default")]
    pub formats: Formats,
    /// The color behind transparent areas, in formats without alpha.
    #[serde(default, skip_serializing_if = "is_default")]
    pub background: Background,
}

impl Recipe {
    /// Returns the variants: the widest first, and each size in all formats.
    pub fn variants(&self) -> impl Iterator<Item = VariantId> {
        self.sizes.iter().flat_map(|size| self.formats.iter().map(move |format| VariantId { size, format }))
    }

    /// Returns the names and values of all settings, as the settings of the function have them.
    #[must_use]
    pub fn settings(&self) -> [(&'static str, String); 9] {
        let Self { sizes, quality, speed, metadata, chroma, color, damaged, formats, background } = self;
        [
            ("sizes", join(sizes.iter())),
            ("quality", quality.to_string()),
            ("speed", speed.to_string()),
            ("metadata", metadata.to_string()),
            ("chroma", chroma.to_string()),
            ("color", color.to_string()),
            ("damaged", damaged.to_string()),
            ("formats", join(formats.iter())),
            ("background", background.to_string()),
        ]
    }

    /// Whether any format is not AVIF.
    #[must_use]
    pub fn has_other_formats(&self) -> bool {
        self.formats.iter().any(|format| format != OutputFormat::Avif)
    }

    /// Whether any variant may show only a part of the source.
    #[must_use]
    pub fn has_crops(&self) -> bool {
        self.sizes.iter().any(Size::is_crop)
    }
}

fn join(values: impl Iterator<Item: ToString>) -> String {
    values.map(|value| value.to_string()).collect::<Vec<_>>().join(",")
}

fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

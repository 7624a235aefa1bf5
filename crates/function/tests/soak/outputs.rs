//! The settings of a test system that decide which outputs a source has.

/// The outputs of each source in a test system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outputs {
    /// One variant.
    OneVariant,
    /// Two sizes and a crop, which a rule sets, and a manifest.
    SeveralSizes,
    /// One width in three formats under a prefix, and a manifest.
    SeveralFormats,
}

/// The extensions of a variant's key in each format.
const FORMATS: [&str; 3] = [".avif", ".avif.webp", ".avif.jpg"];

impl Outputs {
    /// Returns the outputs in the system with this index.
    pub(crate) fn of_system(index: usize) -> Self {
        [Self::OneVariant, Self::SeveralSizes, Self::SeveralFormats][index % 3]
    }

    pub(crate) fn settings(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::OneVariant => vec![],
            Self::SeveralSizes => vec![("AVIF_RULES", r#"[{"sizes": "full,4,3x3:cover"}]"#)],
            Self::SeveralFormats => vec![("AVIF_FORMATS", "avif,webp,jpeg"), ("AVIF_OUTPUT_PREFIX", self.prefix())],
        }
    }

    /// The prefix of the keys of all outputs.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::OneVariant | Self::SeveralSizes => "",
            Self::SeveralFormats => "variants/",
        }
    }

    /// Returns the keys of the variants of a source.
    pub(crate) fn variants(self, source: &str) -> Vec<String> {
        let source = format!("{}{source}", self.prefix());
        match self {
            Self::OneVariant => vec![format!("{source}.avif")],
            Self::SeveralSizes => ["", ".w4", ".c3x3"].map(|size| format!("{source}{size}.avif")).into(),
            Self::SeveralFormats => FORMATS.map(|format| format!("{source}{format}")).into(),
        }
    }

    /// Returns the key of the manifest of a source, if its outputs have one.
    pub(crate) fn manifest(self, source: &str) -> Option<String> {
        match self {
            Self::OneVariant => None,
            Self::SeveralSizes | Self::SeveralFormats => Some(format!("{}{source}.avif.json", self.prefix())),
        }
    }
}

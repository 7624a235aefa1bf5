//! The settings of a test system that decide which outputs a source has. Each test system has two versions of the settings, and
//! changes from one to the other within a history.

/// The outputs of each source with one version of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outputs {
    variants: Variants,
    /// The prefix of the keys of all outputs.
    pub(crate) prefix: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variants {
    /// One variant.
    One,
    /// Two sizes and a crop, which a rule sets, and a manifest.
    SeveralSizes,
    /// One width in three formats, and a manifest. This needs a prefix.
    SeveralFormats,
}

/// The extensions of a variant's key in each format.
const FORMATS: [&str; 3] = [".avif", ".avif.webp", ".avif.jpg"];

impl Outputs {
    /// Returns the outputs with the two versions of the settings in the system with this index.
    pub(crate) fn of_system(index: usize) -> [Self; 2] {
        let (variants, prefix) = [
            ([Variants::One, Variants::SeveralSizes], ""),
            ([Variants::SeveralSizes, Variants::One], ""),
            ([Variants::SeveralFormats, Variants::SeveralSizes], "variants/"),
        ][index % 3];
        variants.map(|variants| Self { variants, prefix })
    }

    pub(crate) fn settings(self) -> Vec<(&'static str, &'static str)> {
        let settings = match self.variants {
            Variants::One => vec![],
            Variants::SeveralSizes => vec![("AVIF_RULES", r#"[{"sizes": "full,4,3x3:cover"}]"#)],
            Variants::SeveralFormats => vec![("AVIF_FORMATS", "avif,webp,jpeg")],
        };
        [("AVIF_OUTPUT_PREFIX", self.prefix), ("AVIF_KEEP_LARGER", "true")].into_iter().chain(settings).collect()
    }

    /// Returns the keys of the variants of a source.
    pub(crate) fn variants(self, source: &str) -> Vec<String> {
        let source = format!("{}{source}", self.prefix);
        match self.variants {
            Variants::One => vec![format!("{source}.avif")],
            Variants::SeveralSizes => ["", ".w4", ".c3x3"].map(|size| format!("{source}{size}.avif")).into(),
            Variants::SeveralFormats => FORMATS.map(|format| format!("{source}{format}")).into(),
        }
    }

    /// Returns the key of the manifest of a source, if its outputs have one.
    pub(crate) fn manifest(self, source: &str) -> Option<String> {
        match self.variants {
            Variants::One => None,
            Variants::SeveralSizes | Variants::SeveralFormats => Some(format!("{}{source}.avif.json", self.prefix)),
        }
    }

    /// Returns the key of an object that has the key of a variant, but that no function created.
    pub(crate) fn foreign_object(self, source: &str) -> String {
        format!("{}{source}.w9.avif", self.prefix)
    }
}

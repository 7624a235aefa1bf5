//! Defines the keys of outputs, and distinguishes outputs from sources by their keys. To change where outputs are
//! stored, change this file.

use model::{Location, Width, Widths};
use serde::Serialize;

use crate::{BucketName, Error};

/// The bucket and key prefix of outputs. By default, outputs have the bucket and the prefix of their source.
///
/// An output's key is the source's complete key and a suffix, so `a.jpg` and `a.png` have different outputs, and a web
/// server finds the variant by appending the suffix to the requested path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// The bucket for outputs; `None` for the bucket of the source.
    pub bucket: Option<BucketName>,
    /// The prefix before the source's key; empty by default.
    pub prefix: String,
}

/// The locations of all outputs of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputLocations {
    /// One location for each width, widest first.
    pub variants: Vec<VariantLocation>,
    /// The manifest, if the source has several variants.
    pub manifest: Option<Location>,
}

/// The location of the variant of one width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantLocation {
    /// The requested width.
    pub requested: Width,
    /// The location.
    pub at: Location,
}

/// The role of an object. The role depends only on the object's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An image to convert.
    Source,
    /// An AVIF or a manifest. It is never converted, regardless of the settings, even if the function did not create
    /// it.
    Output,
    /// A folder of the S3 console: an empty object whose key ends in a slash.
    Folder,
    /// A key that ends in `.w` and a number. If such an object were a source, its output could have the same key as a
    /// variant of another source.
    Reserved,
}

/// The limit of S3 on the length of a key, in bytes (Amazon S3 user guide, "Naming Amazon S3 objects").
const MAX_KEY_BYTES: usize = 1024;
const SUFFIX: &str = ".avif";
const MANIFEST_SUFFIX: &str = ".avif.json";

impl Layout {
    /// Returns the location of the variant of one width.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`] if the key is longer than S3 allows.
    pub fn variant_location(&self, source: &Location, width: Width) -> Result<Location, Error> {
        match width {
            Width::Full => self.append_suffix(source, SUFFIX),
            Width::Pixels(pixels) => self.append_suffix(source, &format!(".w{pixels}{SUFFIX}")),
        }
    }

    /// Returns the locations of all outputs of a source. A source with several variants also has a manifest.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`] if a key is longer than S3 allows.
    pub fn output_locations(&self, source: &Location, widths: &Widths) -> Result<OutputLocations, Error> {
        let variant = |requested| Ok(VariantLocation { requested, at: self.variant_location(source, requested)? });
        let variants = widths.iter().map(variant).collect::<Result<Vec<_>, Error>>()?;
        let manifest = (variants.len() > 1).then(|| self.append_suffix(source, MANIFEST_SUFFIX)).transpose()?;
        Ok(OutputLocations { variants, manifest })
    }

    fn append_suffix(&self, source: &Location, suffix: &str) -> Result<Location, Error> {
        let bucket = self.bucket.as_ref().map_or(source.bucket.as_str(), BucketName::as_str).to_owned();
        let at = Location { bucket, key: format!("{}{}{suffix}", self.prefix, source.key) };
        if at.key.len() > MAX_KEY_BYTES { Err(Error::KeyTooLong { at, limit: MAX_KEY_BYTES }) } else { Ok(at) }
    }
}

impl Role {
    /// Returns the role of an object. The role depends only on the key, so no setting and no stored state can cause a
    /// recursive conversion.
    #[must_use]
    pub fn of(at: &Location) -> Self {
        let key = at.key.as_bytes();
        let ends_in = |suffix: &str| {
            key.len() >= suffix.len() && key[key.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
        };
        if ends_in(SUFFIX) || ends_in(MANIFEST_SUFFIX) {
            return Self::Output;
        }
        if key.is_empty() || key.ends_with(b"/") {
            return Self::Folder;
        }
        let is_reserved = at.key.rsplit_once(".w").is_some_and(|(_, width)| {
            !width.is_empty() && !width.starts_with('0') && width.bytes().all(|byte| byte.is_ascii_digit())
        });
        if is_reserved { Self::Reserved } else { Self::Source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(key: &str) -> Location {
        Location { bucket: "photos".into(), key: key.into() }
    }

    fn layouts() -> impl Strategy<Value = Layout> {
        let bucket = proptest::option::of("[a-z]{3}".prop_map(|name| name.parse().unwrap()));
        (bucket, "[ -~]{0,8}").prop_map(|(bucket, prefix)| Layout { bucket, prefix })
    }

    fn widths() -> impl Strategy<Value = Width> {
        prop_oneof![Just(Width::Full), (1..=Width::MAX).prop_map(|width| width.to_string().parse().unwrap())]
    }

    /// Generates arbitrary text, and text that resembles the keys of outputs.
    fn keys() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[a-b/.w0-9]{0,6}(\\.w[0-9]{0,3})?(\\.(avif|AVIF|jpg))?(\\.json)?"]
    }

    proptest! {
        #[test]
        fn key_of_an_output_never_has_the_role_of_a_source(layout in layouts(), key in keys(), width in widths()) {
            let output = layout.variant_location(&at(&key), width).unwrap();
            prop_assert_eq!(Role::of(&output), Role::Output);
            let manifest = layout.output_locations(&at(&key), &"full,1".parse().unwrap()).unwrap().manifest.unwrap();
            prop_assert_eq!(Role::of(&manifest), Role::Output);
        }

        #[test]
        fn two_sources_never_share_an_output(
            layout in layouts(), a in keys(), b in keys(), width_a in widths(), width_b in widths(),
        ) {
            prop_assume!(Role::of(&at(&a)) == Role::Source && Role::of(&at(&b)) == Role::Source);
            let output_a = layout.variant_location(&at(&a), width_a).unwrap();
            let output_b = layout.variant_location(&at(&b), width_b).unwrap();
            prop_assert_eq!(output_a == output_b, (a, width_a) == (b, width_b));
        }
    }

    #[test]
    fn variant_key_is_the_source_key_and_a_suffix() {
        let layout = Layout::default();
        let width = "640".parse().unwrap();
        assert_eq!(layout.variant_location(&at("写真 1+2%.jpg"), Width::Full).unwrap().key, "写真 1+2%.jpg.avif");
        assert_eq!(layout.variant_location(&at("a/b.png"), width).unwrap().key, "a/b.png.w640.avif");
        let elsewhere = Layout { bucket: "cdn".parse().ok(), prefix: "avif/".into() };
        assert_eq!(
            elsewhere.variant_location(&at("a/b.png"), width).unwrap().to_string(),
            "s3://cdn/avif/a/b.png.w640.avif"
        );
    }

    #[test]
    fn several_variants_get_a_manifest() {
        let outputs =
            |widths: &str| Layout::default().output_locations(&at("a.jpg"), &widths.parse().unwrap()).unwrap();
        assert_eq!(outputs("640").manifest, None);
        assert_eq!(outputs("full,640").manifest, Some(at("a.jpg.avif.json")));
    }

    #[test]
    fn role_depends_on_the_key() {
        assert_eq!(Role::of(&at("a.jpg")), Role::Source);
        assert_eq!(Role::of(&at("no extension")), Role::Source);
        assert_eq!(Role::of(&at("a.jpg.AVIF")), Role::Output);
        assert_eq!(Role::of(&at("a.jpg.avif.json")), Role::Output);
        assert_eq!(Role::of(&at("a.jpg.json")), Role::Source);
        assert_eq!(Role::of(&at("album/")), Role::Folder);
        assert_eq!(Role::of(&at("a.jpg.w640")), Role::Reserved);
        assert_eq!(Role::of(&at("a.jpg.w640x")), Role::Source);
    }

    #[test]
    fn key_over_1024_bytes_is_rejected() {
        let longest = "k".repeat(MAX_KEY_BYTES - SUFFIX.len());
        assert!(Layout::default().variant_location(&at(&longest), Width::Full).is_ok());
        let error = Layout::default().variant_location(&at(&format!("{longest}k")), Width::Full).unwrap_err();
        assert!(matches!(error, Error::KeyTooLong { limit: 1024, .. }));
    }
}

//! Defines the keys of outputs, and distinguishes outputs from sources by their keys. To change where outputs are
//! stored, change this file.

use model::{Location, ManifestMode, OutputFormat, Recipe, Size, VariantId};
use serde::Serialize;

use crate::{BucketName, Error};

/// The bucket and key prefix of outputs, and which sources have a manifest. By default, outputs have the bucket and the prefix of
/// their source.
///
/// An output's key is the source's complete key and a suffix, so `a.jpg` and `a.png` have different outputs, and a web
/// server finds the variant by appending the suffix to the requested path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// The bucket for outputs; `None` for the bucket of the source.
    pub bucket: Option<BucketName>,
    /// The prefix before the source's key; empty by default.
    pub prefix: String,
    /// Which sources have a manifest.
    pub manifest: ManifestMode,
}

/// The locations of all outputs of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputLocations {
    /// One location for each size and format, widest first.
    pub variants: Vec<VariantLocation>,
    /// The manifest, if the source has one.
    pub manifest: Option<Location>,
}

/// The location of one variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantLocation {
    /// The variant.
    pub id: VariantId,
    /// The location.
    pub at: Location,
}

/// The role of an object. The role depends only on the object's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An image to convert.
    Source,
    /// A variant or a manifest. It is never converted, regardless of the settings, even if the function did not create
    /// it.
    Output,
    /// A folder of the S3 console: an empty object whose key ends in a slash.
    Folder,
    /// A key that ends like the key of a variant before its format: in `.w640`, `.s640x360` or `.c256x256`. If such an object
    /// were a source, its output could have the same key as a variant of another source.
    Reserved,
}

/// The limit of S3 on the length of a key, in bytes (Amazon S3 user guide, "Naming Amazon S3 objects").
const MAX_KEY_BYTES: usize = 1024;
const MANIFEST_SUFFIX: &str = ".avif.json";

/// Returns the suffix of the keys of all variants in a format. Each suffix contains `.avif`, so a key alone shows that the
/// object is an output.
fn suffix(format: OutputFormat) -> &'static str {
    match format {
        OutputFormat::Avif => ".avif",
        OutputFormat::Webp => ".avif.webp",
        OutputFormat::Jpeg => ".avif.jpg",
    }
}

impl Layout {
    /// Returns the bucket of the outputs of sources in this bucket.
    #[must_use]
    pub fn output_bucket<'bucket>(&'bucket self, source_bucket: &'bucket str) -> &'bucket str {
        self.bucket.as_ref().map_or(source_bucket, BucketName::as_str)
    }

    /// Returns the location of one variant.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`] if the key is longer than S3 allows.
    pub fn variant_location(&self, source: &Location, id: VariantId) -> Result<Location, Error> {
        let suffix = suffix(id.format);
        match id.size {
            Size::Full => self.append_suffix(source, suffix),
            Size::Width(pixels) => self.append_suffix(source, &format!(".w{pixels}{suffix}")),
            Size::Inside(bounds) => self.append_suffix(source, &format!(".s{bounds}{suffix}")),
            Size::Cover(bounds) => self.append_suffix(source, &format!(".c{bounds}{suffix}")),
        }
    }

    /// Returns the key of the source and the variant from the key of a variant. The source may be any key, and the variant may
    /// be in no recipe. `None` for every other key.
    #[must_use]
    pub fn parse_variant_key<'key>(&self, key: &'key str) -> Option<(&'key str, VariantId)> {
        let key = key.strip_prefix(&self.prefix)?;
        let of_format = |format| Some((key.strip_suffix(suffix(format))?, format));
        let (rest, format) = OutputFormat::ALL.into_iter().find_map(of_format)?;
        let (source, size) = split_size(rest).unwrap_or((rest, "full".into()));
        Some((source, VariantId { size: size.parse().ok()?, format }))
    }

    /// Returns the locations of all outputs of a source.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`] if a key is longer than S3 allows.
    pub fn output_locations(&self, source: &Location, recipe: &Recipe) -> Result<OutputLocations, Error> {
        let variant = |id| Ok(VariantLocation { id, at: self.variant_location(source, id)? });
        let variants = recipe.variants().map(variant).collect::<Result<Vec<_>, Error>>()?;
        let has_manifest = match self.manifest {
            ManifestMode::Several => variants.len() > 1,
            ManifestMode::Always => true,
            ManifestMode::Never => false,
        };
        let manifest = has_manifest.then(|| self.manifest_location(source)).transpose()?;
        Ok(OutputLocations { variants, manifest })
    }

    /// Returns the location of the manifest of a source, whether the settings require one or not.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`] if the key is longer than S3 allows.
    pub(crate) fn manifest_location(&self, source: &Location) -> Result<Location, Error> {
        self.append_suffix(source, MANIFEST_SUFFIX)
    }

    /// Returns the key of the source whose output has this key, or `None` if no source has such an output. The output's bucket is
    /// not considered.
    #[must_use]
    pub fn source_key<'key>(&self, output_key: &'key str) -> Option<&'key str> {
        let of_manifest = || output_key.strip_prefix(&self.prefix)?.strip_suffix(MANIFEST_SUFFIX);
        let key = self.parse_variant_key(output_key).map(|(key, _)| key).or_else(of_manifest)?;
        (Role::of_key(key) == Role::Source).then_some(key)
    }

    fn append_suffix(&self, source: &Location, suffix: &str) -> Result<Location, Error> {
        let bucket = self.output_bucket(&source.bucket).to_owned();
        let at = Location { bucket, key: format!("{}{}{suffix}", self.prefix, source.key) };
        if at.key.len() > MAX_KEY_BYTES { Err(Error::KeyTooLong { at, limit: MAX_KEY_BYTES }) } else { Ok(at) }
    }
}

impl OutputLocations {
    /// Whether an output has this location.
    pub(crate) fn contains(&self, at: &Location) -> bool {
        self.variants.iter().any(|variant| variant.at == *at) || self.manifest.as_ref() == Some(at)
    }
}

impl Role {
    /// Returns the role of an object. The role depends only on the key, so no setting and no stored state can cause a
    /// recursive conversion.
    #[must_use]
    pub fn of(at: &Location) -> Self {
        Self::of_key(&at.key)
    }

    fn of_key(key: &str) -> Self {
        let bytes = key.as_bytes();
        let ends_in = |suffix: &str| {
            bytes.len() >= suffix.len() && bytes[bytes.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
        };
        if OutputFormat::ALL.into_iter().map(suffix).chain([MANIFEST_SUFFIX]).any(ends_in) {
            return Self::Output;
        }
        if key.is_empty() || key.ends_with('/') {
            return Self::Folder;
        }
        if split_size(key).is_some() { Self::Reserved } else { Self::Source }
    }
}

/// Splits a key that ends like the key of a variant before its format into the rest and the text of the size. Returns `None` for any
/// other key.
fn split_size(key: &str) -> Option<(&str, String)> {
    let is_side =
        |text: &str| !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_box = |text: &str| text.split_once('x').is_some_and(|(width, height)| is_side(width) && is_side(height));
    let (rest, last) = key.rsplit_once('.')?;
    let size = match last.split_at_checked(1)? {
        ("w", width) if is_side(width) => width.to_owned(),
        ("s", bounds) if is_box(bounds) => bounds.to_owned(),
        ("c", bounds) if is_box(bounds) => format!("{bounds}:cover"),
        _ => return None,
    };
    Some((rest, size))
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
        (bucket, "[ -~]{0,8}").prop_map(|(bucket, prefix)| Layout { bucket, prefix, ..Layout::default() })
    }

    fn sizes() -> impl Strategy<Value = Size> {
        let side = 1..=Size::MAX_SIDE;
        let text = (side.clone(), side, 0..3).prop_map(|(width, height, form)| match form {
            0 => width.to_string(),
            1 => format!("{width}x{height}"),
            _ => format!("{width}x{height}:cover"),
        });
        prop_oneof![Just(Size::Full), text.prop_map(|text| text.parse().unwrap())]
    }

    fn variants() -> impl Strategy<Value = VariantId> {
        let format = proptest::sample::select(OutputFormat::ALL.to_vec());
        (sizes(), format).prop_map(|(size, format)| VariantId { size, format })
    }

    fn recipe(sizes: &str) -> Recipe {
        Recipe { sizes: sizes.parse().unwrap(), ..Recipe::default() }
    }

    /// Generates arbitrary text, and text that resembles the keys of outputs.
    fn keys() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[a-b/.w0-9]{0,6}(\\.[wsc][0-9]{0,3}(x[0-9]{0,3})?)?(\\.(avif|AVIF))?(\\.(json|webp|jpg|JPG))?"
        ]
    }

    proptest! {
        #[test]
        fn key_of_an_output_never_has_the_role_of_a_source(layout in layouts(), key in keys(), id in variants()) {
            let output = layout.variant_location(&at(&key), id).unwrap();
            prop_assert_eq!(Role::of(&output), Role::Output);
            let manifest = layout.output_locations(&at(&key), &recipe("full,1")).unwrap().manifest.unwrap();
            prop_assert_eq!(Role::of(&manifest), Role::Output);
        }

        #[test]
        fn variant_key_is_parsed_to_its_source_and_variant(layout in layouts(), key in keys(), id in variants()) {
            prop_assume!(Role::of(&at(&key)) == Role::Source);
            let output = layout.variant_location(&at(&key), id).unwrap().key;
            prop_assert_eq!(layout.parse_variant_key(&output), Some((key.as_str(), id)));
        }

        #[test]
        fn parsed_variant_key_is_the_key_of_that_variant(layout in layouts(), key in keys()) {
            let key = format!("{}{key}", layout.prefix);
            if let Some((source, id)) = layout.parse_variant_key(&key) {
                prop_assert_eq!(layout.variant_location(&at(source), id).unwrap().key, key);
            }
        }

        #[test]
        fn two_sources_never_share_an_output(
            layout in layouts(), a in keys(), b in keys(), id_a in variants(), id_b in variants(),
        ) {
            prop_assume!(Role::of(&at(&a)) == Role::Source && Role::of(&at(&b)) == Role::Source);
            let output_a = layout.variant_location(&at(&a), id_a).unwrap();
            let output_b = layout.variant_location(&at(&b), id_b).unwrap();
            prop_assert_eq!(output_a == output_b, (a, id_a) == (b, id_b));
        }

        #[test]
        fn key_of_an_output_shows_its_source(layout in layouts(), key in keys(), id in variants()) {
            prop_assume!(Role::of(&at(&key)) == Role::Source);
            let variant = layout.variant_location(&at(&key), id).unwrap();
            prop_assert_eq!(layout.source_key(&variant.key), Some(key.as_str()));
            let manifest = layout.output_locations(&at(&key), &recipe("full,1")).unwrap().manifest.unwrap();
            prop_assert_eq!(layout.source_key(&manifest.key), Some(key.as_str()));
        }
    }

    #[test]
    fn variant_key_is_the_source_key_and_a_suffix() {
        let layout = Layout::default();
        let key = |source, id: &str| layout.variant_location(&at(source), id.parse().unwrap()).unwrap().key;
        assert_eq!(key("写真 1+2%.jpg", "full"), "写真 1+2%.jpg.avif");
        assert_eq!(key("a/b.png", "640"), "a/b.png.w640.avif");
        assert_eq!(key("a/b.png", "640.webp"), "a/b.png.w640.avif.webp");
        assert_eq!(key("a/b.png", "full.jpeg"), "a/b.png.avif.jpg");
        assert_eq!(key("a/b.png", "640x360"), "a/b.png.s640x360.avif");
        assert_eq!(key("a/b.png", "256x256:cover.webp"), "a/b.png.c256x256.avif.webp");
        let elsewhere = Layout { bucket: "cdn".parse().ok(), prefix: "avif/".into(), ..Layout::default() };
        assert_eq!(
            elsewhere.variant_location(&at("a/b.png"), "640".parse().unwrap()).unwrap().to_string(),
            "s3://cdn/avif/a/b.png.w640.avif"
        );
    }

    #[test]
    fn other_keys_are_not_those_of_an_output_of_a_source() {
        let layout = Layout { prefix: "avif/".into(), ..Layout::default() };
        assert_eq!(layout.source_key("avif/a.jpg.w640.avif.jpg"), Some("a.jpg"));
        for key in [
            "a.jpg.avif",
            "avif/a.jpg",
            "avif/a.jpg.AVIF",
            "avif/.avif",
            "avif/a/.avif",
            "avif/a.jpg.avif.avif",
            "avif/a.jpg.w1.w2.avif",
            "avif/a.jpg.w640.avif.json",
        ] {
            assert_eq!(layout.source_key(key), None, "{key}");
        }
    }

    #[test]
    fn manifest_mode_decides_which_sources_have_a_manifest() {
        let manifest = |widths, manifest| {
            let layout = Layout { manifest, ..Layout::default() };
            layout.output_locations(&at("a.jpg"), &recipe(widths)).unwrap().manifest
        };
        let expected = Some(at("a.jpg.avif.json"));
        assert_eq!(manifest("640", ManifestMode::Several), None);
        assert_eq!(manifest("full,640", ManifestMode::Several), expected);
        assert_eq!(manifest("640", ManifestMode::Always), expected);
        assert_eq!(manifest("full,640", ManifestMode::Never), None);
    }

    #[test]
    fn role_depends_on_the_key() {
        assert_eq!(Role::of(&at("a.jpg")), Role::Source);
        assert_eq!(Role::of(&at("no extension")), Role::Source);
        assert_eq!(Role::of(&at("a.jpg.AVIF")), Role::Output);
        assert_eq!(Role::of(&at("a.jpg.avif.json")), Role::Output);
        assert_eq!(Role::of(&at("a.jpg.avif.webp")), Role::Output);
        assert_eq!(Role::of(&at("a.jpg.avif.JPG")), Role::Output);
        assert_eq!(Role::of(&at("a.jpg.avif.jpeg")), Role::Source);
        assert_eq!(Role::of(&at("a.jpg.json")), Role::Source);
        assert_eq!(Role::of(&at("album/")), Role::Folder);
        assert_eq!(Role::of(&at("a.jpg.w640")), Role::Reserved);
        for key in ["a.jpg.s640x360", "a.c1x1", ".w1"] {
            assert_eq!(Role::of(&at(key)), Role::Reserved, "{key}");
        }
        for key in
            ["a.jpg.w640x", "a.w640x360", "a.s640", "a.c0x1", "a.c1x01", "a.c1x1x1", "a.s1x", "a.jpg.d1x1", "w640"]
        {
            assert_eq!(Role::of(&at(key)), Role::Source, "{key}");
        }
    }

    #[test]
    fn key_over_1024_bytes_is_rejected() {
        let id = "full".parse().unwrap();
        let longest = "k".repeat(MAX_KEY_BYTES - suffix(OutputFormat::Avif).len());
        assert!(Layout::default().variant_location(&at(&longest), id).is_ok());
        let error = Layout::default().variant_location(&at(&format!("{longest}k")), id).unwrap_err();
        assert!(matches!(error, Error::KeyTooLong { limit: 1024, .. }));
    }
}

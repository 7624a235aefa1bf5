//! Where variants go, and how they are told from sources. To change where outputs go, change this file.

use model::{Location, Width, Widths};
use serde::Serialize;

use crate::{BucketName, Error};

/// Where variants go: beside their source by default.
///
/// The name of the source is kept whole and `.avif` is put after it, so that `a.jpg` and `a.png` never meet, and a web
/// server can find the variant by appending to the path it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// The bucket for variants; the source's own where none is named.
    pub bucket: Option<BucketName>,
    /// Put before the source's key; empty by default.
    pub prefix: String,
}

/// Where the outputs of one source belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// One place for each width, in the recipe's order.
    pub variants: Vec<Location>,
    /// The place of the manifest, which lists the variants.
    pub manifest: Option<Location>,
}

/// What an object is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Something to convert.
    Source,
    /// An AVIF, ours or one that needs no converting, or a manifest. Never an input, whatever the settings.
    Output,
    /// A folder as the console makes them: nothing in it.
    Folder,
    /// A name that ends as a variant's name does before `.avif`. As a source it would claim another source's variant.
    Reserved,
}

/// S3's limit on a key (Amazon S3 user guide, "Naming Amazon S3 objects").
const LONGEST_KEY: usize = 1024;
const SUFFIX: &str = ".avif";
const MANIFEST_SUFFIX: &str = ".avif.json";

impl Layout {
    /// Where the variant of that width belongs.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`] where S3 could not hold the key.
    pub fn place(&self, source: &Location, width: Width) -> Result<Location, Error> {
        match width {
            Width::Full => self.beside(source, SUFFIX),
            Width::Pixels(pixels) => self.beside(source, &format!(".w{pixels}{SUFFIX}")),
        }
    }

    /// Where all of a source's outputs belong. There is a manifest where there are several variants.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`] where S3 could not hold one of the keys.
    pub fn outputs(&self, source: &Location, widths: &Widths) -> Result<Outputs, Error> {
        let variants = widths.iter().map(|width| self.place(source, width)).collect::<Result<Vec<_>, _>>()?;
        let manifest = (variants.len() > 1).then(|| self.beside(source, MANIFEST_SUFFIX)).transpose()?;
        Ok(Outputs { variants, manifest })
    }

    fn beside(&self, source: &Location, suffix: &str) -> Result<Location, Error> {
        let bucket = self.bucket.as_ref().map_or(source.bucket.as_str(), BucketName::as_str).to_owned();
        let at = Location { bucket, key: format!("{}{}{suffix}", self.prefix, source.key) };
        if at.key.len() > LONGEST_KEY { Err(Error::KeyTooLong { at, limit: LONGEST_KEY }) } else { Ok(at) }
    }
}

impl Role {
    /// Tells by the key alone, so that no setting and no stored state can make a loop.
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
        let reserved = at.key.rsplit_once(".w").is_some_and(|(_, width)| {
            !width.is_empty() && !width.starts_with('0') && width.bytes().all(|byte| byte.is_ascii_digit())
        });
        if reserved { Self::Reserved } else { Self::Source }
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

    /// Any text, and text that looks much like our own names.
    fn keys() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[a-b/.w0-9]{0,6}(\\.w[0-9]{0,3})?(\\.(avif|AVIF|jpg))?(\\.json)?"]
    }

    proptest! {
        #[test]
        fn no_output_is_ever_an_input(layout in layouts(), key in keys(), width in widths()) {
            let output = layout.place(&at(&key), width).unwrap();
            prop_assert_eq!(Role::of(&output), Role::Output);
            let manifest = layout.outputs(&at(&key), &"full,1".parse().unwrap()).unwrap().manifest.unwrap();
            prop_assert_eq!(Role::of(&manifest), Role::Output);
        }

        #[test]
        fn two_sources_never_share_an_output(
            layout in layouts(), a in keys(), b in keys(), width_a in widths(), width_b in widths(),
        ) {
            prop_assume!(Role::of(&at(&a)) == Role::Source && Role::of(&at(&b)) == Role::Source);
            let (place_a, place_b) = (layout.place(&at(&a), width_a).unwrap(), layout.place(&at(&b), width_b).unwrap());
            prop_assert_eq!(place_a == place_b, (a, width_a) == (b, width_b));
        }
    }

    #[test]
    fn variants_lie_beside_their_source() {
        let layout = Layout::default();
        let width = "640".parse().unwrap();
        assert_eq!(layout.place(&at("写真 1+2%.jpg"), Width::Full).unwrap().key, "写真 1+2%.jpg.avif");
        assert_eq!(layout.place(&at("a/b.png"), width).unwrap().key, "a/b.png.w640.avif");
        let elsewhere = Layout { bucket: "cdn".parse().ok(), prefix: "avif/".into() };
        assert_eq!(elsewhere.place(&at("a/b.png"), width).unwrap().to_string(), "s3://cdn/avif/a/b.png.w640.avif");
    }

    #[test]
    fn several_variants_have_a_manifest() {
        let outputs = |widths: &str| Layout::default().outputs(&at("a.jpg"), &widths.parse().unwrap()).unwrap();
        assert_eq!(outputs("640").manifest, None);
        assert_eq!(outputs("full,640").manifest, Some(at("a.jpg.avif.json")));
    }

    #[test]
    fn roles_are_told_by_the_key() {
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
    fn a_key_that_s3_could_not_hold_is_refused() {
        let longest = "k".repeat(LONGEST_KEY - SUFFIX.len());
        assert!(Layout::default().place(&at(&longest), Width::Full).is_ok());
        let error = Layout::default().place(&at(&format!("{longest}k")), Width::Full).unwrap_err();
        assert!(matches!(error, Error::KeyTooLong { limit: 1024, .. }));
    }
}

//! Reads a manifest from a file or from standard input.

use std::path::Path;

use anyhow::{Context, bail};
use model::Manifest;
use serde::Deserialize;

use crate::inputs;

/// 20 times the size of a manifest with three formats and 100 widths, with keys of the maximum length.
const MAX_BYTES: u64 = 16 << 20;

const NOT_A_MANIFEST: &str = "not a manifest; expected the JSON file that the function writes beside the variants, with a name that ends in .avif.json";

/// The only field that every version of a manifest has in the same form. Version 1 does not have it.
#[derive(Deserialize)]
struct Version {
    manifest_version: Option<u32>,
}

/// Reads a manifest. `-` is standard input.
pub(super) fn read(path: &Path) -> anyhow::Result<Manifest> {
    let bytes = if path == Path::new("-") {
        inputs::read_stream(std::io::stdin().lock(), MAX_BYTES)?
    } else {
        inputs::read(path, MAX_BYTES)?
    };
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> anyhow::Result<Manifest> {
    let Version { manifest_version } = serde_json::from_slice(bytes).context(NOT_A_MANIFEST)?;
    if let Some(version) = manifest_version.filter(|version| *version > Manifest::VERSION) {
        bail!(
            "the manifest has version {version}, and this program reads versions up to {}; install the release of \
             avif-lambda that wrote the manifest",
            Manifest::VERSION
        );
    }
    serde_json::from_slice(bytes).context(NOT_A_MANIFEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        format!("{:#}", parse(text.as_bytes()).unwrap_err())
    }

    #[test]
    fn other_files_are_reported_with_the_reason() {
        assert!(error("\u{89}PNG").starts_with(NOT_A_MANIFEST));
        assert!(error("{}").ends_with("missing field `source` at line 1 column 2"), "{}", error("{}"));
        assert!(error("[]").starts_with(NOT_A_MANIFEST));
        assert!(error(r#"{"manifest_version": "2"}"#).starts_with(NOT_A_MANIFEST));
    }

    #[test]
    fn newer_version_is_reported_with_a_fix_although_its_fields_are_unknown() {
        let expected = "the manifest has version 3, and this program reads versions up to 2; install the release of \
                        avif-lambda that wrote the manifest";
        assert_eq!(error(r#"{"manifest_version": 3, "sources": []}"#), expected);
    }
}

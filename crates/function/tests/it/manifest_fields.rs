//! Checks that stored manifests are what readers of manifests parse.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use model::Manifest;
use serde_json::Value;

/// Parses a stored manifest. Fails if a field is missing, has another type, or is unknown. Saves the manifest as a file:
/// after the tests, `make test` validates these files with `docs/manifest.schema.json`.
pub(crate) fn parse_manifest(bytes: &[u8]) -> Value {
    let manifest: Manifest = serde_json::from_slice(bytes).unwrap();
    assert_eq!(manifest.manifest_version, Manifest::VERSION);
    assert_eq!(serde_json::to_string(&manifest).unwrap(), String::from_utf8_lossy(bytes));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("manifests");
    fs::create_dir_all(&folder).unwrap();
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    fs::write(folder.join(format!("{:x}.json", hasher.finish())), bytes).unwrap();
    serde_json::from_slice(bytes).unwrap()
}

//! Checks that stored manifests are what readers of manifests parse.

use model::Manifest;
use serde_json::Value;

/// Parses a stored manifest. Fails if a field is missing, has another type, or is unknown.
pub(crate) fn parse_manifest(bytes: &[u8]) -> Value {
    let manifest: Manifest = serde_json::from_slice(bytes).unwrap();
    assert_eq!(manifest.manifest_version, Manifest::VERSION);
    assert_eq!(serde_json::to_string(&manifest).unwrap(), String::from_utf8_lossy(bytes));
    serde_json::from_slice(bytes).unwrap()
}

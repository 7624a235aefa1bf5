"""Validates the manifests that the Rust tests saved (crates/function/tests/it/manifest_fields.rs) with docs/manifest.schema.json."""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator
from terraform import ROOT


def main(folder: Path):
    schema = Draft202012Validator(json.loads((ROOT / "docs/manifest.schema.json").read_text()))
    files = sorted(folder.glob("*.json"))
    if not files:
        sys.exit(f"{folder} contains no manifest, so the tests did not save theirs")
    errors = [
        f"{file}: {error.json_path}: {error.message}" for file in files for error in schema.iter_errors(json.loads(file.read_bytes()))
    ]
    if errors:
        sys.exit("\n".join(errors))
    print(f"{len(files)} manifests of the Rust tests match docs/manifest.schema.json")


main(Path(sys.argv[1]))

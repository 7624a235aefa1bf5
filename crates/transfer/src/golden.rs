//! Golden tests of the stored formats: fingerprints, keys, metadata, manifests and catalog items. If a test in this
//! file fails, the next release would not recognize the outputs of earlier releases. Change the code, not the expected
//! text.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;

use model::{
    Limits, Location, Manifest, ManifestSource, ManifestVariant, Metadata, OutputFormat, Placeholder, Recipe, Size,
    SourceInfo,
};
use serde_json::json;

use crate::catalog::{MANIFEST_ATTRIBUTE, SOURCE_ATTRIBUTE};
use crate::provenance::{Provenance, QualitySearch};
use crate::{KeyPattern, Layout, Plan, Rule, RuleEffect, StorageOptions};

fn plan(recipe: Recipe, storage: StorageOptions) -> Plan {
    Plan {
        recipe,
        rules: vec![],
        limits: Limits::default(),
        layout: Layout::default(),
        storage,
        follow_deletions: true,
        threads: NonZeroUsize::MIN,
        processors: 1.0,
    }
}

fn source() -> Location {
    Location { bucket: "photos".into(), key: "写真/a b+1.jpg".into() }
}

#[test]
fn unchanged_settings_keep_their_fingerprint() {
    let recipe = Recipe {
        sizes: "full,640".parse().unwrap(),
        quality: "61".parse().unwrap(),
        speed: "4".parse().unwrap(),
        metadata: Metadata::Keep,
        ..Recipe::default()
    };
    let storage = StorageOptions {
        cache_control: Some("no-store".into()),
        keep_larger: true,
        copy_tags: true,
        drop_headers: true,
        storage_class: "STANDARD_IA".parse().ok(),
        kms_key: Some("alias/photos".into()),
    };
    let crops = Recipe { sizes: "full,640x360,256x256:cover".parse().unwrap(), ..Recipe::default() };
    let target = Recipe { quality: "visual:80.5".parse().unwrap(), ..Recipe::default() };
    let plans = [
        plan(Recipe::default(), StorageOptions::default()),
        plan(recipe.clone(), StorageOptions::default()),
        plan(recipe, storage),
        plan(target, StorageOptions::default()),
        plan(crops, StorageOptions::default()),
    ];
    assert_eq!(
        plans.map(|plan| plan.fingerprint()),
        ["7d489fad24e24e78", "cbf04158c161c6ae", "47a056ad45ab6e36", "4fc2435db224ae9c", "14d880c2c00ae0e7"]
    );
}

#[test]
fn unchanged_rules_keep_their_fingerprint() {
    // The state of a backfill contains this fingerprint.
    let rule = |prefix: &str, effect| Rule {
        name: String::new(),
        keys: KeyPattern { prefix: prefix.into(), suffix: ".jpg".into() },
        effect,
    };
    let recipe = Recipe { quality: "61".parse().unwrap(), ..Recipe::default() };
    let plan_of_rule = plan(recipe, StorageOptions::default());
    let rules = vec![rule("a/", RuleEffect::Skip), rule("写真/", RuleEffect::Convert(Box::new(plan_of_rule)))];
    let plan = Plan { rules, ..plan(Recipe::default(), StorageOptions::default()) };
    assert_eq!(plan.fingerprint_with_rules(), "c15b7e3fa41c676b");
}

#[test]
fn outputs_keep_their_keys() {
    let layout = Layout { bucket: "cdn".parse().ok(), prefix: "avif/".into(), ..Layout::default() };
    let recipe = Recipe { sizes: "full,640".parse().unwrap(), ..Recipe::default() };
    let outputs = layout.output_locations(&source(), &recipe).unwrap();
    let variants = outputs.variants.iter().map(|variant| &variant.at);
    let locations: Vec<String> = variants.chain(&outputs.manifest).map(Location::to_string).collect();
    let expected = ["写真/a b+1.jpg.avif", "写真/a b+1.jpg.w640.avif", "写真/a b+1.jpg.avif.json"]
        .map(|key| format!("s3://cdn/avif/{key}"));
    assert_eq!(locations, expected);
    let boxes =
        ["640x360", "256x256:cover"].map(|id| layout.variant_location(&source(), id.parse().unwrap()).unwrap().key);
    assert_eq!(boxes, ["avif/写真/a b+1.jpg.s640x360.avif", "avif/写真/a b+1.jpg.c256x256.avif"]);
}

#[test]
fn metadata_keeps_its_names_and_values() {
    let provenance = Provenance {
        source_etag: Some("0a".into()),
        source_version: Some("v1".into()),
        focal_point: "0.5,0.25".parse().ok(),
        sequencer: "0055AED6DCD90281E5".parse().ok(),
        event_etag: Some("0b".into()),
        fingerprint: "0123456789abcdef".into(),
        omitted: vec!["full".parse().unwrap(), "640".parse().unwrap()],
        quality_search: QualitySearch::CutShort,
        sha256: "ff".into(),
    };
    let tool = concat!("avif-lambda/", env!("CARGO_PKG_VERSION"));
    let stored = [
        ("avif-source-etag", "0a"),
        ("avif-source-version", "v1"),
        ("avif-focus", "0.5,0.25"),
        ("avif-source-sequencer", "0055AED6DCD90281E5"),
        ("avif-event-etag", "0b"),
        ("avif-recipe", "0123456789abcdef"),
        ("avif-tool", tool),
        ("avif-left-out", "full,640"),
        ("avif-search", "cut-short"),
        ("avif-sha256", "ff"),
    ];
    let stored: HashMap<String, String> =
        stored.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(BTreeMap::from_iter(provenance.to_metadata()), BTreeMap::from_iter(stored.clone()));
    assert_eq!(Provenance::from_metadata(&stored), Some(provenance));
    let minimal = HashMap::from([("avif-recipe".to_owned(), "1".to_owned())]);
    let provenance = Provenance::from_metadata(&minimal).unwrap();
    assert!(provenance.quality_search == QualitySearch::Full && provenance.omitted.is_empty());
}

#[test]
fn manifest_and_catalog_item_keep_their_fields() {
    let info = SourceInfo { format: "jpeg".into(), width: 4, height: 3, bytes: 20, frames: 1 };
    let mut manifest = Manifest {
        manifest_version: Manifest::VERSION,
        tool: None,
        source: ManifestSource {
            at: source(),
            etag: "0a".into(),
            version: Some("v1".into()),
            info,
            alpha: None,
            animated: false,
        },
        fingerprint: "0123456789abcdef".into(),
        placeholder: None,
        variants: vec![ManifestVariant {
            at: Location { bucket: "cdn".into(), key: "a.avif".into() },
            requested: Size::Full,
            format: OutputFormat::Avif,
            width: 4,
            height: 3,
            crop: None,
            media_type: "image/avif".into(),
            bytes: 9,
            score: None,
            sha256: "ff".into(),
            etag: "0c".into(),
        }],
    };
    let version_1 = json!({
        "source": {
            "bucket": "photos", "key": "写真/a b+1.jpg", "etag": "0a", "version": "v1",
            "format": "jpeg", "width": 4, "height": 3, "bytes": 20, "frames": 1
        },
        "recipe": "0123456789abcdef",
        "variants": [{
            "bucket": "cdn", "key": "a.avif", "asked": "full", "width": 4, "height": 3, "type": "image/avif",
            "bytes": 9, "sha256": "ff", "etag": "0c"
        }]
    });
    // Version 2 only adds fields.
    let mut expected = version_1.clone();
    expected["manifest_version"] = json!(2);
    expected["source"]["animated"] = json!(false);
    expected["variants"][0]["format"] = json!("avif");
    assert_eq!(serde_json::to_value(&manifest).unwrap(), expected);
    let read: Manifest = serde_json::from_value(version_1).unwrap();
    assert_eq!(read, Manifest { manifest_version: 1, ..manifest.clone() });

    manifest.tool = Some("avif-lambda/1.2.3".into());
    manifest.source.alpha = Some(true);
    manifest.placeholder =
        Some(Placeholder { thumbhash: "1QcSHQRnh493V4dIh4eXh1h4kJUI".into(), color: "#0a80ff".into() });
    manifest.variants[0].score = Some(75.25);
    expected["tool"] = json!("avif-lambda/1.2.3");
    expected["source"]["alpha"] = json!(true);
    expected["placeholder"] = json!({ "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI", "color": "#0a80ff" });
    expected["variants"][0]["score"] = json!(75.25);
    assert_eq!(serde_json::to_value(&manifest).unwrap(), expected);
    assert_eq!((SOURCE_ATTRIBUTE, MANIFEST_ATTRIBUTE), ("source", "manifest"));
}

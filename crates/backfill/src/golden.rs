//! A new release can continue a backfill of an earlier release, so the files and the field names of the state must not
//! change. If a test in this file fails, change the code, not the expected text.

use std::fs;

use serde_json::json;
use tempfile::tempdir;

use crate::batch_operations::JobRequest;
use crate::{Counts, Cursor, JobSettings, Origin, Selection, State};

fn selection() -> Selection {
    let inventory = Some(("lists".to_owned(), "2026/manifest.json".to_owned()));
    let origin = Origin { bucket: "photos".into(), prefix: "a/".into(), inventory };
    Selection {
        origin,
        suffixes: vec![".jpg".into()],
        skip_converted: true,
        fingerprint: "0123456789abcdef".into(),
        outputs: "cdn/avif/full".into(),
    }
}

fn settings() -> JobSettings {
    JobSettings {
        account: "123456789012".into(),
        function: "arn:aws:lambda:us-east-1:123456789012:function:avif:live".into(),
        role: "arn:aws:iam::123456789012:role/r".into(),
        bucket: "work".into(),
        prefix: "backfill/".into(),
    }
}

#[test]
fn state_file_and_its_fields_keep_their_names() {
    let folder = tempdir().unwrap();
    let mut state = State::open(folder.path(), &selection()).unwrap();
    let counts =
        Counts { listed: 7, not_sources: 1, too_large: 2, converted: 1, archived: 1, to_convert: 2, bytes: 300 };
    state.open_manifest().unwrap().write("photos", "写真/a b+1.jpg").unwrap();
    state.save_page(counts, Cursor::Row(2, 40), 47).unwrap();
    state.save_sent(47, 1).unwrap();
    let request = JobRequest { token: "t".into(), settings: settings(), manifest_etag: "\"e\"".into() };
    state.save_request(request).unwrap();
    state.save_job("job-1".into()).unwrap();
    let expected = json!({
        "task": {
            "origin": { "bucket": "photos", "prefix": "a/", "inventory": ["lists", "2026/manifest.json"] },
            "suffixes": [".jpg"], "look": true, "recipe": "0123456789abcdef", "outputs": "cdn/avif/full"
        },
        "counts": {
            "listed": 7, "no_source": 1, "too_large": 2, "stored": 1, "archived": 1, "to_do": 2, "bytes": 300
        },
        "cursor": { "row": [2, 40] },
        "manifest": 47,
        "sent": [47, 1],
        "job": "job-1",
        "job_request": {
            "token": "t",
            "order": {
                "account": "123456789012",
                "function": "arn:aws:lambda:us-east-1:123456789012:function:avif:live",
                "role": "arn:aws:iam::123456789012:role/r",
                "bucket": "work", "prefix": "backfill/"
            },
            "manifest_etag": "\"e\""
        }
    });
    let text = fs::read(folder.path().join("ledger.json")).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&text).unwrap(), expected);
    let manifest = fs::read_to_string(folder.path().join("manifest.csv")).unwrap();
    assert_eq!(manifest, "photos,%E5%86%99%E7%9C%9F/a%20b%2B1.jpg\n");
}

#[test]
fn state_of_the_first_release_is_read() {
    let folder = tempdir().unwrap();
    for (cursor, is_listed) in [(json!("start"), false), (json!({ "after": "a/b.jpg" }), false), (json!("end"), true)] {
        let content = json!({
            "task": selection(),
            "counts": { "listed": 3, "no_source": 1, "too_large": 0, "stored": 0, "to_do": 2, "bytes": 9 },
            "cursor": cursor, "manifest": 0, "sent": [0, 0], "job": "job-0"
        });
        fs::write(folder.path().join("ledger.json"), content.to_string()).unwrap();
        let state = State::open(folder.path(), &selection()).unwrap();
        assert_eq!((state.is_listed(), state.job_of(&settings())), (is_listed, Some("job-0")));
        assert_eq!((state.counts().listed, state.counts().archived), (3, 0));
    }
}

#[test]
fn output_location_in_the_selection_keeps_its_format() {
    let plan = plan();
    let origin = Origin { bucket: "photos".into(), prefix: String::new(), inventory: None };
    let selection = Selection::new(origin, vec![".JPG".into()], false, &plan);
    assert_eq!((selection.outputs.as_str(), selection.suffixes), ("cdn/avif/full,640", vec![".jpg".to_owned()]));
    assert_eq!(selection.fingerprint, plan.fingerprint());
}

fn plan() -> transfer::Plan {
    transfer::Plan {
        recipe: model::Recipe { sizes: "640,full".parse().unwrap(), ..model::Recipe::default() },
        rules: vec![],
        limits: model::Limits::default(),
        layout: transfer::Layout { bucket: "cdn".parse().ok(), prefix: "avif/".into(), ..transfer::Layout::default() },
        storage: transfer::StorageOptions::default(),
        follow_deletions: true,
        threads: std::num::NonZeroUsize::MIN,
        processors: 1.0,
    }
}

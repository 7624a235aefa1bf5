//! A backfill that an earlier version began goes on with a later one: its state keeps its files, names and meaning. Change the
//! code, not the expected text.

use std::fs;

use serde_json::json;
use tempfile::tempdir;

use crate::batch::JobRequest;
use crate::{Counts, Cursor, Ledger, Order, Origin, Task};

fn task() -> Task {
    let inventory = Some(("lists".to_owned(), "2026/manifest.json".to_owned()));
    let origin = Origin { bucket: "photos".into(), prefix: "a/".into(), inventory };
    Task {
        origin,
        suffixes: vec![".jpg".into()],
        look: true,
        recipe: "0123456789abcdef".into(),
        outputs: "cdn/avif/full".into(),
    }
}

fn order() -> Order {
    Order {
        account: "123456789012".into(),
        function: "arn:aws:lambda:us-east-1:123456789012:function:avif:live".into(),
        role: "arn:aws:iam::123456789012:role/r".into(),
        bucket: "work".into(),
        prefix: "backfill/".into(),
    }
}

#[test]
fn state_keeps_its_file_and_fields() {
    let folder = tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path(), &task()).unwrap();
    let counts = Counts { listed: 7, no_source: 1, too_large: 2, stored: 1, archived: 1, to_do: 2, bytes: 300 };
    ledger.open_manifest().unwrap().write("photos", "写真/a b+1.jpg").unwrap();
    ledger.page(counts, Cursor::Row(2, 40), 47).unwrap();
    ledger.send(47, 1).unwrap();
    let request = JobRequest { token: "t".into(), order: order(), manifest_etag: "\"e\"".into() };
    ledger.request_job(request).unwrap();
    ledger.create("job-1".into()).unwrap();
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
fn state_of_the_first_version_is_read() {
    let folder = tempdir().unwrap();
    for (cursor, is_listed) in [(json!("start"), false), (json!({ "after": "a/b.jpg" }), false), (json!("end"), true)] {
        let state = json!({
            "task": task(),
            "counts": { "listed": 3, "no_source": 1, "too_large": 0, "stored": 0, "to_do": 2, "bytes": 9 },
            "cursor": cursor, "manifest": 0, "sent": [0, 0], "job": "job-0"
        });
        fs::write(folder.path().join("ledger.json"), state.to_string()).unwrap();
        let ledger = Ledger::open(folder.path(), &task()).unwrap();
        assert_eq!((ledger.is_listed(), ledger.job_of(&order())), (is_listed, Some("job-0")));
        assert_eq!((ledger.counts().listed, ledger.counts().archived), (3, 0));
    }
}

#[test]
fn task_keeps_its_description_of_outputs() {
    let plan = settings_plan();
    let origin = Origin { bucket: "photos".into(), prefix: String::new(), inventory: None };
    let task = Task::new(origin, vec![".JPG".into()], false, &plan);
    assert_eq!((task.outputs.as_str(), task.suffixes), ("cdn/avif/full,640", vec![".jpg".to_owned()]));
    assert_eq!(task.recipe, plan.fingerprint());
}

fn settings_plan() -> transfer::Plan {
    transfer::Plan {
        recipe: model::Recipe { widths: "640,full".parse().unwrap(), ..model::Recipe::default() },
        limits: model::Limits::default(),
        layout: transfer::Layout { bucket: "cdn".parse().ok(), prefix: "avif/".into() },
        storage: transfer::StorageOptions::default(),
        follow_deletions: true,
        threads: std::num::NonZeroUsize::MIN,
        processors: 1.0,
    }
}

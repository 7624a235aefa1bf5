//! Tests `avif backfill --prune`: which outputs it deletes, and which ones it keeps.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::Client;
use emulator::{S3, SECRET_KEY};
use settings::Settings;
use tempfile::TempDir;

use super::{put, run, s3s, start};

const SETTINGS: [(&str, &str); 2] = [
    ("AVIF_OUTPUT_PREFIX", "small/"),
    ("AVIF_RULES", r#"[{"prefix": "avatars/", "sizes": "50x50:cover"}, {"prefix": "private/", "skip": true}]"#),
];

/// The sources. The one of `new.jpg` is not converted with these settings yet.
const SOURCES: [&str; 4] = ["a.jpg", "avatars/a.jpg", "new.jpg", "private/a.jpg"];
const OBSOLETE: [&str; 6] = [
    "small/a.jpg.avif.json",
    "small/a.jpg.w640.avif",
    "small/a.jpg.w640.avif.webp",
    "small/avatars/a.jpg.avif",
    "small/private/a.jpg.avif",
    "small/private/a.jpg.avif.json",
];
/// Outputs of the function that are kept: their source is not converted yet or does not exist.
const KEPT: [&str; 3] = ["small/deleted.jpg.w640.avif", "small/new.jpg.avif", "small/new.jpg.w640.avif"];
/// Objects that the function did not create, or that do not have the key of an output.
const FOREIGN: [&str; 3] = ["small/a.jpg.w320.avif", "small/a.jpg.w640.AVIF", "a.jpg.w640.avif"];

/// Uploads the sources and the outputs. Only the outputs of two sources are up to date.
async fn fill(s3: &Client) {
    let plan = Settings::parse(&SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap().plan;
    let transfer::RuleEffect::Convert(avatars) = &plan.rules[0].effect else { panic!("{:?}", plan.rules) };
    let mut etags = BTreeMap::new();
    for key in SOURCES {
        etags.insert(key, put(s3, key, &[]).await);
    }
    for (key, source, plan) in
        [("small/a.jpg.avif", "a.jpg", &plan), ("small/avatars/a.jpg.c50x50.avif", "avatars/a.jpg", avatars)]
    {
        put(s3, key, &[("avif-recipe", &plan.fingerprint()), ("avif-source-etag", &etags[source])]).await;
    }
    for key in OBSOLETE.into_iter().chain(KEPT) {
        put(s3, key, &[("avif-recipe", "earlier"), ("avif-source-etag", "earlier")]).await;
    }
    for key in FOREIGN {
        put(s3, key, &[]).await;
    }
}

async fn setup() -> (S3, TempDir) {
    let s3s::Setup { server, folder } = s3s::setup().await;
    fill(&server.client(SECRET_KEY)).await;
    server.record_calls();
    (server, folder)
}

fn arguments(more: &[&'static str]) -> Vec<String> {
    let settings = SETTINGS.iter().flat_map(|(name, value)| ["-e".to_owned(), format!("{name}={value}")]);
    ["s3://photos", "--prune"].into_iter().chain(more.iter().copied()).map(str::to_owned).chain(settings).collect()
}

async fn prune((server, folder): &(S3, TempDir), more: &[&'static str]) -> String {
    let arguments = arguments(more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(folder.path(), &server.environment(), &arguments).await
}

async fn list_keys(server: &S3) -> BTreeSet<String> {
    let list = server.client(SECRET_KEY).list_objects_v2().bucket("photos").send().await.unwrap();
    list.contents.unwrap().into_iter().map(|object| object.key.unwrap()).collect()
}

const KEPT_LINES: &str = "\
Kept, because their source is not converted with these settings yet: 1. Run a backfill first.
Kept, because they have no source and could not be made again: 1. Delete them yourself if nothing uses them.
Kept, because avif-lambda did not create them: 1.
";

#[tokio::test]
async fn dry_run_lists_the_obsolete_outputs_and_deletes_nothing() {
    let setup = setup().await;
    let before = list_keys(&setup.0).await;
    drop(setup.0.take_calls());
    let output = prune(&setup, &["--dry-run"]).await;
    let listed: BTreeSet<_> = output.lines().filter_map(|line| line.strip_prefix("s3://photos/")).collect();
    assert_eq!(listed, OBSOLETE.into());
    assert!(output.contains("Objects: 13. Obsolete outputs: 6 (145 B), 6 would be deleted.\n"), "{output}");
    assert!(output.ends_with(KEPT_LINES), "{output}");
    assert!(setup.0.take_calls().iter().all(|call| ["HeadObject", "ListObjectsV2"].contains(&call.operation)));
    assert_eq!(list_keys(&setup.0).await, before);
    assert!(!setup.1.path().join("avif-backfill").exists(), "a prune has no state directory");
}

#[tokio::test]
async fn exactly_the_obsolete_outputs_are_deleted() {
    let setup = setup().await;
    let before = list_keys(&setup.0).await;
    drop(setup.0.take_calls());
    let output = prune(&setup, &[]).await;
    assert!(output.contains(", 6 deleted.\n") && output.ends_with(KEPT_LINES), "{output}");
    let kept: BTreeSet<String> = before.into_iter().filter(|key| !OBSOLETE.contains(&key.as_str())).collect();
    assert_eq!(list_keys(&setup.0).await, kept);
    let calls = setup.0.take_calls();
    let changed: Vec<_> = calls.iter().filter(|call| call.operation == "DeleteObject").map(|call| &call.key).collect();
    // The manifest of the skipped source is deleted before the variants that it lists.
    assert_eq!(changed.len(), OBSOLETE.len());
    assert!(changed[..2].iter().all(|key| key.ends_with(".json")), "{changed:?}");

    let output = prune(&setup, &[]).await;
    assert!(output.contains(" 0 (0 B), 0 deleted.\n"), "{output}");
}

#[tokio::test]
async fn prefix_limits_the_sources() {
    let setup = setup().await;
    let mut arguments = arguments(&["--dry-run"]);
    "s3://photos/avatars/".clone_into(&mut arguments[0]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = run(setup.1.path(), &setup.0.environment(), &arguments).await;
    assert_eq!(output.lines().next(), Some("s3://photos/small/avatars/a.jpg.avif"));
    assert!(output.contains("Objects: 2. Obsolete outputs: 1 "), "{output}");
}

#[tokio::test]
async fn prune_cannot_be_combined_with_a_conversion() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["s3://photos", "--prune", "--queue", "https://sqs.example/queue"];
    let output = start(folder.path(), &BTreeMap::new(), &arguments).wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(crate::text(&output.stderr).contains("cannot be used with"));
}

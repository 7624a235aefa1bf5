//! Tests `avif backfill --prune`: which outputs it deletes, and which ones it keeps.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::Client;
use emulator::{Faults, InjectedResponse, S3, SECRET_KEY};
use settings::Settings;
use tempfile::TempDir;
use transfer::{Rule, RuleEffect};

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
const KEPT: [&str; 4] =
    ["small/deleted.jpg.w640.avif", "small/new.jpg.avif", "small/new.jpg.w640.avif", "small/private/deleted.jpg.avif"];
/// Objects that the function did not create, or that do not have the key of an output.
const FOREIGN: [&str; 3] = ["small/a.jpg.w320.avif", "small/a.jpg.w640.AVIF", "a.jpg.w640.avif"];

/// Uploads the sources and the outputs. Only the outputs of two sources are up to date.
async fn fill(s3: &Client) {
    let plan = Settings::parse(&SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap().plan;
    let converts = |rule: &Rule| match &rule.effect {
        RuleEffect::Convert(plan) => Some(plan.clone()),
        RuleEffect::Skip => None,
    };
    let avatars = &plan.rules.iter().find_map(converts).unwrap();
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
1 kept: their source is not converted with these settings. Run a backfill first.
2 kept: they have no source and could not be made again. If nothing uses them, delete them yourself.
1 kept: avif-lambda did not create them.
";

#[tokio::test]
async fn dry_run_lists_the_obsolete_outputs_and_deletes_nothing() {
    let setup = setup().await;
    let before = list_keys(&setup.0).await;
    drop(setup.0.take_calls());
    let output = prune(&setup, &["--dry-run"]).await;
    let listed: BTreeSet<_> = output.lines().filter_map(|line| line.strip_prefix("s3://photos/")).collect();
    assert_eq!(listed, OBSOLETE.into());
    assert!(output.contains("14 objects, 6 obsolete outputs (145 B), which would be deleted.\n"), "{output}");
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
    assert!(output.contains("14 objects, 6 obsolete outputs (145 B).\n") && output.ends_with(KEPT_LINES), "{output}");
    let kept: BTreeSet<String> = before.into_iter().filter(|key| !OBSOLETE.contains(&key.as_str())).collect();
    assert_eq!(list_keys(&setup.0).await, kept);
    let calls = setup.0.take_calls();
    let changed: Vec<_> = calls.iter().filter(|call| call.operation == "DeleteObject").map(|call| &call.key).collect();
    // A manifest is deleted before the variants that it lists.
    for (manifest, variant) in [(OBSOLETE[0], OBSOLETE[1]), (OBSOLETE[0], OBSOLETE[2]), (OBSOLETE[5], OBSOLETE[4])] {
        let position = |key| changed.iter().position(|changed| *changed == key).unwrap();
        assert!(position(manifest) < position(variant), "{changed:?}");
    }

    let output = prune(&setup, &[]).await;
    assert!(output.contains("8 objects, 0 obsolete outputs (0 B).\n"), "{output}");
}

/// The permission to look up one obsolete output is missing, and another one cannot be deleted.
#[tokio::test]
async fn other_outputs_are_deleted_although_some_fail() {
    let setup = setup().await;
    let faults = Faults::none();
    let (endpoint, _) = setup.0.open_endpoint(faults.clone()).await.unwrap();
    faults.inject(vec![
        InjectedResponse::access_denied("HeadObject", OBSOLETE[1]),
        InjectedResponse::access_denied("DeleteObject", OBSOLETE[3]),
    ]);
    let arguments = arguments(&[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let command = start(setup.1.path(), &setup.0.environment_for(&endpoint), &arguments);
    let output = command.wait_with_output().await.unwrap();
    let (printed, errors) = (crate::text(&output.stdout), crate::text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{printed}\n{errors}");
    assert!(printed.contains("2 could not be checked or deleted. The reasons are above.\n"), "{printed}");
    for key in [OBSOLETE[1], OBSOLETE[3]] {
        assert!(errors.lines().any(|line| line.contains(&format!("s3://photos/{key}: "))), "{errors}");
    }
    let keys = list_keys(&setup.0).await;
    let left: Vec<_> = OBSOLETE.into_iter().filter(|key| keys.contains(*key)).collect();
    assert_eq!(left, [OBSOLETE[1], OBSOLETE[3]]);
}

#[tokio::test]
async fn outputs_in_another_bucket_are_pruned() {
    let (server, folder) = setup().await;
    let s3 = server.client(SECRET_KEY);
    for key in ["a.jpg.w640.avif", "deleted.jpg.w640.avif"] {
        let object = s3.put_object().bucket("inventory").key(key).metadata("avif-recipe", "earlier");
        object.send().await.unwrap();
    }
    let skip = r#"AVIF_RULES=[{"prefix": "", "skip": true}]"#;
    let arguments = ["s3://photos", "--prune", "-e", "AVIF_OUTPUT_BUCKET=inventory", "-e", skip];
    let output = run(folder.path(), &server.environment(), &arguments).await;
    assert!(output.starts_with("s3://inventory/a.jpg.w640.avif\n2 objects, 1 obsolete outputs"), "{output}");
    let left = s3.list_objects_v2().bucket("inventory").send().await.unwrap().contents.unwrap();
    assert_eq!(left.iter().filter_map(|object| object.key()).collect::<Vec<_>>(), ["deleted.jpg.w640.avif"]);
}

#[tokio::test]
async fn prefix_limits_the_sources() {
    let setup = setup().await;
    let mut arguments = arguments(&["--dry-run"]);
    "s3://photos/avatars/".clone_into(&mut arguments[0]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = run(setup.1.path(), &setup.0.environment(), &arguments).await;
    assert_eq!(output.lines().next(), Some("s3://photos/small/avatars/a.jpg.avif"));
    assert!(output.contains("2 objects, 1 obsolete outputs ("), "{output}");
}

#[tokio::test]
async fn prune_cannot_be_combined_with_a_conversion() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["s3://photos", "--prune", "--queue", "https://sqs.example/queue"];
    let output = start(folder.path(), &BTreeMap::new(), &arguments).wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(crate::text(&output.stderr).contains("cannot be used with"));
}

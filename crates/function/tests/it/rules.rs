//! Rules for some of the keys.

use std::collections::BTreeMap;

use image::ImageFormat;
use model::{Outcome, Report};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use crate::bootstrap::function;
use crate::deployment::{Deployment, image};

const RULES: &str = r#"[
    {"prefix": "avatars/", "sizes": "50x50:cover", "quality": 40},
    {"prefix": "private/", "skip": true}
]"#;
const KEYS: [&str; 3] = ["a.png", "avatars/a.png", "private/a.png"];

/// Uploads the sources.
async fn deploy(rules: &str) -> Deployment {
    let settings = [("AVIF_RULES", rules), ("AVIF_KEEP_LARGER", "true")];
    let mut deployment = Deployment::without_events(&settings).await;
    for key in KEYS {
        deployment.put_source(key, &image(ImageFormat::Png, 120, 80)).await;
    }
    deployment
}

/// Invokes a function with these rules for each source. Returns the rules and the outcomes in the reports.
async fn convert(deployment: &Deployment, rules: &str) -> Vec<(Option<String>, Outcome)> {
    let mut environment = deployment.environment.clone();
    environment.insert("AVIF_RULES".into(), rules.into());
    let lambda = emulator::Lambda::new(function(environment), unbounded_channel().0);
    let mut reports = vec![];
    for key in KEYS {
        let response = lambda.invoke(json!({"bucket": "photos", "key": key})).await.result.unwrap();
        let report: Report = serde_json::from_value(response).unwrap();
        reports.push((report.rule, report.outcome));
    }
    reports
}

/// Returns the keys of all objects, with their sizes and the time at which each was written.
async fn objects(deployment: &Deployment) -> BTreeMap<String, String> {
    let list = deployment.s3.list_objects_v2().bucket("photos").send().await.unwrap().contents.unwrap_or_default();
    let object = |object: aws_sdk_s3::types::Object| {
        (object.key.unwrap(), format!("{:?} {:?}", object.size, object.last_modified.unwrap()))
    };
    list.into_iter().map(object).collect()
}

/// Returns the requests that changed an object since the last call.
fn changes(deployment: &Deployment) -> Vec<String> {
    let calls = deployment.server.take_calls().into_iter();
    let changes = calls.filter(|call| !["GetObject", "HeadObject", "ListObjectsV2"].contains(&call.operation));
    changes.map(|call| format!("{} {}", call.operation, call.key)).collect()
}

fn skip_reason(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Skipped { reason } => reason,
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn rule_decides_the_variants_of_its_keys() {
    let deployment = deploy(RULES).await;
    let reports = convert(&deployment, RULES).await;
    let rules: Vec<_> = reports.iter().map(|(rule, _)| rule.as_deref()).collect();
    assert_eq!(rules, [None, Some("AVIF_RULES[0]"), Some("AVIF_RULES[1]")]);
    assert_eq!(skip_reason(&reports[2].1), "a rule of AVIF_RULES skips it");
    let outputs: Vec<_> = objects(&deployment).await.into_keys().filter(|key| !KEYS.contains(&key.as_str())).collect();
    assert_eq!(outputs, ["a.png.avif", "avatars/a.png.c50x50.avif"]);
}

#[tokio::test]
async fn changed_rule_converts_its_sources_again_and_changes_no_other_object() {
    let deployment = deploy(RULES).await;
    convert(&deployment, RULES).await;
    let before = objects(&deployment).await;
    deployment.server.record_calls();
    let reports = convert(&deployment, RULES).await;
    assert_eq!(skip_reason(&reports[1].1), "its variants are stored already");
    assert_eq!(objects(&deployment).await, before);
    assert_eq!(changes(&deployment), [""; 0]);

    let reports = convert(&deployment, &RULES.replace("40", "90")).await;
    assert_eq!(skip_reason(&reports[0].1), "its variants are stored already");
    assert!(matches!(reports[1].1, Outcome::Converted { .. }), "{:?}", reports[1].1);
    assert_eq!(changes(&deployment), ["PutObject avatars/a.png.c50x50.avif"]);
    let mut after = objects(&deployment).await;
    let changed = "avatars/a.png.c50x50.avif";
    assert_ne!(after[changed], before[changed]);
    after.insert(changed.into(), before[changed].clone());
    assert_eq!(after, before);

    // A rule with the settings of the function changes nothing, and a new rule does not delete variants.
    let reports = convert(&deployment, r#"[{"prefix": "avatars/", "skip": true}, {"suffix": ".PNG"}]"#).await;
    assert_eq!(reports[0].0.as_deref(), Some("AVIF_RULES[1]"));
    assert_eq!(skip_reason(&reports[0].1), "its variants are stored already");
    assert!(objects(&deployment).await.contains_key(changed));
}

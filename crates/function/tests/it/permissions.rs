//! Compares the policies in docs/iam.md with the requests of the function, and compares the sections of
//! docs/operations.md with the outcomes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use emulator::Call;
use image::ImageFormat;
use model::Outcome;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::deployment::{Deployment, image};
use crate::event_order::event;

/// Pairs of an IAM action and a resource. The resource is an ARN or a pattern that matches ARNs.
type Permissions = BTreeSet<(String, String)>;

/// Reads the permissions of the first policy under this heading. The local S3 server ignores IAM conditions, so
/// `deploy/tests/test_policy.py` checks the conditions.
fn read_policy(heading: &str) -> Permissions {
    let page = std::fs::read_to_string("../../docs/iam.md").unwrap();
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, policy) = section.split_once("```json").unwrap();
    let policy: Value = serde_json::from_str(policy.split_once("```").unwrap().0).unwrap();
    let texts = |value: &Value| match value {
        Value::Array(values) => values.iter().map(|text| text.as_str().unwrap().to_owned()).collect(),
        value => vec![value.as_str().unwrap().to_owned()],
    };
    let mut permissions = Permissions::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        for resource in texts(&statement["Resource"]) {
            permissions.extend(texts(&statement["Action"]).into_iter().map(|action| (action, resource.clone())));
        }
    }
    permissions
}

/// Replaces the output bucket in a policy with the source bucket, because outputs are in the source bucket by default.
fn with_one_bucket(permissions: Permissions) -> Permissions {
    permissions.into_iter().map(|(action, pattern)| (action, pattern.replace("OUTPUTS", "SOURCES"))).collect()
}

/// Returns the permissions that a request needs (Amazon S3 user guide, "Required permissions for Amazon S3 API
/// operations").
fn required_permissions(call: &Call) -> Vec<(String, String)> {
    let bucket = match call.bucket.as_str() {
        "photos" => "arn:aws:s3:::SOURCES",
        "cdn" => "arn:aws:s3:::OUTPUTS",
        other => panic!("{other}"),
    };
    let mut actions = match call.operation {
        "GetObject" | "HeadObject" => vec!["s3:GetObject"],
        "PutObject" => vec!["s3:PutObject"],
        "DeleteObject" => vec!["s3:DeleteObject"],
        "GetObjectTagging" => vec!["s3:GetObjectTagging"],
        "ListObjectsV2" => return vec![("s3:ListBucket".to_owned(), bucket.to_owned())],
        other => panic!("{other} should be in a policy"),
    };
    if call.has_tags {
        actions.push("s3:PutObjectTagging");
    }
    let object = format!("{bucket}/{}", call.key);
    let mut required: Vec<_> = actions.into_iter().map(|action| (action.to_owned(), object.clone())).collect();
    if call.error.as_deref() == Some("NoSuchKey") {
        required.push(("s3:ListBucket".to_owned(), bucket.to_owned()));
    }
    required
}

/// Whether an ARN matches the pattern of a statement. In a pattern, `*` matches any number of characters, and `?`
/// matches one character (IAM user guide, "IAM JSON policy elements: Resource").
fn matches_pattern(pattern: &[u8], arn: &[u8]) -> bool {
    match (pattern.split_first(), arn.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => matches_pattern(rest, arn),
        (Some((b'*', rest)), Some((_, shorter))) => matches_pattern(rest, arn) || matches_pattern(pattern, shorter),
        (Some((expected, pattern)), Some((byte, arn))) => {
            (*expected == b'?' || expected == byte) && matches_pattern(pattern, arn)
        }
        _ => false,
    }
}

/// Returns the permissions that these requests use.
///
/// # Errors
/// Returns the missing permissions if the requests need permissions that the policy does not contain.
fn used_permissions(permissions: &Permissions, calls: &[Call]) -> Result<Permissions, Permissions> {
    let (mut used, mut missing) = (Permissions::new(), Permissions::new());
    for (action, arn) in calls.iter().flat_map(required_permissions) {
        let allows = |(allowed, pattern): &&(String, String)| {
            *allowed == action && matches_pattern(pattern.as_bytes(), arn.as_bytes())
        };
        let allowing: Vec<_> = permissions.iter().filter(allows).cloned().collect();
        if allowing.is_empty() {
            missing.insert((action, arn));
        }
        used.extend(allowing);
    }
    if missing.is_empty() { Ok(used) } else { Err(missing) }
}

/// Records the function's requests for a source that is created, replaced and deleted, and for a source that does not
/// exist.
async fn record_calls(settings: &[(&str, &str)]) -> Vec<Call> {
    let settings = [settings, &[("AVIF_SIZES", "full,50")]].concat();
    let deployment = Deployment::without_events(&settings).await;
    deployment.server.record_calls();
    let mut calls = vec![];
    for (width, sequencer) in [(90, "01"), (120, "02")] {
        let put = deployment.s3.put_object().bucket("photos").key("a.png").tagging("album=1");
        let put = put.body(image(ImageFormat::Png, width, 60).into()).send().await.unwrap();
        let etag = put.e_tag.unwrap().trim_matches('"').to_owned();
        let _ = deployment.server.take_calls();
        assert_eq!(deployment.send_event(event("a.png", Some(&etag), sequencer)).await.0, "converted");
        calls.extend(deployment.server.take_calls());
    }
    deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let _ = deployment.server.take_calls();
    assert_eq!(deployment.send_event(event("a.png", None, "03")).await.0, "deleted");
    assert_eq!(deployment.send_event(event("gone.png", Some("etag"), "04")).await.0, "skipped");
    // The function lists the outputs to check that this source has no outputs.
    assert_eq!(deployment.send_event(event("gone.png", None, "05")).await.0, "skipped");
    calls.extend(deployment.server.take_calls());
    calls
}

const OTHER_OUTPUT_BUCKET: (&str, &str) = ("AVIF_OUTPUT_BUCKET", "cdn");

#[tokio::test]
async fn policy_in_the_docs_allows_exactly_the_requests_of_the_function() {
    let policy = read_policy("Always");
    assert_eq!(used_permissions(&policy, &record_calls(&[OTHER_OUTPUT_BUCKET]).await), Ok(policy));
}

#[tokio::test]
async fn policy_in_the_docs_allows_exactly_the_requests_if_outputs_are_in_the_source_bucket() {
    let policy = with_one_bucket(read_policy("Always"));
    assert_eq!(used_permissions(&policy, &record_calls(&[]).await), Ok(policy));
}

#[tokio::test]
async fn policy_in_the_docs_allows_exactly_the_requests_if_tags_are_copied() {
    let mut policy = &read_policy("Always") | &read_policy("AVIF_COPY_TAGS");
    // For a version of an object, S3 requires this action instead of s3:GetObjectTagging. The bucket of this test has
    // no versions.
    assert!(policy.remove(&("s3:GetObjectVersionTagging".to_owned(), "arn:aws:s3:::SOURCES/*".to_owned())));
    assert_eq!(
        used_permissions(&policy, &record_calls(&[OTHER_OUTPUT_BUCKET, ("AVIF_COPY_TAGS", "true")]).await),
        Ok(policy)
    );
}

#[tokio::test]
async fn policy_in_the_docs_allows_exactly_the_requests_for_other_formats() {
    let policy = &read_policy("Always") | &read_policy("AVIF_COPY_TAGS");
    let mut policy = &policy | &read_policy("AVIF_FORMATS");
    assert!(policy.remove(&("s3:GetObjectVersionTagging".to_owned(), "arn:aws:s3:::SOURCES/*".to_owned())));
    let settings = [
        OTHER_OUTPUT_BUCKET,
        ("AVIF_COPY_TAGS", "true"),
        ("AVIF_FORMATS", "avif,webp,jpeg"),
        ("AVIF_KEEP_LARGER", "true"),
    ];
    assert_eq!(used_permissions(&policy, &record_calls(&settings).await), Ok(policy));
}

/// Serving uses the permissions of the jobs. A presigned URL needs no other permission, because the function signs requests that it
/// could send itself.
#[tokio::test]
async fn policy_in_the_docs_allows_the_requests_of_serving() {
    let deployment = crate::http::deploy(&[]).await;
    let policy = &read_policy("Always") | &read_policy("AVIF_FORMATS");
    let mut calls = vec![];
    for target in ["/photos/a.png", "/photos/a.png", "/photos/a.png.w60.avif.webp", "/photos/gone.png"] {
        deployment.get(target, &[("accept", "image/avif")]).await;
        calls.extend(deployment.server.take_calls());
    }
    deployment.get("/photos/a.png", &[("accept", "image/png")]).await;
    calls.extend(deployment.server.take_calls());
    let used = used_permissions(&policy, &calls).unwrap();
    let actions: BTreeSet<&str> = used.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["s3:GetObject", "s3:ListBucket", "s3:PutObject"].into(), "{used:?}");
}

/// Even if the outputs are in the source bucket, the role can neither overwrite nor delete a source.
#[test]
fn policy_in_the_docs_allows_writes_of_output_keys_only() {
    let policy = &read_policy("Always") | &read_policy("AVIF_COPY_TAGS");
    let policy = with_one_bucket(&policy | &read_policy("AVIF_FORMATS"));
    let call = |operation, key: &str| Call {
        operation,
        bucket: "photos".to_owned(),
        key: key.to_owned(),
        metadata: HashMap::new(),
        etag: None,
        has_tags: operation == "PutObject",
        error: None,
    };
    for operation in ["PutObject", "DeleteObject"] {
        for output in ["a.png.avif", "a.png.avif.json", "a/b.png.w640.avif", "a.png.avif.webp", "a.png.w640.avif.jpg"] {
            assert!(used_permissions(&policy, &[call(operation, output)]).is_ok(), "{operation} {output}");
        }
        for source in ["a.png", "a.avif.png", "a.json", "avif", "a.png.avif.json.bak", "a.webp", "a.jpg"] {
            let call = call(operation, source);
            let missing = required_permissions(&call).into_iter().collect();
            assert_eq!(used_permissions(&policy, std::slice::from_ref(&call)), Err(missing));
        }
    }
}

#[test]
fn resource_patterns_match_as_in_iam() {
    for (pattern, arn, expected) in [
        ("b/*", "b/", true),
        ("b/*", "b", false),
        ("b/*.avif", "b/a/c.avif", true),
        ("b/*.avif", "b/a.avif.json", false),
        ("b/*.avif", "b/.avif.avif", true),
        ("b/?.avif", "b/a.avif", true),
        ("b/?.avif", "b/.avif", false),
        ("b", "bc", false),
    ] {
        assert_eq!(matches_pattern(pattern.as_bytes(), arn.as_bytes()), expected, "{pattern} {arn}");
    }
}

/// A DynamoDB endpoint with a table of at most one item. The endpoint also records the IAM actions of all requests.
#[derive(Clone, Default)]
struct DynamoDbStub(Arc<Mutex<(Option<Value>, BTreeSet<String>)>>);

async fn respond_to_operation(
    State(DynamoDbStub(table)): State<DynamoDbStub>,
    headers: HeaderMap,
    body: String,
) -> String {
    let (item, actions) = &mut *table.lock().unwrap();
    let operation = headers["x-amz-target"].to_str().unwrap().split_once('.').unwrap().1.to_owned();
    let request: BTreeMap<String, Value> = serde_json::from_str(&body).unwrap();
    match operation.as_str() {
        "PutItem" => *item = Some(request["Item"].clone()),
        "DeleteItem" => *item = None,
        _ => {}
    }
    actions.insert(format!("dynamodb:{operation}"));
    item.as_ref().map_or(json!({}), |item| json!({ "Item": item })).to_string()
}

#[tokio::test]
async fn policy_in_the_docs_allows_exactly_the_requests_if_a_catalog_is_configured() {
    let table = DynamoDbStub::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().fallback(post(respond_to_operation)).with_state(table.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let settings =
        [OTHER_OUTPUT_BUCKET, ("AVIF_CATALOG_TABLE", "images"), ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.as_str())];
    let policy = read_policy("Always");
    assert_eq!(used_permissions(&policy, &record_calls(&settings).await), Ok(policy));
    let actions: BTreeSet<String> = read_policy("AVIF_CATALOG_TABLE").into_iter().map(|(action, _)| action).collect();
    assert_eq!(table.0.lock().unwrap().1, actions);
}

#[test]
fn every_outcome_has_a_section_in_the_docs() {
    let page = std::fs::read_to_string("../../docs/operations.md").unwrap();
    let documented: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    // The error message of serde for an unknown outcome lists the known outcomes.
    let error = serde_json::from_value::<Outcome>(json!({ "outcome": "" })).unwrap_err().to_string();
    let outcomes: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    assert_eq!(documented, outcomes, "{error}");
}

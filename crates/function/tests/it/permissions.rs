//! The policies in docs/iam.md, held to the calls that are really made, and the runbook to what there is to look up in it.

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

/// Actions, each with a pattern of the resources that it is allowed on, or with the resource that it was done on.
type Permissions = BTreeSet<(String, String)>;

/// What the first policy under that heading allows. The server on loopback knows no conditions: `deploy/tests/test_policy.py`
/// checks these.
fn documented(heading: &str) -> Permissions {
    let page = std::fs::read_to_string("../../docs/iam.md").unwrap();
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, policy) = section.split_once("```json").unwrap();
    let policy: Value = serde_json::from_str(policy.split_once("```").unwrap().0).unwrap();
    let texts = |value: &Value| match value {
        Value::Array(all) => all.iter().map(|text| text.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
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

/// The same policy for variants in the bucket of the sources, which is the default.
fn in_one_bucket(permissions: Permissions) -> Permissions {
    permissions.into_iter().map(|(action, pattern)| (action, pattern.replace("OUTPUTS", "SOURCES"))).collect()
}

/// What a call needs (Amazon S3 user guide, "Required permissions for Amazon S3 API operations").
fn needed(call: &Call) -> Vec<(String, String)> {
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
        other => panic!("{other} is in no policy"),
    };
    if call.tagged {
        actions.push("s3:PutObjectTagging");
    }
    let object = format!("{bucket}/{}", call.key);
    let mut needed: Vec<_> = actions.into_iter().map(|action| (action.to_owned(), object.clone())).collect();
    if call.error.as_deref() == Some("NoSuchKey") {
        needed.push(("s3:ListBucket".to_owned(), bucket.to_owned()));
    }
    needed
}

/// Whether an ARN matches the pattern of a statement, in which `*` stands for any characters and `?` for one (IAM user
/// guide, "IAM JSON policy elements: Resource").
fn matches(pattern: &[u8], arn: &[u8]) -> bool {
    match (pattern.split_first(), arn.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => matches(rest, arn),
        (Some((b'*', rest)), Some((_, shorter))) => matches(rest, arn) || matches(pattern, shorter),
        (Some((expected, pattern)), Some((byte, arn))) => {
            (*expected == b'?' || expected == byte) && matches(pattern, arn)
        }
        _ => false,
    }
}

/// The permissions that these calls used.
///
/// # Errors
/// What the calls needed and no permission allows.
fn used(permissions: &Permissions, calls: &[Call]) -> Result<Permissions, Permissions> {
    let (mut used, mut denied) = (Permissions::new(), Permissions::new());
    for (action, arn) in calls.iter().flat_map(needed) {
        let allows =
            |(allowed, pattern): &&(String, String)| *allowed == action && matches(pattern.as_bytes(), arn.as_bytes());
        let allowing: Vec<_> = permissions.iter().filter(allows).cloned().collect();
        if allowing.is_empty() {
            denied.insert((action, arn));
        }
        used.extend(allowing);
    }
    if denied.is_empty() { Ok(used) } else { Err(denied) }
}

/// The calls in an image's whole life: it is put, put again, deleted, and asked for when it is gone.
async fn live(settings: &[(&str, &str)]) -> Vec<Call> {
    let settings = [settings, &[("AVIF_WIDTHS", "full,50")]].concat();
    let house = Deployment::untold(&settings).await;
    house.server.record_calls();
    let mut calls = vec![];
    for (width, sequencer) in [(90, "01"), (120, "02")] {
        let put = house.s3.put_object().bucket("photos").key("a.png").tagging("album=1");
        let put = put.body(image(ImageFormat::Png, width, 60).into()).send().await.unwrap();
        let etag = put.e_tag.unwrap().trim_matches('"').to_owned();
        let _ = house.server.take_calls();
        assert_eq!(house.tell(event("a.png", Some(&etag), sequencer)).await.0, "converted");
        calls.extend(house.server.take_calls());
    }
    house.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    let _ = house.server.take_calls();
    assert_eq!(house.tell(event("a.png", None, "03")).await.0, "deleted");
    assert_eq!(house.tell(event("gone.png", Some("etag"), "04")).await.0, "skipped");
    // Nothing was made of it, which is to be seen by a listing.
    assert_eq!(house.tell(event("gone.png", None, "05")).await.0, "skipped");
    calls.extend(house.server.take_calls());
    calls
}

const ELSEWHERE: (&str, &str) = ("AVIF_OUTPUT_BUCKET", "cdn");

#[tokio::test]
async fn the_docs_have_the_policy_that_the_function_needs_and_no_more() {
    let documented = documented("Always");
    assert_eq!(used(&documented, &live(&[ELSEWHERE]).await), Ok(documented));
}

#[tokio::test]
async fn the_docs_have_the_policy_for_outputs_beside_their_sources() {
    let documented = in_one_bucket(documented("Always"));
    assert_eq!(used(&documented, &live(&[]).await), Ok(documented));
}

#[tokio::test]
async fn the_docs_have_the_policy_for_tags() {
    let mut documented = &documented("Always") | &documented("AVIF_COPY_TAGS");
    // What the first action is called for an object with a version.
    assert!(documented.remove(&("s3:GetObjectVersionTagging".to_owned(), "arn:aws:s3:::SOURCES/*".to_owned())));
    assert_eq!(used(&documented, &live(&[ELSEWHERE, ("AVIF_COPY_TAGS", "true")]).await), Ok(documented));
}

/// Even in the bucket of the outputs, the role can neither overwrite nor delete a source.
#[test]
fn the_docs_allow_writes_of_outputs_only() {
    let documented = in_one_bucket(&documented("Always") | &documented("AVIF_COPY_TAGS"));
    let call = |operation, key: &str| Call {
        operation,
        bucket: "photos".to_owned(),
        key: key.to_owned(),
        metadata: HashMap::new(),
        etag: None,
        tagged: operation == "PutObject",
        error: None,
    };
    for operation in ["PutObject", "DeleteObject"] {
        for output in ["a.png.avif", "a.png.avif.json", "a/b.png.w640.avif"] {
            assert!(used(&documented, &[call(operation, output)]).is_ok(), "{operation} {output}");
        }
        for source in ["a.png", "a.avif.png", "a.json", "avif", "a.png.avif.json.bak"] {
            let outside = call(operation, source);
            assert_eq!(used(&documented, std::slice::from_ref(&outside)), Err(needed(&outside).into_iter().collect()));
        }
    }
}

#[test]
fn patterns_match_as_in_iam() {
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
        assert_eq!(matches(pattern.as_bytes(), arn.as_bytes()), expected, "{pattern} {arn}");
    }
}

/// A table of one item, and the operations that it was asked for.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<(Option<Value>, BTreeSet<String>)>>);

async fn operate(State(Table(table)): State<Table>, headers: HeaderMap, body: String) -> String {
    let (item, asked) = &mut *table.lock().unwrap();
    let operation = headers["x-amz-target"].to_str().unwrap().split_once('.').unwrap().1.to_owned();
    let request: BTreeMap<String, Value> = serde_json::from_str(&body).unwrap();
    match operation.as_str() {
        "PutItem" => *item = Some(request["Item"].clone()),
        "DeleteItem" => *item = None,
        _ => {}
    }
    asked.insert(format!("dynamodb:{operation}"));
    item.as_ref().map_or(json!({}), |item| json!({ "Item": item })).to_string()
}

#[tokio::test]
async fn the_docs_have_the_policy_for_a_catalogue() {
    let table = Table::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().fallback(post(operate)).with_state(table.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let settings = [ELSEWHERE, ("AVIF_CATALOG_TABLE", "images"), ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.as_str())];
    let policy = documented("Always");
    assert_eq!(used(&policy, &live(&settings).await), Ok(policy));
    let actions: BTreeSet<String> = documented("AVIF_CATALOG_TABLE").into_iter().map(|(action, _)| action).collect();
    assert_eq!(table.0.lock().unwrap().1, actions);
}

#[test]
fn the_docs_have_a_runbook_for_every_outcome() {
    let page = std::fs::read_to_string("../../docs/operations.md").unwrap();
    let documented: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    // Serde names what is unknown to it together with what is known.
    let error = serde_json::from_value::<Outcome>(json!({ "outcome": "" })).unwrap_err().to_string();
    let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    assert_eq!(documented, known, "{error}");
}

//! The reasons of jobs that failed: each names the operation, the object, the HTTP status and the code, and where a
//! permission is missing, the action.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use emulator::{Faults, Rates, Refusal};
use futures_util::future::join_all;
use image::ImageFormat;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::deployment::{Deployment, image};
use crate::event_order::event;

/// What S3 answers (Amazon S3 API reference, "Error responses").
const ANSWERS: [(u16, &str); 9] = [
    (301, "PermanentRedirect"),
    (400, "ExpiredToken"),
    (400, "AuthorizationHeaderMalformed"),
    (403, "AccessDenied"),
    (403, "RequestTimeTooSkewed"),
    (403, "InvalidAccessKeyId"),
    (404, "NoSuchBucket"),
    (500, "InternalError"),
    (503, "SlowDown"),
];

/// One operation that fails: the refusal's key, what the event is, the object that the reason names, and the action.
struct Case {
    operation: &'static str,
    key: &'static str,
    is_removal: bool,
    begin: &'static str,
    action: &'static str,
}

const CASES: [Case; 6] = [
    Case {
        operation: "GetObject",
        key: "a.png",
        is_removal: false,
        begin: "cannot read s3://photos/a.png: GetObject",
        action: "s3:GetObject",
    },
    Case {
        operation: "HeadObject",
        key: "a.png.avif",
        is_removal: false,
        begin: "cannot look up s3://photos/a.png.avif: HeadObject",
        action: "s3:ListBucket",
    },
    Case {
        operation: "PutObject",
        key: "a.png.avif",
        is_removal: false,
        begin: "cannot write s3://photos/a.png.avif: PutObject",
        action: "s3:PutObject",
    },
    Case {
        operation: "DeleteObject",
        key: "a.png.avif",
        is_removal: true,
        begin: "cannot delete s3://photos/a.png.avif: DeleteObject",
        action: "s3:DeleteObject",
    },
    Case {
        operation: "GetObjectTagging",
        key: "a.png",
        is_removal: false,
        begin: "cannot read the tags of s3://photos/a.png: GetObjectTagging",
        action: "s3:GetObjectTagging",
    },
    Case {
        operation: "ListObjectsV2",
        key: "",
        is_removal: false,
        begin: "s3://photos/a.png: ",
        action: "s3:ListBucket",
    },
];

/// Every answer to that operation.
async fn reasons(case: &Case) {
    let mut house = Deployment::untold(&[("AVIF_COPY_TAGS", "true")]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let created = event("a.png", Some(&etag), "01");
    if case.is_removal {
        assert_eq!(house.tell(created.clone()).await.0, "converted");
        house.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    }
    let event = if case.is_removal { event("a.png", None, "02") } else { created };
    for (status, code) in ANSWERS {
        let is_head = case.operation == "HeadObject";
        if is_head && status == 404 {
            // Nobody can tell a missing bucket from a missing object by it.
            continue;
        }
        let mut refusals = vec![Refusal::new(case.operation, case.key, status, code)];
        if case.operation == "ListObjectsV2" {
            // It is asked only where a read says too little.
            refusals.push(Refusal::denied("GetObject", "a.png"));
        }
        if is_head {
            refusals.push(Refusal::denied("ListObjectsV2", ""));
            refusals.push(Refusal::new("PutObject", "a.png.avif", 412, "PreconditionFailed"));
        }
        let (outcome, why) = house.invoke_with_refusals(refusals, event.clone()).await;
        let what = format!("{} {status} {code}: {why}", case.operation);
        assert_eq!(outcome, "failed", "{what}");
        assert!(why.contains(case.begin) && why.contains(&status.to_string()), "{what}");
        assert!(is_head || why.contains(code), "{what}");
        assert!(code != "AccessDenied" || why.contains(case.action), "{what}");
        assert!(!why.contains("unhandled") && !why.contains("service error") && !why.contains('\n'), "{what}");
    }
}

#[tokio::test]
async fn reason_names_operation_object_status_code_and_missing_permission() {
    join_all(CASES.iter().map(reasons)).await;
}

/// A table whose one operation is refused.
#[derive(Clone)]
struct Table(Arc<Mutex<String>>);

async fn operate(State(Table(refused)): State<Table>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let operation = headers["x-amz-target"].to_str().unwrap().split_once('.').unwrap().1.to_owned();
    if *refused.lock().unwrap() == operation {
        let error = json!({"__type": "com.amazon.coral.service#AccessDeniedException", "Message": "denied"});
        return (StatusCode::BAD_REQUEST, error.to_string());
    }
    let _: Value = serde_json::from_str(&body).unwrap();
    // An item of ours, so that it is to be deleted, too.
    let item =
        json!({"Item": {"source": {"S": "s3://photos/a.png"}, "avif-recipe": {"S": "0"}, "avif-sha256": {"S": "0"}}});
    (StatusCode::OK, item.to_string())
}

#[tokio::test]
async fn reason_names_the_catalogs_operation_table_and_action() {
    let refused = Arc::new(Mutex::new(String::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().fallback(post(operate)).with_state(Table(refused.clone()));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let settings = [("AVIF_CATALOG_TABLE", "images"), ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.as_str())];
    let mut house = Deployment::untold(&settings).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    for operation in ["GetItem", "DeleteItem", "PutItem"] {
        *refused.lock().unwrap() = operation.to_owned();
        let (outcome, why) = house.tell(event("a.png", Some(&etag), "01")).await;
        let named = [operation, "s3://photos/a.png", "images", "400", "AccessDeniedException"];
        assert!(outcome == "failed" && named.iter().all(|name| why.contains(name)), "{operation}: {outcome}: {why}");
        assert!(why.contains(&format!("dynamodb:{operation}")), "{operation}: {why}");
    }
}

#[tokio::test]
async fn reason_says_that_a_checksum_does_not_match() {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let faults = Faults::new(7, Rates { corrupt: 1000, ..Rates::default() });
    let (door, _) = house.server.door(faults).await.unwrap();
    let (outcome, why) = house.invoke_through(&door, event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "failed" && why.contains("cannot read s3://photos/a.png: GetObject"), "{outcome}: {why}");
    assert!(why.to_lowercase().contains("checksum"), "{why}");
}

#[tokio::test]
async fn reason_says_that_nobody_listens() {
    let mut house = Deployment::untold(&[]).await;
    let etag = house.lay("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let (door, _) = house.server.door(Faults::none()).await.unwrap();
    let endpoint = door.endpoint();
    drop(door);
    let (outcome, why) = house.invoke_at(&endpoint, event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "failed" && why.contains("HeadObject") && why.contains("connect"), "{outcome}: {why}");
}

//! Tests the reasons of failed jobs. Each reason contains the operation, the object, the HTTP status and the error
//! code. If a permission is missing, the reason also contains the IAM action.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use emulator::{FaultRates, Faults, InjectedResponse};
use futures_util::future::join_all;
use image::ImageFormat;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::deployment::{Deployment, image};
use crate::event_order::event;

/// The HTTP statuses and the error codes of S3 responses (Amazon S3 API reference, "Error responses").
const ERROR_RESPONSES: [(u16, &str); 9] = [
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

/// An S3 operation that fails, and the expected reason.
struct ErrorCase {
    operation: &'static str,
    /// The key in the request, or "" for any key.
    key: &'static str,
    /// Whether the test sends the deletion event of the source. If false, the test sends the creation event.
    is_deletion: bool,
    /// A text that the reason must contain. The text includes the operation and the object.
    expected: &'static str,
    /// The IAM action that the reason must contain if S3 denies access.
    action: &'static str,
}

const ERROR_CASES: [ErrorCase; 6] = [
    ErrorCase {
        operation: "GetObject",
        key: "a.png",
        is_deletion: false,
        expected: "cannot read s3://photos/a.png: GetObject",
        action: "s3:GetObject",
    },
    ErrorCase {
        operation: "HeadObject",
        key: "a.png.avif",
        is_deletion: false,
        expected: "cannot look up s3://photos/a.png.avif: HeadObject",
        action: "s3:ListBucket",
    },
    ErrorCase {
        operation: "PutObject",
        key: "a.png.avif",
        is_deletion: false,
        expected: "cannot write s3://photos/a.png.avif: PutObject",
        action: "s3:PutObject",
    },
    ErrorCase {
        operation: "DeleteObject",
        key: "a.png.avif",
        is_deletion: true,
        expected: "cannot delete s3://photos/a.png.avif: DeleteObject",
        action: "s3:DeleteObject",
    },
    ErrorCase {
        operation: "GetObjectTagging",
        key: "a.png",
        is_deletion: false,
        expected: "cannot read the tags of s3://photos/a.png: GetObjectTagging",
        action: "s3:GetObjectTagging",
    },
    ErrorCase {
        operation: "ListObjectsV2",
        key: "",
        is_deletion: false,
        expected: "s3://photos/a.png: ",
        action: "s3:ListBucket",
    },
];

/// Checks the reason of the job for each error response of S3 to the operation.
async fn check_error_case(case: &ErrorCase) {
    let mut deployment = Deployment::without_events(&[("AVIF_COPY_TAGS", "true")]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let created = event("a.png", Some(&etag), "01");
    if case.is_deletion {
        assert_eq!(deployment.send_event(created.clone()).await.0, "converted");
        deployment.s3.delete_object().bucket("photos").key("a.png").send().await.unwrap();
    }
    let event = if case.is_deletion { event("a.png", None, "02") } else { created };
    for (status, code) in ERROR_RESPONSES {
        let is_head = case.operation == "HeadObject";
        if is_head && status == 404 {
            // HeadObject has the same response for a missing bucket as for a missing object.
            continue;
        }
        let mut responses = vec![InjectedResponse::new(case.operation, case.key, status, code)];
        if case.operation == "ListObjectsV2" {
            // The function lists the bucket only after S3 denied a read, so the test also denies the read.
            responses.push(InjectedResponse::access_denied("GetObject", "a.png"));
        }
        if is_head {
            responses.push(InjectedResponse::access_denied("ListObjectsV2", ""));
            responses.push(InjectedResponse::new("PutObject", "a.png.avif", 412, "PreconditionFailed"));
        }
        let (outcome, reason) = deployment.invoke_with_s3_responses(responses, event.clone()).await;
        let context = format!("{} {status} {code}: {reason}", case.operation);
        assert_eq!(outcome, "failed", "{context}");
        assert!(reason.contains(case.expected) && reason.contains(&status.to_string()), "{context}");
        assert!(is_head || reason.contains(code), "{context}");
        assert!(code != "AccessDenied" || reason.contains(case.action), "{context}");
        assert!(
            !reason.contains("unhandled") && !reason.contains("service error") && !reason.contains('\n'),
            "{context}"
        );
    }
}

#[tokio::test]
async fn reason_contains_operation_object_status_code_and_missing_permission() {
    join_all(ERROR_CASES.iter().map(check_error_case)).await;
}

/// A DynamoDB endpoint that denies the operation with this name.
#[derive(Clone)]
struct DynamoDbStub(Arc<Mutex<String>>);

async fn respond_to_operation(
    State(DynamoDbStub(denied)): State<DynamoDbStub>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, String) {
    let operation = headers["x-amz-target"].to_str().unwrap().split_once('.').unwrap().1.to_owned();
    if *denied.lock().unwrap() == operation {
        let error = json!({"__type": "com.amazon.coral.service#AccessDeniedException", "Message": "denied"});
        return (StatusCode::BAD_REQUEST, error.to_string());
    }
    let _: Value = serde_json::from_str(&body).unwrap();
    // The item contains the provenance of the function, so the function is allowed to delete the item.
    let item =
        json!({"Item": {"source": {"S": "s3://photos/a.png"}, "avif-recipe": {"S": "0"}, "avif-sha256": {"S": "0"}}});
    (StatusCode::OK, item.to_string())
}

#[tokio::test]
async fn reason_of_a_catalog_failure_names_operation_table_and_action() {
    let denied = Arc::new(Mutex::new(String::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().fallback(post(respond_to_operation)).with_state(DynamoDbStub(denied.clone()));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let settings = [("AVIF_CATALOG_TABLE", "images"), ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.as_str())];
    let mut deployment = Deployment::without_events(&settings).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    for operation in ["GetItem", "DeleteItem", "PutItem"] {
        *denied.lock().unwrap() = operation.to_owned();
        let (outcome, reason) = deployment.send_event(event("a.png", Some(&etag), "01")).await;
        let expected = [operation, "s3://photos/a.png", "images", "400", "AccessDeniedException"];
        assert!(
            outcome == "failed" && expected.iter().all(|name| reason.contains(name)),
            "{operation}: {outcome}: {reason}"
        );
        assert!(reason.contains(&format!("dynamodb:{operation}")), "{operation}: {reason}");
    }
}

#[tokio::test]
async fn checksum_mismatch_is_named_in_the_reason() {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let faults = Faults::new(7, FaultRates { corrupted: 1000, ..FaultRates::default() });
    let (endpoint, _) = deployment.server.open_endpoint(faults).await.unwrap();
    let (outcome, reason) = deployment.invoke_with_endpoint(&endpoint.url(), event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "failed" && reason.contains("cannot read s3://photos/a.png: GetObject"), "{outcome}: {reason}");
    assert!(reason.to_lowercase().contains("checksum"), "{reason}");
}

#[tokio::test]
async fn failed_connection_is_named_in_the_reason() {
    let mut deployment = Deployment::without_events(&[]).await;
    let etag = deployment.put_source("a.png", &image(ImageFormat::Png, 90, 60)).await;
    let (endpoint, _) = deployment.server.open_endpoint(Faults::none()).await.unwrap();
    let url = endpoint.url();
    drop(endpoint);
    let (outcome, reason) = deployment.invoke_with_endpoint(&url, event("a.png", Some(&etag), "01")).await;
    assert!(outcome == "failed" && reason.contains("HeadObject") && reason.contains("connect"), "{outcome}: {reason}");
}

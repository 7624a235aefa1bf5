//! Tests that an error message of `avif backfill` contains the operation, the object, the error code of the service,
//! and the missing permission.

use super::start;
use super::stub::{ReceivedRequest, Stub, environment, listing};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:127:function:avif:live";
const ROLE: &str = "arn:aws:iam::127:role/backfill";
const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/127/avif";

/// Returns the name of the requested operation.
fn operation(request: &ReceivedRequest) -> &'static str {
    let path = request.uri.path();
    match request.method.as_str() {
        "GET" if request.uri.query().is_some_and(|query| query.contains("list-type=2")) => "ListObjectsV2",
        "GET" => "GetObject",
        "PUT" => "PutObject",
        "POST" if path == "/v20180820/jobs" => "CreateJob",
        "POST" if request.header("x-amz-target") == "AmazonSQS.SendMessageBatch" => "SendMessageBatch",
        _ => unreachable!("no test sends {request:?}"),
    }
}

/// Starts a stub of AWS that denies the operation `denied`. The stub also denies every `SendMessageBatch`.
async fn denying(denied: &'static str) -> Stub {
    Stub::start(move |request| {
        let operation = operation(request);
        if operation == "SendMessageBatch" {
            let error = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"not authorized"}"#;
            return Some((403, error.to_owned()));
        }
        if operation == denied {
            let error = "<Code>AccessDenied</Code><Message>not authorized</Message>";
            let is_control = operation == "CreateJob";
            let open = if is_control { "<ErrorResponse><Error>" } else { "<Error>" };
            let close = if is_control { "</Error></ErrorResponse>" } else { "</Error>" };
            return Some((403, format!("{open}{error}{close}")));
        }
        Some((200, if operation == "ListObjectsV2" { listing(&[("a.jpg", "")]) } else { String::new() }))
    })
    .await
}

#[tokio::test]
async fn denied_request_is_reported_with_the_missing_permission() {
    let job = ["--function", FUNCTION, "--role", ROLE, "--work", "s3://work/backfill"];
    let inventory = ["--inventory", "s3://inventory/manifest.json"];
    for (denied, arguments, texts) in [
        ("ListObjectsV2", &[][..], &["cannot list s3://photos/", "s3:ListBucket on the bucket photos"][..]),
        ("GetObject", &inventory, &["cannot read s3://inventory/manifest.json", "s3:GetObject"]),
        ("PutObject", &job, &["cannot write s3://work/backfill/manifests/", "s3:PutObject", "AES256"]),
        ("CreateJob", &job, &["account 127", "s3:CreateJob", "iam:PassRole on arn:aws:iam::127:role/backfill"]),
        ("SendMessageBatch", &["--queue", QUEUE], &["cannot send messages to https://sqs.", "sqs:SendMessage"]),
    ] {
        let stub = denying(denied).await;
        let mut environment = environment(&stub.endpoint());
        environment.insert("AWS_ENDPOINT_URL_S3_CONTROL".into(), stub.endpoint_of_account_127());
        let folder = tempfile::tempdir().unwrap();
        let arguments = [&["s3://photos", "--skip-check"], arguments].concat();
        let output = start(folder.path(), &environment, &arguments).wait_with_output().await.unwrap();
        let error = crate::text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{denied}: {error}");
        assert!(error.contains("AccessDenied"), "{denied}: {error}");
        for text in texts {
            assert!(error.contains(text), "{denied}: {error}");
        }
    }
}

#[tokio::test]
async fn expired_credentials_are_not_reported_as_a_missing_permission() {
    let stub = Stub::start(|_| {
        let error = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>";
        Some((403, error.to_owned()))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let output =
        start(folder.path(), &environment(&stub.endpoint()), &["s3://photos"]).wait_with_output().await.unwrap();
    let error = crate::text(&output.stderr);
    assert!(error.contains("ExpiredToken") && !error.contains("s3:ListBucket"), "{error}");
}

#[tokio::test]
async fn rejected_messages_are_reported_with_the_reason_of_sqs() {
    let stub = Stub::start(|request| {
        if operation(request) == "ListObjectsV2" {
            return Some((200, listing(&[("a.jpg", "")])));
        }
        let failed =
            serde_json::json!({ "Id": "0", "SenderFault": true, "Code": "InvalidMessageContents", "Message": "why" });
        Some((200, serde_json::json!({ "Successful": [], "Failed": [failed] }).to_string()))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["s3://photos", "--skip-check", "--queue", QUEUE];
    let output = start(folder.path(), &environment(&stub.endpoint()), &arguments).wait_with_output().await.unwrap();
    let error = crate::text(&output.stderr);
    assert!(error.contains("1 of 1 messages were rejected: InvalidMessageContents: why"), "{error}");
    assert_eq!(stub.received().len(), 2, "the message is not sent again");
}

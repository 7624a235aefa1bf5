//! Tests the Extensions API, the Telemetry API and the freezing of environments.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use axum::body::Body;
use axum::http::{Method, Request};
use emulator::{Extensions, Function, Lambda, TelemetryApi};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::runtime_api::{function, start};

/// Sends a request to an environment's API. Returns the status and the body of the response.
async fn send(api: &str, method: Method, path: &str, header: Option<(&str, &str)>, body: &Value) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(format!("http://{api}{path}"));
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let response = client.request(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(Body::new(response.into_body()), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn request_of_an_unregistered_extension_is_rejected() {
    let (lambda, _log) = start(function());
    let response = lambda.invoke(json!({})).await.result.unwrap();
    let api = response["environment"]["AWS_LAMBDA_RUNTIME_API"].as_str().unwrap();
    let events = json!({ "events": ["INVOKE"] });
    let (name, id) = (("Lambda-Extension-Name", "unknown"), ("Lambda-Extension-Identifier", "unknown"));
    let register = "/2020-01-01/extension/register";
    for (method, path, header, request, error_type) in [
        (Method::POST, register, None, &events, "Extension.MissingHeader"),
        (Method::POST, register, Some(name), &events, "Extension.InvalidExtensionName"),
        (Method::GET, "/2020-01-01/extension/event/next", None, &Value::Null, "Extension.MissingExtensionIdentifier"),
        (
            Method::GET,
            "/2020-01-01/extension/event/next",
            Some(id),
            &Value::Null,
            "Extension.InvalidExtensionIdentifier",
        ),
        (
            Method::POST,
            "/2020-01-01/extension/exit/error",
            Some(id),
            &Value::Null,
            "Extension.InvalidExtensionIdentifier",
        ),
        (Method::PUT, "/2022-07-01/telemetry", Some(id), &json!({}), "Extension.InvalidExtensionIdentifier"),
    ] {
        let (status, body) = send(api, method, path, header, request).await;
        assert_eq!((status, body["errorType"].as_str().unwrap()), (403, error_type), "{path}");
    }
    let (status, body) = send(api, Method::POST, register, Some(name), &json!({ "events": 1 })).await;
    assert_eq!((status, body["errorType"].as_str().unwrap()), (400, "InvalidRequestFormat"));
}

#[tokio::test]
async fn unsupported_telemetry_api_responds_202_with_an_error() {
    let extensions = Extensions { telemetry_api: TelemetryApi::NotSupported, ..Extensions::default() };
    let (lambda, _log) = start(Function { extensions, ..function() });
    let response = lambda.invoke(json!({})).await.result.unwrap();
    let api = response["environment"]["AWS_LAMBDA_RUNTIME_API"].as_str().unwrap();
    let (status, body) = send(api, Method::PUT, "/2022-07-01/telemetry", None, &json!({})).await;
    assert_eq!((status, body["errorType"].as_str().unwrap()), (202, "Telemetry.NotSupported"));
}

#[tokio::test]
async fn extension_that_exits_before_registering_fails_init() {
    let folder = tempfile::tempdir().unwrap();
    let extension = folder.path().join("exits");
    std::fs::write(&extension, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&extension, Permissions::from_mode(0o755)).unwrap();
    let extensions = Extensions { programs: vec![extension], ..Extensions::default() };
    let (lambda, _log) = start(Function { extensions, ..function() });
    let error = lambda.invoke(json!({})).await.result.unwrap_err();
    assert_eq!((error.error_type.as_str(), error.error_message.contains("exit status 0")), ("Extension.Crash", true));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn process_is_frozen_between_events() {
    let lambda = Lambda::new(function(), unbounded_channel().0);
    let state = |process: &Value| {
        let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        status.rsplit(')').next().unwrap().trim().chars().next().unwrap()
    };
    for _ in 0..2 {
        let process = lambda.invoke(json!({})).await.result.unwrap()["process"].clone();
        // The signal was sent, but the process may stop a little later.
        while state(&process) != 'T' {
            tokio::task::yield_now().await;
        }
    }
}

//! Sends HTTP requests to the function, as a function URL does.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use emulator::Lambda;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::deployment::Deployment;

/// The `Accept` header of a browser that shows AVIF.
pub(crate) const BROWSER: (&str, &str) = ("accept", "image/avif,image/webp,*/*");

/// A response of the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Returns the message of an error response.
    pub(crate) fn error(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        body["error"].as_str().unwrap().to_owned()
    }
}

/// Returns the event of a function URL. `target` is the path and the query.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Value {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let domain = "abc.lambda-url.us-east-1.on.aws";
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "headers": headers.iter().copied().collect::<BTreeMap<_, _>>(),
        "requestContext": {
            "accountId": "anonymous", "apiId": "abc", "domainName": domain, "stage": "$default", "requestId": "id",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" }
        },
        "isBase64Encoded": false
    })
}

/// Invokes a function with a request. The function responds to every request.
pub(crate) async fn send(lambda: &Lambda, request: Value) -> Response {
    let response = lambda.invoke(request).await.result.unwrap();
    let headers: BTreeMap<String, String> = serde_json::from_value(response["headers"].clone()).unwrap();
    for (name, value) in &headers {
        assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{name}: {value:?}");
    }
    let body = response["body"].as_str().unwrap();
    let is_base64 = response["isBase64Encoded"].as_bool().unwrap();
    let body = if is_base64 { BASE64_STANDARD.decode(body).unwrap() } else { body.as_bytes().to_vec() };
    Response { status: response["statusCode"].as_u64().unwrap().try_into().unwrap(), headers, body }
}

impl Deployment {
    /// Sends a request for this path and query.
    pub(crate) async fn get(&self, target: &str, headers: &[(&str, &str)]) -> Response {
        send(&self.lambda, request("GET", target, headers)).await
    }
}

/// Reads a URL with the scheme http, without any header that the URL does not contain. Returns the status and the body.
pub(crate) async fn fetch(url: &str) -> (u16, Vec<u8>) {
    let (host, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!("GET /{target} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = vec![];
    stream.read_to_end(&mut response).await.unwrap();
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let status = std::str::from_utf8(&response[..end]).unwrap().split(' ').nth(1).unwrap();
    (status.parse().unwrap(), response[end + 4..].to_vec())
}

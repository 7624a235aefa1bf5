//! Fixed responses to certain requests, for example a missing permission, an archived object or a bucket in another
//! region.

use std::fmt::Write;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

/// A response, usually an error, to all requests with the given properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InjectedResponse {
    /// The operation's name in the API: `GetObject`, `HeadObject`, `PutObject`, `DeleteObject`, `GetObjectTagging` or
    /// `ListObjectsV2`.
    pub operation: &'static str,
    /// The suffix of the key. An empty suffix selects every key. A listing has no key.
    pub key: String,
    /// Excludes requests that are signed for this region. `None` excludes no request.
    pub signing_region: Option<&'static str>,
    /// Whether only requests with `If-Match` get this response.
    pub only_if_match: bool,
    /// The HTTP status.
    pub status: u16,
    /// S3's error code in the body. The response to a HEAD request has no body.
    pub code: &'static str,
    /// S3's error message.
    pub message: &'static str,
    /// Additional headers.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Additional XML elements of the body.
    pub elements: Vec<(&'static str, &'static str)>,
}

impl InjectedResponse {
    /// 403 `AccessDenied`: the role lacks the permission, or a policy denies it.
    #[must_use]
    pub fn access_denied(operation: &'static str, key: &str) -> Self {
        Self::new(operation, key, 403, "AccessDenied")
    }

    /// 403 `InvalidObjectState`: the object's storage class is an archive, for example GLACIER.
    #[must_use]
    pub fn archived(key: &str) -> Self {
        let elements = vec![("StorageClass", "GLACIER")];
        Self { elements, ..Self::new("GetObject", key, 403, "InvalidObjectState") }
    }

    /// 200 with an empty listing.
    #[must_use]
    pub fn empty_listing() -> Self {
        Self { elements: vec![("KeyCount", "0")], ..Self::new("ListObjectsV2", "", 200, "EmptyListing") }
    }

    /// Creates a response with this status and error code.
    #[must_use]
    pub fn new(operation: &'static str, key: &str, status: u16, code: &'static str) -> Self {
        let (key, message) = (key.to_owned(), "The emulator injected this response.");
        let (signing_region, only_if_match, headers, elements) = Default::default();
        Self { operation, key, signing_region, only_if_match, status, code, message, headers, elements }
    }

    /// Whether the request gets this response.
    pub(super) fn applies_to<B>(&self, request: &Request<B>) -> bool {
        let (operation, key) = operation(request);
        let signed = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        operation == self.operation
            && key.ends_with(&self.key)
            && (!self.only_if_match || request.headers().contains_key("if-match"))
            && self.signing_region.is_none_or(|region| !signed.contains(&format!("/{region}/s3/")))
    }

    pub(super) fn response<B>(&self, request: &Request<B>) -> Response<Body> {
        let Self { status, code, message, headers, elements, .. } = self;
        let root = if *status == 200 { "ListBucketResult" } else { "Error" };
        let mut text = format!("<{root}><Code>{code}</Code><Message>{message}</Message>");
        for (name, value) in elements {
            // Writing to a string cannot fail.
            let _ = write!(text, "<{name}>{value}</{name}>");
        }
        let body =
            if request.method() == Method::HEAD { Body::empty() } else { Body::from(text + &format!("</{root}>")) };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(*name, value);
            }
        }
        response
    }
}

/// Returns the name of the operation, and the key.
fn operation<B>(request: &Request<B>) -> (&'static str, String) {
    let path = request.uri().path().trim_start_matches('/');
    let (_, key) = path.split_once('/').unwrap_or((path, ""));
    let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
    let query = request.uri().query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let operation = match *request.method() {
        Method::GET if key.is_empty() && has("list-type") => "ListObjectsV2",
        Method::GET if has("tagging") => "GetObjectTagging",
        Method::GET => "GetObject",
        Method::HEAD => "HeadObject",
        Method::PUT => "PutObject",
        Method::DELETE => "DeleteObject",
        _ => "",
    };
    (operation, key)
}

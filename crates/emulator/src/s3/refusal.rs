//! Requests that are answered in a fixed way, whatever the seed of the faults says: a permission that is missing, an archive,
//! a bucket in another region.

use std::fmt::Write;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

/// What S3 answers to some requests, mostly an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The operation's name in the API: `GetObject`, `HeadObject`, `PutObject`, `DeleteObject`, `GetObjectTagging` or
    /// `ListObjectsV2`.
    pub operation: &'static str,
    /// What the key ends in; empty for every key. A listing has no key.
    pub key: String,
    /// The region whose signature is taken; every signature is refused where there is none.
    pub region: Option<&'static str>,
    /// Whether only requests with `If-Match` are refused.
    pub conditional: bool,
    /// The HTTP status.
    pub status: u16,
    /// S3's code, which the body names, unless the request is a HEAD.
    pub code: &'static str,
    /// S3's words.
    pub message: &'static str,
    /// More headers.
    pub headers: Vec<(&'static str, &'static str)>,
    /// More elements of the body.
    pub elements: Vec<(&'static str, &'static str)>,
}

impl Refusal {
    /// 403 `AccessDenied`, as where the role lacks the permission or a policy denies it.
    #[must_use]
    pub fn denied(operation: &'static str, key: &str) -> Self {
        Self::new(operation, key, 403, "AccessDenied")
    }

    /// 403 `InvalidObjectState`: the object is in an archive.
    #[must_use]
    pub fn archived(key: &str) -> Self {
        let elements = vec![("StorageClass", "GLACIER")];
        Self { elements, ..Self::new("GetObject", key, 403, "InvalidObjectState") }
    }

    /// A listing that succeeds and contains nothing, whatever there is.
    #[must_use]
    pub fn empty_listing() -> Self {
        Self { elements: vec![("KeyCount", "0")], ..Self::new("ListObjectsV2", "", 200, "EmptyListing") }
    }

    /// The error with that status and code.
    #[must_use]
    pub fn new(operation: &'static str, key: &str, status: u16, code: &'static str) -> Self {
        let (key, message) = (key.to_owned(), "The emulator refuses this request.");
        let (region, conditional, headers, elements) = Default::default();
        Self { operation, key, region, conditional, status, code, message, headers, elements }
    }

    /// Whether it is the answer to that request.
    pub(super) fn is_of<B>(&self, request: &Request<B>) -> bool {
        let (operation, key) = operation(request);
        let signed = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        operation == self.operation
            && key.ends_with(&self.key)
            && (!self.conditional || request.headers().contains_key("if-match"))
            && self.region.is_none_or(|region| !signed.contains(&format!("/{region}/s3/")))
    }

    /// The answer.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        let Self { status, code, message, headers, elements, .. } = self;
        let root = if *status == 200 { "ListBucketResult" } else { "Error" };
        let mut text = format!("<{root}><Code>{code}</Code><Message>{message}</Message>");
        for (name, value) in elements {
            // A text takes whatever is written to it.
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

/// The name of the operation and the key that it is about.
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

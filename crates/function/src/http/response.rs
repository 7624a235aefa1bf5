use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// An HTTP response (payload format 2.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    None,
    Image(Bytes),
    Text(String),
}

/// The response runs no script and loads nothing, even if a browser treats it as a document.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";
/// The response is not stored.
pub(super) const NO_STORE: &str = "no-store";

impl HttpResponse {
    /// Creates a response without a body.
    pub(super) fn new(status: u16, cache_control: impl Into<String>) -> Self {
        let headers = vec![
            ("cache-control", cache_control.into()),
            ("content-security-policy", CONTENT_SECURITY_POLICY.to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Self { status, headers, body: Body::None }
    }

    /// Creates a response with a message for a person. The message must not contain text from the request.
    pub(super) fn error(status: u16, cache_control: &str, message: &str) -> Self {
        let body = json!({ "error": message.chars().filter(|character| !character.is_control()).collect::<String>() });
        let response = Self::new(status, cache_control).with("content-type", "application/json");
        Self { body: Body::Text(body.to_string()), ..response }
    }

    /// Creates a redirect.
    pub(super) fn redirect(cache_control: &str, location: impl Into<String>) -> Self {
        Self::new(302, cache_control).with("location", location)
    }

    /// Adds a header. A value that is not a valid header is omitted: S3 stores other characters in some headers.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if is_valid_header(&value) {
            self.headers.push((name, value));
        }
        self
    }

    pub(super) fn with_image(self, body: Bytes) -> Self {
        Self { body: Body::Image(body), ..self }
    }

    /// Removes the body, for a response to HEAD.
    pub(super) fn without_body(self) -> Self {
        Self { body: Body::None, ..self }
    }

    /// Returns the response as Lambda expects it.
    pub(crate) fn to_json(&self) -> Value {
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        let (body, is_base64) = match &self.body {
            Body::None => (String::new(), false),
            Body::Image(bytes) => (BASE64_STANDARD.encode(bytes), true),
            Body::Text(text) => (text.clone(), false),
        };
        json!({ "statusCode": self.status, "headers": headers, "body": body, "isBase64Encoded": is_base64 })
    }
}

/// Whether the text contains only visible ASCII characters and spaces.
pub(super) fn is_valid_header(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

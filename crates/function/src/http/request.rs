use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// An HTTP request: the event of a function URL, or of an HTTP API (AWS Lambda Developer Guide, "Invoking Lambda function
/// URLs"; Amazon API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs", payload format 2.0).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method in upper case.
    pub method: String,
    /// The path.
    pub path: String,
    /// Whether the path is already decoded. A function URL sends the path as the client wrote it, and an HTTP API decodes it.
    pub is_path_decoded: bool,
    /// The query, as the client wrote it.
    pub query: String,
    /// The `Accept` header.
    pub accept: Option<String>,
    /// The `If-None-Match` header.
    pub if_none_match: Option<String>,
    /// Whether the request came through CloudFront, which adds `x-amz-cf-id` to each request to an origin (Amazon CloudFront
    /// Developer Guide, "HTTP request headers and CloudFront behavior").
    pub is_from_cdn: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    version: String,
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    headers: HashMap<String, String>,
    request_context: RequestContext,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    #[serde(default)]
    domain_name: String,
    #[serde(default)]
    stage: String,
    http: Http,
}

#[derive(Debug, Deserialize)]
struct Http {
    method: String,
}

/// The stage of an HTTP API without a name in the path.
const DEFAULT_STAGE: &str = "$default";
/// The part of the domain of every function URL.
const FUNCTION_URL_DOMAIN: &str = ".lambda-url.";

impl HttpRequest {
    /// Parses an event. `None` if the event is not an HTTP request.
    #[must_use]
    pub fn parse(event: &Value) -> Option<Self> {
        event.pointer("/requestContext/http")?;
        let Event { version, raw_path, raw_query_string: query, headers, request_context } =
            Event::deserialize(event).ok()?;
        let RequestContext { domain_name, stage, http: Http { method } } = request_context;
        let header = |name: &str| headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, text)| text);
        let path = match raw_path.strip_prefix('/').and_then(|path| path.strip_prefix(&stage)) {
            Some(path) if path.starts_with('/') && !stage.is_empty() && stage != DEFAULT_STAGE => path.to_owned(),
            _ => raw_path,
        };
        (version == "2.0").then(|| Self {
            method: method.to_ascii_uppercase(),
            path,
            is_path_decoded: !domain_name.contains(FUNCTION_URL_DOMAIN),
            query,
            accept: header("accept").cloned(),
            if_none_match: header("if-none-match").cloned(),
            is_from_cdn: header("x-amz-cf-id").is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns the event of a function URL with the fields that AWS documents.
    fn event() -> Value {
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/photos/a%20b.jpg",
            "rawQueryString": "width=640",
            "headers": {
                "accept": "image/avif,*/*", "if-none-match": "\"a\"", "x-amz-cf-id": "id",
                "host": "abc.lambda-url.eu-west-1.on.aws", "x-forwarded-for": "192.0.2.1"
            },
            "queryStringParameters": { "width": "640" },
            "requestContext": {
                "accountId": "anonymous", "apiId": "abc", "domainName": "abc.lambda-url.eu-west-1.on.aws",
                "domainPrefix": "abc",
                "http": {
                    "method": "GET", "path": "/photos/a b.jpg", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
                    "userAgent": "curl"
                },
                "requestId": "id", "routeKey": "$default", "stage": "$default",
                "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1
            },
            "isBase64Encoded": false
        })
    }

    #[test]
    fn function_url_sends_an_encoded_path() {
        let request = HttpRequest {
            method: "GET".into(),
            path: "/photos/a%20b.jpg".into(),
            is_path_decoded: false,
            query: "width=640".into(),
            accept: Some("image/avif,*/*".into()),
            if_none_match: Some("\"a\"".into()),
            is_from_cdn: true,
        };
        assert_eq!(HttpRequest::parse(&event()), Some(request));
    }

    #[test]
    fn http_api_sends_a_decoded_path_that_begins_with_the_stage() {
        let mut event = event();
        event["requestContext"]["domainName"] = "abc.execute-api.eu-west-1.amazonaws.com".into();
        event["requestContext"]["stage"] = "live".into();
        for (raw, path) in [("/live/a b.jpg", "/a b.jpg"), ("/lively/a.jpg", "/lively/a.jpg"), ("/a.jpg", "/a.jpg")] {
            event["rawPath"] = raw.into();
            let request = HttpRequest::parse(&event).unwrap();
            assert_eq!((request.path.as_str(), request.is_path_decoded), (path, true));
        }
    }

    #[test]
    fn header_names_are_read_in_upper_and_lower_case() {
        let mut event = event();
        event["headers"] = json!({ "Accept": "image/webp" });
        let request = HttpRequest::parse(&event).unwrap();
        assert_eq!((request.accept.as_deref(), request.is_from_cdn), (Some("image/webp"), false));
    }

    #[test]
    fn other_events_are_no_requests() {
        let mut other_version = event();
        other_version["version"] = "1.0".into();
        let mut no_path = event();
        no_path["rawPath"] = Value::Null;
        let failed = json!({ "requestContext": { "condition": "RetriesExhausted" }, "requestPayload": event() });
        for event in
            [other_version, no_path, failed, json!({ "bucket": "photos", "key": "a.jpg" }), json!([]), json!(1)]
        {
            assert_eq!(HttpRequest::parse(&event), None, "{event}");
        }
    }
}

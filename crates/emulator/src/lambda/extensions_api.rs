//! The routes of the Extensions API (AWS Lambda developer guide, "Using the Lambda Extensions API to create
//! extensions") and of the Telemetry API.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::invocation::FunctionError;
use super::record::Record;
use super::registry::{Extension, Registry};
use super::runtime_api::{accepted_response, error_response, json_response, parse_error};
use super::telemetry::{Subscription, Telemetry, TelemetryApi};

const NAME: &str = "lambda-extension-name";
const IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-identifier");
const EVENT_IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-event-identifier");
const ACCEPTED_FEATURES: &str = "lambda-extension-accept-feature";
const ERROR_TYPE: &str = "lambda-extension-function-error-type";
/// The response body of the Runtime Interface Emulator, which ends with a line break.
const NOT_SUPPORTED: &str =
    "{\"errorMessage\":\"Telemetry API is not supported\",\"errorType\":\"Telemetry.NotSupported\"}\n";

/// The state that the route handlers share.
#[derive(Debug, Clone)]
pub(super) struct ExtensionsApi {
    pub(super) function_name: String,
    pub(super) registry: Arc<Registry>,
    pub(super) telemetry: Arc<Telemetry>,
}

/// Creates the routes of both APIs.
pub(super) fn routes(api: ExtensionsApi) -> Router {
    let extension = Router::new()
        .route("/register", post(register))
        .route("/event/next", get(next))
        .route("/init/error", post(report_error))
        .route("/exit/error", post(report_error))
        .with_state(api.clone());
    let telemetry = Router::new().route("/telemetry", put(subscribe)).with_state(api);
    Router::new().nest("/2020-01-01/extension", extension).nest("/2022-07-01", telemetry)
}

#[derive(Deserialize)]
struct Registration {
    events: Vec<String>,
}

async fn register(State(api): State<ExtensionsApi>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let Some(name) = header_text(&headers, NAME) else {
        let message = "the header Lambda-Extension-Name is missing";
        return error_response(StatusCode::FORBIDDEN, "Extension.MissingHeader", message);
    };
    let Ok(Registration { events }) = serde_json::from_slice(&body) else {
        let message = "expected a body of the form {\"events\": […]}";
        return error_response(StatusCode::BAD_REQUEST, "InvalidRequestFormat", message);
    };
    let id = match api.registry.register(name, events) {
        Ok(id) => id,
        Err((error_type @ "Extension.InvalidEventType", message)) => {
            return error_response(StatusCode::BAD_REQUEST, error_type, &message);
        }
        Err((error_type, message)) => return error_response(StatusCode::FORBIDDEN, error_type, &message),
    };
    let mut body = json!({ "functionName": api.function_name, "functionVersion": "$LATEST", "handler": "bootstrap" });
    let features = header_text(&headers, ACCEPTED_FEATURES).unwrap_or_default();
    if features.split(',').any(|name| name.trim() == "accountId") {
        body["accountId"] = json!("123456789012");
    }
    with_header(json_response(StatusCode::OK, &body), IDENTIFIER, &id)
}

async fn next(State(api): State<ExtensionsApi>, headers: HeaderMap) -> Response<Body> {
    let extension = match find_caller(&api, &headers) {
        Ok(extension) => extension,
        Err(response) => return *response,
    };
    if !extension.is_ready {
        api.telemetry.publish(Record::extension(&extension.name, &extension.events));
    }
    let event = api.registry.next_event(&extension.id).await;
    with_header(json_response(StatusCode::OK, &event), EVENT_IDENTIFIER, &Uuid::new_v4().to_string())
}

/// Handles both `init/error` and `exit/error`. An extension sends the first in the init phase and the second later.
async fn report_error(State(api): State<ExtensionsApi>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let extension = match find_caller(&api, &headers) {
        Ok(extension) => extension,
        Err(response) => return *response,
    };
    let Some(error_type) = header_text(&headers, ERROR_TYPE) else {
        let message = "the header Lambda-Extension-Function-Error-Type is missing";
        return error_response(StatusCode::BAD_REQUEST, "Extension.MissingHeader", message);
    };
    let message = format!("{}: {}", extension.name, parse_error(&headers, &body).error_message);
    api.registry.report_error(&extension.id, FunctionError::new(error_type, message));
    accepted_response()
}

async fn subscribe(State(api): State<ExtensionsApi>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    if api.telemetry.api == TelemetryApi::NotSupported {
        let mut response = accepted_response();
        *response.body_mut() = Body::from(NOT_SUPPORTED);
        return response;
    }
    let extension = match find_caller(&api, &headers) {
        Ok(extension) => extension,
        Err(response) => return *response,
    };
    let Ok(subscription) = serde_json::from_slice::<Subscription>(&body) else {
        return error_response(StatusCode::BAD_REQUEST, "ValidationError", "the body is not a subscription");
    };
    match api.telemetry.subscribe(&extension.name, &subscription) {
        Ok(()) => json_response(StatusCode::OK, &json!("OK")),
        Err(errors) => error_response(StatusCode::BAD_REQUEST, "ValidationError", &errors),
    }
}

/// Returns the extension that sent the request, or an error response if the identifier is missing or unknown.
fn find_caller(api: &ExtensionsApi, headers: &HeaderMap) -> Result<Extension, Box<Response<Body>>> {
    let Some(id) = header_text(headers, IDENTIFIER.as_str()) else {
        let message = "the header Lambda-Extension-Identifier is missing";
        return Err(error_response(StatusCode::FORBIDDEN, "Extension.MissingExtensionIdentifier", message).into());
    };
    api.registry.find(id).ok_or_else(|| {
        let message = format!("no extension has the identifier {id}");
        error_response(StatusCode::FORBIDDEN, "Extension.InvalidExtensionIdentifier", &message).into()
    })
}

/// Returns the value of a header; `None` if it is missing or empty.
fn header_text<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
}

fn with_header(mut response: Response<Body>, name: HeaderName, id: &str) -> Response<Body> {
    let value = HeaderValue::from_str(id).expect("a UUID is a valid header value");
    response.headers_mut().insert(name, value);
    response
}

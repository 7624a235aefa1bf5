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

use super::api::{accepted, answer, read, refusal};
use super::invocation::FunctionError;
use super::record::Record;
use super::registry::{Extension, Registry};
use super::telemetry::{self, Telemetry, TelemetryApi};

const NAME: &str = "lambda-extension-name";
const IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-identifier");
const EVENT: HeaderName = HeaderName::from_static("lambda-extension-event-identifier");
const FEATURES: &str = "lambda-extension-accept-feature";
const ERROR_TYPE: &str = "lambda-extension-function-error-type";
/// With a line break, as the Runtime Interface Emulator writes it.
const NOT_SUPPORTED: &str =
    "{\"errorMessage\":\"Telemetry API is not supported\",\"errorType\":\"Telemetry.NotSupported\"}\n";

/// What the routes need.
#[derive(Debug, Clone)]
pub(super) struct Beside {
    pub(super) function: String,
    pub(super) registry: Arc<Registry>,
    pub(super) telemetry: Arc<Telemetry>,
}

/// Both APIs' routes.
pub(super) fn routes(beside: Beside) -> Router {
    let extension = Router::new()
        .route("/register", post(register))
        .route("/event/next", get(next))
        .route("/init/error", post(give_up))
        .route("/exit/error", post(give_up))
        .with_state(beside.clone());
    let telemetry = Router::new().route("/telemetry", put(subscribe)).with_state(beside);
    Router::new().nest("/2020-01-01/extension", extension).nest("/2022-07-01", telemetry)
}

#[derive(Deserialize)]
struct Registration {
    events: Vec<String>,
}

async fn register(State(beside): State<Beside>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let Some(name) = text(&headers, NAME) else {
        return refusal(StatusCode::FORBIDDEN, "Extension.MissingHeader", "there is no Lambda-Extension-Name");
    };
    let Ok(Registration { events }) = serde_json::from_slice(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "InvalidRequestFormat", "the body is no {\"events\": […]}");
    };
    let id = match beside.registry.register(name, events) {
        Ok(id) => id,
        Err((kind @ "Extension.InvalidEventType", message)) => return refusal(StatusCode::BAD_REQUEST, kind, &message),
        Err((kind, message)) => return refusal(StatusCode::FORBIDDEN, kind, &message),
    };
    let mut body = json!({ "functionName": beside.function, "functionVersion": "$LATEST", "handler": "bootstrap" });
    if text(&headers, FEATURES).is_some_and(|features| features.split(',').any(|name| name.trim() == "accountId")) {
        body["accountId"] = json!("123456789012");
    }
    with(answer(StatusCode::OK, &body), IDENTIFIER, &id)
}

async fn next(State(beside): State<Beside>, headers: HeaderMap) -> Response<Body> {
    let extension = match who(&beside, &headers) {
        Ok(extension) => extension,
        Err(refusal) => return *refusal,
    };
    if !extension.ready {
        beside.telemetry.say(Record::extension(&extension.name, &extension.events));
    }
    let event = beside.registry.next(&extension.id).await;
    with(answer(StatusCode::OK, &event), EVENT, &Uuid::new_v4().to_string())
}

/// `init/error` and `exit/error` differ in when they are sent.
async fn give_up(State(beside): State<Beside>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let extension = match who(&beside, &headers) {
        Ok(extension) => extension,
        Err(refusal) => return *refusal,
    };
    let Some(kind) = text(&headers, ERROR_TYPE) else {
        let message = "there is no Lambda-Extension-Function-Error-Type";
        return refusal(StatusCode::BAD_REQUEST, "Extension.MissingHeader", message);
    };
    let told = read(&headers, &body);
    beside
        .registry
        .give_up(&extension.id, FunctionError::new(kind, format!("{}: {}", extension.name, told.error_message)));
    accepted()
}

async fn subscribe(State(beside): State<Beside>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    if beside.telemetry.api == TelemetryApi::NotSupported {
        let mut response = accepted();
        *response.body_mut() = Body::from(NOT_SUPPORTED);
        return response;
    }
    let extension = match who(&beside, &headers) {
        Ok(extension) => extension,
        Err(refusal) => return *refusal,
    };
    let Ok(request) = serde_json::from_slice::<telemetry::Request>(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "ValidationError", "the body is no subscription");
    };
    match beside.telemetry.subscribe(&extension.name, &request) {
        Ok(()) => answer(StatusCode::OK, &json!("OK")),
        Err(mistakes) => refusal(StatusCode::BAD_REQUEST, "ValidationError", &mistakes),
    }
}

/// Who is calling, by the identifier that it was given.
fn who(beside: &Beside, headers: &HeaderMap) -> Result<Extension, Box<Response<Body>>> {
    let Some(id) = text(headers, IDENTIFIER.as_str()) else {
        let message = "there is no Lambda-Extension-Identifier";
        return Err(refusal(StatusCode::FORBIDDEN, "Extension.MissingExtensionIdentifier", message).into());
    };
    beside.registry.find(id).ok_or_else(|| {
        let message = format!("{id} is no extension's");
        refusal(StatusCode::FORBIDDEN, "Extension.InvalidExtensionIdentifier", &message).into()
    })
}

fn text<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
}

fn with(mut response: Response<Body>, name: HeaderName, id: &str) -> Response<Body> {
    let value = HeaderValue::from_str(id).expect("a UUID is a valid header value");
    response.headers_mut().insert(name, value);
    response
}

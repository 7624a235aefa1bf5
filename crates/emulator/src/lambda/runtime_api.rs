//! The Runtime API of one execution environment (AWS Lambda developer guide, "Using the Lambda runtime API for custom
//! runtimes"). The same server also has the routes of the Extensions and Telemetry APIs.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};

use super::invocation::{FunctionError, Invocation};

const ERROR_TYPE: &str = "Lambda-Runtime-Function-Error-Type";

/// An event with the metadata that the runtime receives in headers.
#[derive(Debug)]
pub(super) struct InvocationRequest {
    pub(super) id: String,
    pub(super) event: String,
    pub(super) deadline_ms: u128,
    pub(super) arn: String,
    /// The X-Ray trace header.
    pub(super) trace_id: String,
    /// 64 bits in hexadecimal.
    pub(super) span_id: String,
}

/// An invocation that the runtime has not fetched yet.
#[derive(Debug)]
pub(super) struct PendingInvocation {
    pub(super) request: Arc<InvocationRequest>,
    pub(super) response: oneshot::Sender<FunctionResponse>,
}

/// The function's response in bytes, or its error.
pub(super) type FunctionResponse = Result<Bytes, FunctionError>;

/// The channels through which the environment uses the API.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub(super) invocations: mpsc::Sender<PendingInvocation>,
    /// `None` until the runtime requests its first event or reports an init error.
    pub(super) init: watch::Receiver<Option<Result<(), FunctionError>>>,
    /// The number of requests for a next event that the runtime has sent.
    pub(super) polls: watch::Receiver<u64>,
}

/// The state that the route handlers share.
#[derive(Debug)]
struct ApiState {
    invocations: tokio::sync::Mutex<mpsc::Receiver<PendingInvocation>>,
    init: watch::Sender<Option<Result<(), FunctionError>>>,
    polls: watch::Sender<u64>,
    /// The identifier of the running invocation, and the channel that receives its response.
    running: Mutex<Option<(String, oneshot::Sender<FunctionResponse>)>>,
}

/// Creates the routes of the API, and the channels for the environment.
pub(super) fn routes() -> (Router, RuntimeApi) {
    let (invocation_sender, invocations) = mpsc::channel(1);
    let (init_sender, init) = watch::channel(None);
    let (polls_sender, polls) = watch::channel(0);
    let state =
        ApiState { invocations: invocations.into(), init: init_sender, polls: polls_sender, running: Mutex::new(None) };
    let runtime = Router::new()
        .route("/invocation/next", get(next))
        .route("/invocation/{id}/response", post(response))
        .route("/invocation/{id}/error", post(error))
        .route("/init/error", post(init_error))
        .with_state(Arc::new(state));
    let api = RuntimeApi { invocations: invocation_sender, init, polls };
    (Router::new().nest("/2018-06-01/runtime", runtime), api)
}

/// Waits for the next event, and responds with it.
async fn next(State(state): State<Arc<ApiState>>) -> Response<Body> {
    state.init.send_if_modified(|init| init.is_none() && init.replace(Ok(())).is_none());
    state.polls.send_modify(|polls| *polls += 1);
    let Some(PendingInvocation { request, response: sender }) = state.invocations.lock().await.recv().await else {
        return error_response(StatusCode::INTERNAL_SERVER_ERROR, "Shutdown", "the environment is shutting down");
    };
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", &request.id)
        .header("Lambda-Runtime-Deadline-Ms", request.deadline_ms.to_string())
        .header("Lambda-Runtime-Invoked-Function-Arn", &request.arn)
        .header("Lambda-Runtime-Trace-Id", &request.trace_id)
        .body(Body::from(request.event.clone()))
        .expect("identifiers and numbers are valid header values");
    *state.running.lock().unwrap_or_else(PoisonError::into_inner) = Some((request.id.clone(), sender));
    response
}

async fn response(State(state): State<Arc<ApiState>>, Path(id): Path<String>, body: Body) -> Response<Body> {
    if let Ok(bytes) = to_bytes(body, Invocation::MAX_RESPONSE_BYTES).await {
        return state.complete(&id, Ok(bytes));
    }
    let limit = Invocation::MAX_RESPONSE_BYTES;
    let message = format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
    let completed = state.complete(&id, Err(FunctionError::new("Function.ResponseSizeTooLarge", &*message)));
    if completed.status() == StatusCode::ACCEPTED {
        return error_response(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message);
    }
    completed
}

async fn error(
    State(state): State<Arc<ApiState>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    state.complete(&id, Err(parse_error(&headers, &body)))
}

async fn init_error(State(state): State<Arc<ApiState>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let error = parse_error(&headers, &body);
    state.init.send_if_modified(|init| init.is_none() && init.replace(Err(error)).is_none());
    accepted_response()
}

impl ApiState {
    /// Completes the running invocation. Rejects a response to any other invocation, and also a second response.
    fn complete(&self, id: &str, response: FunctionResponse) -> Response<Body> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.take_if(|(expected, _)| expected == id) {
            Some((_, sender)) => {
                // Sending fails only if the invocation has timed out.
                let _ = sender.send(response);
                accepted_response()
            }
            None => unknown_invocation(id),
        }
    }
}

/// Parses the error that a runtime or an extension reports. If the body and the header both contain an error type, this
/// uses the one in the body.
pub(super) fn parse_error(headers: &HeaderMap, body: &[u8]) -> FunctionError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let from_header = || headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    FunctionError {
        error_type: text("errorType").or_else(from_header).unwrap_or_else(|| "Runtime.Unknown".into()),
        error_message: text("errorMessage").unwrap_or_default(),
    }
}

fn unknown_invocation(id: &str) -> Response<Body> {
    error_response(StatusCode::BAD_REQUEST, "InvalidRequestID", &format!("{id} is not the running invocation"))
}

pub(super) fn accepted_response() -> Response<Body> {
    json_response(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

pub(super) fn error_response(status: StatusCode, error_type: &str, message: &str) -> Response<Body> {
    json_response(status, &json!({"errorType": error_type, "errorMessage": message}))
}

pub(super) fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

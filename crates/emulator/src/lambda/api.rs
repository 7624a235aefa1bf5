//! The Runtime API of one execution environment (AWS Lambda developer guide, "Using the Lambda runtime API for custom
//! runtimes"). The Extensions and Telemetry APIs are further routes of the same server.

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

/// An event with what is told beside it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) event: String,
    pub(super) deadline_ms: u128,
    pub(super) arn: String,
    /// The header that names the trace.
    pub(super) trace_id: String,
    /// 64 bits in hexadecimal.
    pub(super) span_id: String,
}

/// A request on its way to the function.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) request: Arc<Request>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What the function answered: its bytes, or its error.
pub(super) type Answer = Result<Bytes, FunctionError>;

/// The environment's end of the API.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) orders: mpsc::Sender<Order>,
    /// Whether the runtime has polled, or why it never will.
    pub(super) init: watch::Receiver<Option<Result<(), FunctionError>>>,
    /// How often the runtime has polled.
    pub(super) polls: watch::Receiver<u64>,
}

/// The server's end of it.
#[derive(Debug)]
struct Counter {
    orders: tokio::sync::Mutex<mpsc::Receiver<Order>>,
    init: watch::Sender<Option<Result<(), FunctionError>>>,
    polls: watch::Sender<u64>,
    in_hand: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
}

/// The API's routes, and the desk from which they are fed.
pub(super) fn open() -> (Router, Desk) {
    let (orders, waiting) = mpsc::channel(1);
    let (polled, init) = watch::channel(None);
    let (tally, polls) = watch::channel(0);
    let counter = Counter { orders: waiting.into(), init: polled, polls: tally, in_hand: Mutex::new(None) };
    let runtime = Router::new()
        .route("/invocation/next", get(next))
        .route("/invocation/{id}/response", post(response))
        .route("/invocation/{id}/error", post(error))
        .route("/init/error", post(init_error))
        .with_state(Arc::new(counter));
    (Router::new().nest("/2018-06-01/runtime", runtime), Desk { orders, init, polls })
}

/// Waits for the next event and hands it out.
async fn next(State(counter): State<Arc<Counter>>) -> Response<Body> {
    counter.init.send_if_modified(|init| init.is_none() && init.replace(Ok(())).is_none());
    counter.polls.send_modify(|polls| *polls += 1);
    let Some(Order { request, answer }) = counter.orders.lock().await.recv().await else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "Shutdown", "the environment is shutting down");
    };
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", &request.id)
        .header("Lambda-Runtime-Deadline-Ms", request.deadline_ms.to_string())
        .header("Lambda-Runtime-Invoked-Function-Arn", &request.arn)
        .header("Lambda-Runtime-Trace-Id", &request.trace_id)
        .body(Body::from(request.event.clone()))
        .expect("identifiers and numbers are valid header values");
    *counter.in_hand.lock().unwrap_or_else(PoisonError::into_inner) = Some((request.id.clone(), answer));
    response
}

async fn response(State(counter): State<Arc<Counter>>, Path(id): Path<String>, body: Body) -> Response<Body> {
    if let Ok(bytes) = to_bytes(body, Invocation::MOST_BYTES).await {
        return counter.take(&id, Ok(bytes));
    }
    let most = Invocation::MOST_BYTES;
    let message = format!("Response payload size exceeded maximum allowed payload size ({most} bytes).");
    let refused = counter.take(&id, Err(FunctionError::new("Function.ResponseSizeTooLarge", &*message)));
    if refused.status() == StatusCode::ACCEPTED {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message);
    }
    refused
}

async fn error(
    State(counter): State<Arc<Counter>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    counter.take(&id, Err(read(&headers, &body)))
}

async fn init_error(State(counter): State<Arc<Counter>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let error = read(&headers, &body);
    counter.init.send_if_modified(|init| init.is_none() && init.replace(Err(error)).is_none());
    accepted()
}

impl Counter {
    /// Gives the answer to whoever waits for it, once, and only if it answers the event in hand.
    fn take(&self, id: &str, answer: Answer) -> Response<Body> {
        let mut in_hand = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        match in_hand.take_if(|(expected, _)| expected == id) {
            Some((_, waiting)) => {
                // An invocation that timed out meanwhile waits no more.
                let _ = waiting.send(answer);
                accepted()
            }
            None => unknown(id),
        }
    }
}

/// An error as the runtime tells it: the type in the body, else in a header.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> FunctionError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let named = || headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    FunctionError {
        error_type: text("errorType").or_else(named).unwrap_or_else(|| "Runtime.Unknown".into()),
        error_message: text("errorMessage").unwrap_or_default(),
    }
}

fn unknown(id: &str) -> Response<Body> {
    refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", &format!("{id} is not the event in hand"))
}

pub(super) fn accepted() -> Response<Body> {
    answer(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

pub(super) fn refusal(status: StatusCode, name: &str, message: &str) -> Response<Body> {
    answer(status, &json!({"errorType": name, "errorMessage": message}))
}

pub(super) fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

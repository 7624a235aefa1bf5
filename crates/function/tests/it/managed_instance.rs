//! Runs a Runtime API that serves several polls at the same time, as on Lambda Managed Instances.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A running function with a channel for events and a channel for responses. Each event and each response has a request
/// ID.
pub(crate) struct ManagedInstance {
    pub(crate) function: Child,
    pub(crate) events: UnboundedSender<(&'static str, Value)>,
    /// The request ID and the body of each response or error.
    pub(crate) responses: UnboundedReceiver<(String, Value)>,
}

struct ApiState {
    events: Mutex<UnboundedReceiver<(&'static str, Value)>>,
    responses: UnboundedSender<(String, Value)>,
}

async fn next_invocation(State(state): State<Arc<ApiState>>) -> ([(&'static str, String); 3], String) {
    // After the test has closed the channel of events, the server does not respond to polls.
    let Some((id, event)) = state.events.lock().await.recv().await else { return std::future::pending().await };
    let headers = [
        ("lambda-runtime-aws-request-id", id.to_owned()),
        ("lambda-runtime-deadline-ms", "600000".to_owned()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:avif".to_owned()),
    ];
    (headers, event.to_string())
}

async fn receive_response(State(state): State<Arc<ApiState>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    state.responses.send((id, serde_json::from_slice(&body).unwrap())).unwrap();
    StatusCode::ACCEPTED
}

impl ManagedInstance {
    /// Starts a function that handles at most this number of events at the same time.
    pub(crate) async fn start(environment: BTreeMap<String, String>, max_concurrency: &str) -> Self {
        let (events, queued_events) = unbounded_channel();
        let (response_sender, responses) = unbounded_channel();
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_invocation))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(receive_response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(receive_response))
            .with_state(Arc::new(ApiState { events: queued_events.into(), responses: response_sender }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let function = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .envs(environment)
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", api.as_str()),
                ("AWS_LAMBDA_MAX_CONCURRENCY", max_concurrency),
                ("AWS_REGION", "us-east-1"),
            ])
            .envs([("AWS_LAMBDA_FUNCTION_NAME", "avif"), ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")])
            .envs([
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "g"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "s"),
            ])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { function, events, responses }
    }
}

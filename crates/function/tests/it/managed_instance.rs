//! A Runtime API that hands out whatever there is to whoever polls.

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

/// The function, and its answers; of an error, what it says.
pub(crate) struct Managed {
    pub(crate) function: Child,
    pub(crate) events: UnboundedSender<(&'static str, Value)>,
    pub(crate) answered: UnboundedReceiver<(String, Value)>,
}

struct Counter {
    events: Mutex<UnboundedReceiver<(&'static str, Value)>>,
    answers: UnboundedSender<(String, Value)>,
}

async fn next(State(counter): State<Arc<Counter>>) -> ([(&'static str, String); 3], String) {
    // Closed is over: the poll is never answered.
    let Some((id, event)) = counter.events.lock().await.recv().await else { return std::future::pending().await };
    let headers = [
        ("lambda-runtime-aws-request-id", id.to_owned()),
        ("lambda-runtime-deadline-ms", "600000".to_owned()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:avif".to_owned()),
    ];
    (headers, event.to_string())
}

async fn answer(State(counter): State<Arc<Counter>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    counter.answers.send((id, serde_json::from_slice(&body).unwrap())).unwrap();
    StatusCode::ACCEPTED
}

impl Managed {
    /// Starts the function, which takes so many events at a time.
    pub(crate) async fn start(environment: BTreeMap<String, String>, at_a_time: &str) -> Self {
        let (events, waiting) = unbounded_channel();
        let (answers, answered) = unbounded_channel();
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answer))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(answer))
            .with_state(Arc::new(Counter { events: waiting.into(), answers }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let function = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .envs(environment)
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", api.as_str()),
                ("AWS_LAMBDA_MAX_CONCURRENCY", at_a_time),
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
        Self { function, events, answered }
    }
}

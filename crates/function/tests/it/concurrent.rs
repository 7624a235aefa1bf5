//! Several events at a time in one environment, as Lambda Managed Instances hand them out.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use image::ImageFormat;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::house::{House, picture};

/// A Runtime API that hands out whatever there is to whoever polls.
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

#[tokio::test]
async fn a_short_event_does_not_wait_for_a_long_one() {
    let mut house = House::untold(&[]).await;
    let keys: Vec<String> = (0..20).map(|number| format!("{number}.png")).collect();
    for key in &keys {
        house.lay(key, &picture(ImageFormat::Png, 300, 200)).await;
    }
    let (events, waiting) = unbounded_channel();
    let (answers, mut answered) = unbounded_channel();
    let task = |key: &String| json!({ "taskId": key, "s3Key": key, "s3Bucket": "photos" });
    let tasks: Vec<_> = keys.iter().map(task).collect();
    events.send(("long", json!({ "invocationSchemaVersion": "2.0", "invocationId": "i", "tasks": tasks }))).unwrap();
    events.send(("short", json!({ "bucket": "photos", "key": "folder/" }))).unwrap();

    let routes = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(answer))
        .with_state(Arc::new(Counter { events: waiting.into(), answers }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let environment: BTreeMap<String, String> = house.environment.clone();
    let _function = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
        .env_clear()
        .envs(environment)
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", api.as_str()),
            ("AWS_LAMBDA_MAX_CONCURRENCY", "2"),
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
    let (id, report) = answered.recv().await.unwrap();
    assert_eq!((id.as_str(), &report["outcome"]), ("short", &json!("skipped")));
    let (id, answer) = answered.recv().await.unwrap();
    let done = answer["results"].as_array().unwrap().iter().filter(|result| result["resultCode"] == "Succeeded");
    assert_eq!((id.as_str(), done.count()), ("long", 20));
}

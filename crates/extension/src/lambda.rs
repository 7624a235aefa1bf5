//! Uses Lambda's Extensions API and Telemetry API.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lambda_extension::{Extension, LambdaEvent, NextEvent, service_fn};
use serde_json::json;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::config::Config;
use crate::listener::{HOST, Listener};
use crate::log::write_line;
use crate::pipeline::Pipeline;

/// The supported schema versions, newest first.
const SCHEMAS: [&str; 2] = ["2025-01-29", "2022-12-13"];

/// The error because of which the extension cannot run.
#[derive(Debug, Error)]
pub enum Error {
    /// The program was not started by Lambda.
    #[error("AWS_LAMBDA_RUNTIME_API is not set: only Lambda can start this program, from /opt/extensions")]
    NotInLambda,
    /// Lambda rejected a request, or its API is unreachable.
    #[error("a request to Lambda's Extensions API failed: {0}")]
    Api(lambda_extension::Error),
}

/// An event that the extension has not handled yet.
struct PendingEvent {
    event: NextEvent,
    /// A message on this channel means that the event was handled. The client then requests the next event.
    handled: oneshot::Sender<()>,
}

/// Registers the extension, subscribes to telemetry, and handles events until Lambda shuts the environment down. If the
/// subscription fails, this is logged and the function is not affected.
///
/// # Errors
/// The program was not started by Lambda, or Lambda rejected the registration or a request for an event.
pub async fn run(config: Config) -> Result<(), Error> {
    if config.runtime_api.is_empty() {
        return Err(Error::NotInLambda);
    }
    let (sender, events) = mpsc::channel::<PendingEvent>(1);
    let processor = service_fn(move |event: LambdaEvent| {
        let sender = sender.clone();
        async move {
            let (handled, wait) = oneshot::channel();
            sender.send(PendingEvent { event: event.next, handled }).await?;
            // If the receiver of events was dropped, this is an error and also ends the wait.
            let _ = wait.await;
            Ok::<_, lambda_extension::Error>(())
        }
    });
    // On managed instances, Lambda rejects a registration for INVOKE events, and the environment fails to start.
    let registered_events: &[&str] = if config.is_managed_instance { &["SHUTDOWN"] } else { &["INVOKE", "SHUTDOWN"] };
    let extension = Extension::new().with_events(registered_events).with_events_processor(processor);
    let registered = extension.register().await.map_err(Error::Api)?;
    let pipeline = Arc::new(Pipeline::new(&config, registered.account_id.as_deref(), &registered.extension_id));
    // Subscribe before requesting the first event. That request ends the init phase, and later subscriptions are
    // rejected.
    let subscribed = subscribe(&config.runtime_api, &registered.extension_id, &pipeline).await;
    if let Err(reason) = &subscribed {
        write_line(&format!(
            "no telemetry: {reason}. The function is not affected. This environment writes no metrics, logs or traces"
        ));
    }
    tokio::spawn(Arc::clone(&pipeline).export_periodically());
    tokio::select! {
        ended = registered.run() => ended.map_err(Error::Api),
        () = handle_events(events, &pipeline, subscribed.is_ok()) => Ok(()),
    }
}

/// Handles events one after the other until the environment shuts down. If the subscription to telemetry failed, an
/// INVOKE event needs no work.
async fn handle_events(mut events: mpsc::Receiver<PendingEvent>, pipeline: &Arc<Pipeline>, is_subscribed: bool) {
    while let Some(PendingEvent { event, handled }) = events.recv().await {
        match event {
            NextEvent::Invoke(event) if is_subscribed => {
                pipeline.handle_invoke(&event.request_id, event.deadline_ms).await;
            }
            NextEvent::Invoke(_) => {}
            NextEvent::Shutdown(event) => return pipeline.handle_shutdown(event.deadline_ms).await,
        }
        // Sending fails only if the client has ended.
        let _ = handled.send(());
    }
}

/// Subscribes to telemetry with the newest schema version that Lambda accepts.
async fn subscribe(api: &str, id: &str, pipeline: &Arc<Pipeline>) -> Result<(), String> {
    let listener = Listener::bind().await.map_err(|error| error.to_string())?;
    let port = listener.port().map_err(|error| error.to_string())?;
    tokio::spawn(listener.serve(Arc::clone(pipeline)));
    let mut last_error = String::new();
    for schema in SCHEMAS {
        match request_subscription(api, id, schema, port).await {
            Ok(()) => return Ok(()),
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

async fn request_subscription(api: &str, id: &str, schema: &str, port: u16) -> Result<(), String> {
    let subscription = json!({
        "schemaVersion": schema,
        "types": ["platform", "function", "extension"],
        // These are the minimum values of the Telemetry API, because records must arrive before the environment
        // freezes.
        "buffering": { "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25 },
        "destination": { "protocol": "HTTP", "URI": format!("http://{HOST}:{port}") },
    });
    let request = Request::builder()
        .method(Method::PUT)
        .uri(format!("http://{api}/2022-07-01/telemetry"))
        .header("lambda-extension-identifier", id)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(subscription.to_string())))
        .map_err(|error| error.to_string())?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.map_err(|error| error.to_string())?;
    let status = response.status();
    // Only status 200 means success. AWS's Runtime Interface Emulator, which SAM uses to run functions locally, has no
    // telemetry and responds with 202 Accepted.
    if status == StatusCode::OK {
        return Ok(());
    }
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    // The response of the Runtime Interface Emulator ends with a line break.
    let body = String::from_utf8_lossy(&body).split_whitespace().collect::<Vec<_>>().join(" ");
    Err(format!("the Telemetry API responded to the subscription with {status}: {body}"))
}

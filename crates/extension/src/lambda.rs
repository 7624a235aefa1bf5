//! The extension's life, as Lambda's Extensions and Telemetry APIs have it.

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

use crate::agent::{Agent, say};
use crate::config::Config;
use crate::listener::{Listener, NAME};

/// The schemas that are understood, newest first.
const SCHEMAS: [&str; 2] = ["2025-01-29", "2022-12-13"];

/// Why there is no extension.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no Lambda around.
    #[error("AWS_LAMBDA_RUNTIME_API is not set: this program is started by Lambda, from /opt/extensions")]
    NotInLambda,
    /// Lambda refused something, or went away.
    #[error("Lambda's Extensions API: {0}")]
    Api(lambda_extension::Error),
}

/// An event, and what ends once it was attended to.
type Told = (NextEvent, oneshot::Sender<()>);

/// Lives until Lambda ends the environment. What keeps telemetry from coming in is said in the log, and the function
/// works on without.
///
/// # Errors
/// It could not even register.
pub async fn run(config: Config) -> Result<(), Error> {
    if config.api.is_empty() {
        return Err(Error::NotInLambda);
    }
    let (tell, told) = mpsc::channel::<Told>(1);
    let attend_to = service_fn(move |event: LambdaEvent| {
        let tell = tell.clone();
        async move {
            let (done, waits) = oneshot::channel();
            tell.send((event.next, done)).await?;
            // Either way it was attended to.
            let _ = waits.await;
            Ok::<_, lambda_extension::Error>(())
        }
    });
    // Where several events are in hand at a time, who asks to be told of each is refused, and the environment with it.
    let events: &[&str] = if config.managed { &["SHUTDOWN"] } else { &["INVOKE", "SHUTDOWN"] };
    let extension = Extension::new().with_events(events).with_events_processor(attend_to);
    let registered = extension.register().await.map_err(Error::Api)?;
    let agent = Arc::new(Agent::new(&config, registered.account_id.as_deref(), &registered.extension_id));
    // Before the first event is asked for, which ends the time in which one can subscribe.
    let subscribed = subscribe(&config.api, &registered.extension_id, &agent).await;
    if let Err(reason) = &subscribed {
        say(&format!(
            "no telemetry: {reason}. The function is not affected. This environment writes no metrics, logs or traces"
        ));
    }
    tokio::spawn(Arc::clone(&agent).tell());
    tokio::select! {
        ended = registered.run() => ended.map_err(Error::Api),
        () = attend(told, &agent, subscribed.is_ok()) => Ok(()),
    }
}

/// Attends to events, one after the other, until the environment ends. Without telemetry there is nothing to wait for.
async fn attend(mut told: mpsc::Receiver<Told>, agent: &Arc<Agent>, hears: bool) {
    while let Some((event, done)) = told.recv().await {
        match event {
            NextEvent::Invoke(event) if hears => agent.invoked(&event.request_id, event.deadline_ms).await,
            NextEvent::Invoke(_) => {}
            NextEvent::Shutdown(event) => return agent.shut_down(event.deadline_ms).await,
        }
        // Whoever waits may have gone.
        let _ = done.send(());
    }
}

/// Asks for telemetry by the newest schema that is accepted.
async fn subscribe(api: &str, id: &str, agent: &Arc<Agent>) -> Result<(), String> {
    let listener = Listener::bind().await.map_err(|error| error.to_string())?;
    let port = listener.port().map_err(|error| error.to_string())?;
    tokio::spawn(listener.serve(Arc::clone(agent)));
    let mut mistake = String::new();
    for schema in SCHEMAS {
        match ask(api, id, schema, port).await {
            Ok(()) => return Ok(()),
            Err(error) => mistake = error,
        }
    }
    Err(mistake)
}

async fn ask(api: &str, id: &str, schema: &str, port: u16) -> Result<(), String> {
    let subscription = json!({
        "schemaVersion": schema,
        "types": ["platform", "function", "extension"],
        // The bounds of the Telemetry API: as soon as it can be, since an environment may freeze at any time after.
        "buffering": { "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25 },
        "destination": { "protocol": "HTTP", "URI": format!("http://{NAME}:{port}") },
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
    // Not every 2xx: `202 Accepted` answers a subscription where there is no telemetry, as in AWS's Runtime Interface
    // Emulator, by which SAM runs functions locally.
    if status == StatusCode::OK {
        return Ok(());
    }
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    // The Runtime Interface Emulator ends its answer with a line break.
    let body = String::from_utf8_lossy(&body).split_whitespace().collect::<Vec<_>>().join(" ");
    Err(format!("the Telemetry API answered the subscription with {status}: {body}"))
}

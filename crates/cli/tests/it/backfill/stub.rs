//! An AWS endpoint whose answers a test chooses, for what neither the emulator nor moto has.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What is between two tags of that name.
    pub(super) fn element(&self, tag: &str) -> &str {
        let (_, rest) = self.body.split_once(&format!("<{tag}>")).unwrap();
        rest.split_once(&format!("</{tag}>")).unwrap().0
    }
}

/// A status and a body; `None` leaves the request without an answer.
type Answer = Option<(u16, String)>;

#[derive(Clone)]
struct Server {
    answer: Arc<dyn Fn(&Received) -> Answer + Send + Sync>,
    received: Arc<Mutex<Vec<Received>>>,
    unanswered: UnboundedSender<()>,
}

pub(super) struct Stub {
    pub(super) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    /// A message comes for every request that is left without an answer.
    pub(super) unanswered: UnboundedReceiver<()>,
}

impl Stub {
    pub(super) async fn start(answer: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::default();
        let (sender, unanswered) = unbounded_channel();
        let server = Server { answer: Arc::new(answer), received: Arc::clone(&received), unanswered: sender };
        let routes = Router::new().fallback(serve).with_state(server);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { port, received, unanswered }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// For S3 Control, whose host name begins with the account: 127 makes an address of it that needs no DNS.
    pub(super) fn endpoint_of_account_127(&self) -> String {
        format!("http://0.0.1:{}", self.port)
    }

    /// Every request so far.
    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(State(server): State<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8_lossy(&body).into_owned();
    let received = Received { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    let answer = (server.answer)(&received);
    server.received.lock().unwrap().push(received);
    if let Some((status, body)) = answer {
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    server.unanswered.send(()).unwrap();
    pending().await
}

/// Variables with which every service is found at that endpoint, by credentials from the environment.
pub(super) fn environment(endpoint: &str) -> BTreeMap<String, String> {
    let variables = [("AWS_ENDPOINT_URL", endpoint), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The page of a listing: for each object its key, and what else S3 says of it.
pub(super) fn listing(objects: &[(&str, &str)]) -> String {
    let object = |(key, more): &(&str, &str)| {
        format!("<Contents><Key>{key}</Key><Size>1000</Size><ETag>e</ETag>{more}</Contents>")
    };
    let objects: String = objects.iter().map(object).collect();
    format!("<ListBucketResult><Name>photos</Name><IsTruncated>false</IsTruncated>{objects}</ListBucketResult>")
}

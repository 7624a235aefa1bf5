//! A stub of an AWS endpoint. It sends fixed responses, for services and errors that neither the emulator nor moto
//! supports.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A received request.
#[derive(Debug, Clone)]
pub(super) struct ReceivedRequest {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl ReceivedRequest {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the text of the first XML element with this tag.
    pub(super) fn element(&self, tag: &str) -> &str {
        let (_, rest) = self.body.split_once(&format!("<{tag}>")).unwrap();
        rest.split_once(&format!("</{tag}>")).unwrap().0
    }
}

/// A status and a body, or `None` to send no response.
type StubResponse = Option<(u16, String)>;

#[derive(Clone)]
struct Server {
    respond: Arc<dyn Fn(&ReceivedRequest) -> StubResponse + Send + Sync>,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
    unanswered: UnboundedSender<()>,
}

pub(super) struct Stub {
    pub(super) port: u16,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
    /// Receives a message for each request to which the stub sends no response.
    pub(super) unanswered: UnboundedReceiver<()>,
}

impl Stub {
    pub(super) async fn start(respond: impl Fn(&ReceivedRequest) -> StubResponse + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::default();
        let (sender, unanswered) = unbounded_channel();
        let server = Server { respond: Arc::new(respond), received: Arc::clone(&received), unanswered: sender };
        let routes = Router::new().fallback(serve).with_state(server);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { port, received, unanswered }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the endpoint of S3 Control for the account 127. The SDK puts the account ID before the host name, which
    /// gives the address 127.0.0.1.
    pub(super) fn endpoint_of_account_127(&self) -> String {
        format!("http://0.0.1:{}", self.port)
    }

    /// Returns all requests that the stub has received.
    pub(super) fn received(&self) -> Vec<ReceivedRequest> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(State(server): State<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8_lossy(&body).into_owned();
    let received = ReceivedRequest { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    let response = (server.respond)(&received);
    server.received.lock().unwrap().push(received);
    if let Some((status, body)) = response {
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    server.unanswered.send(()).unwrap();
    pending().await
}

/// Returns environment variables that send the requests to all services to this endpoint.
pub(super) fn environment(endpoint: &str) -> BTreeMap<String, String> {
    let variables = [("AWS_ENDPOINT_URL", endpoint), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Returns the XML of a page of a listing. For each object, `objects` contains the key and additional XML elements.
pub(super) fn listing(objects: &[(&str, &str)]) -> String {
    let object = |(key, more): &(&str, &str)| {
        format!("<Contents><Key>{key}</Key><Size>1000</Size><ETag>e</ETag>{more}</Contents>")
    };
    let objects: String = objects.iter().map(object).collect();
    format!("<ListBucketResult><Name>photos</Name><IsTruncated>false</IsTruncated>{objects}</ListBucketResult>")
}

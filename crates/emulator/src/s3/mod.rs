//! An S3 over a folder, by s3s-fs, whose writes are told of.

mod client;
mod notification;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use notification::{Action, Change};

/// The access key that the server knows: the one of AWS's own examples.
pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// Its secret.
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Where objects lie, as plain files in a folder a bucket. What is put there by hand is an object, and nobody is
    /// told of it. As in any folder, an object `a` and an object `a/b` exclude each other.
    pub folder: PathBuf,
    /// The buckets, which are made where they do not exist yet.
    pub buckets: Vec<String>,
}

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct S3 {
    address: SocketAddr,
    server: JoinHandle<io::Result<()>>,
}

#[derive(Clone)]
struct Shared {
    service: S3Service,
    folder: Arc<PathBuf>,
    notify: UnboundedSender<Value>,
}

impl S3 {
    /// Starts a server, with the notifications that it sends: one for every object that is put, copied, completed as a
    /// multipart upload, or deleted by itself (`DeleteObjects` tells nobody). Paths name the bucket first, requests are
    /// signed with [`ACCESS_KEY`].
    ///
    /// # Errors
    /// The address is taken, or the folder cannot be written.
    pub async fn start(settings: Settings) -> io::Result<(Self, UnboundedReceiver<Value>)> {
        let Settings { address, folder, buckets } = settings;
        for bucket in &buckets {
            std::fs::create_dir_all(folder.join(bucket))?;
        }
        let files = FileSystem::new(&folder).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let (notify, notifications) = unbounded_channel();
        let shared = Shared { service: builder.build(), folder: Arc::new(folder), notify };
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let routes = Router::new().fallback(serve).with_state(shared);
        let server = tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok((Self { address, server }, notifications))
    }

    /// Where it is reached.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment variables with which an AWS SDK finds it.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let variables = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_ENDPOINT_URL_S3", self.endpoint()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let action = Action::of(&request);
    // s3s-fs would make the bucket.
    if action.as_ref().is_some_and(|action| !shared.folder.join(&action.bucket).is_dir()) {
        return answer(StatusCode::NOT_FOUND, "<Error><Code>NoSuchBucket</Code></Error>");
    }
    let response = match shared.service.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(response) => response.map(Body::new),
        Err(error) => return failure(&format!("{error:?}")),
    };
    match action {
        Some(action) if response.status().is_success() => tell(&shared, action, response).await,
        Some(_) | None => response,
    }
}

/// Sends the notification before the response, so that whoever has the answer knows that the event is out.
async fn tell(shared: &Shared, action: Action, response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    // The body goes on in one piece, whatever it came in.
    head.headers.remove(header::TRANSFER_ENCODING);
    // Answers to writes are a few lines of XML at most.
    let Ok(body) = to_bytes(body, 1 << 20).await else { return failure("the answer could not be read") };
    let header = head.headers.get("etag").and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    let etag = header.or_else(|| etag_in(&body));
    let path = shared.folder.join(&action.bucket).join(&action.key);
    let size = match action.change {
        Change::Put | Change::Copy | Change::CompleteMultipartUpload => path.metadata().map(|file| file.len()).ok(),
        Change::Delete => None,
    };
    // Nobody listening is nobody interested.
    let _ = shared.notify.send(notification::notification(&action, etag.as_deref(), size));
    Response::from_parts(head, Body::from(body))
}

/// The ETag of a copy or a completed upload, which only the body tells.
fn etag_in(body: &Bytes) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<ETag>")?;
    Some(rest.split_once("</ETag>")?.0.replace("&quot;", "\""))
}

fn failure(message: &str) -> Response<Body> {
    answer(StatusCode::INTERNAL_SERVER_ERROR, message)
}

fn answer(status: StatusCode, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = status;
    response
}

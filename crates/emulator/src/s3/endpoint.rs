//! An address of the server, and the faults that it injects.

use std::future::pending;
use std::io;
use std::net::SocketAddr;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, Response, StatusCode};
use futures_util::{StreamExt, stream};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::service::S3Service;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::faults::{FailureKind, Fault, Faults, RequestKind};
use super::request_origin;

/// An address on which the server listens for one client, with its own faults. Dropping the endpoint closes it.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    server: JoinHandle<()>,
}

/// Handles the requests of every connection to an endpoint.
#[derive(Clone)]
struct EndpointService {
    service: S3Service,
    port: u16,
    faults: Faults,
    kills: UnboundedSender<()>,
}

impl Endpoint {
    pub(super) async fn open(
        address: SocketAddr,
        service: S3Service,
        faults: Faults,
        kills: UnboundedSender<()>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let service = EndpointService { service, port: address.port(), faults, kills };
        let server = tokio::spawn(async move {
            loop {
                // This fails if the client closed the connection before it was accepted.
                if let Ok((connection, _)) = listener.accept().await {
                    tokio::spawn(serve_connection(connection, service.clone()));
                }
            }
        });
        Ok(Self { address, server })
    }

    /// The URL of the endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve_connection(connection: TcpStream, service: EndpointService) {
    let service = service_fn(move |request| {
        let service = service.clone();
        async move { service.respond(request).await }
    });
    // This fails if the client or a fault reset the connection.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
}

impl EndpointService {
    /// Handles a request. An error resets the connection.
    async fn respond(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        if let Some(reason) = request_origin::rejection(&request, self.port) {
            return Ok(error_response(StatusCode::FORBIDDEN, "AccessDenied", &reason));
        }
        if let Some(injected) = self.faults.injected_response(&request) {
            return Ok(injected.response(&request));
        }
        let conditions = ["if-match", "if-none-match"];
        let kind = RequestKind {
            is_read: request.method() == Method::GET,
            is_conditional_write: conditions.iter().any(|name| request.headers().contains_key(*name))
                && matches!(*request.method(), Method::PUT | Method::DELETE),
        };
        match self.faults.next(kind) {
            None => self.forward(request).await,
            Some(Fault::Delayed(time)) => {
                tokio::time::sleep(time).await;
                self.forward(request).await
            }
            Some(Fault::Unavailable(failure)) => fail(failure),
            Some(Fault::Conflict) => Ok(fault_response(StatusCode::CONFLICT, "ConditionalRequestConflict")),
            Some(Fault::ResponseLost(failure)) => {
                self.forward(request).await?;
                // S3 responds with SlowDown only to requests that had no effect.
                fail(if failure == FailureKind::SlowDown { FailureKind::InternalError } else { failure })
            }
            Some(Fault::Truncated) => truncate(self.forward(request).await?).await,
            Some(Fault::Corrupted) => corrupt(self.forward(request).await?).await,
            Some(Fault::KilledBefore) => self.kill().await,
            Some(Fault::KilledAfter) => {
                self.forward(request).await?;
                self.kill().await
            }
        }
    }

    /// Forwards the request in a separate task, so that it completes even if the client disconnects, as in S3.
    async fn forward(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let service = self.service.clone();
        let request = request.map(s3s::Body::from);
        let result = tokio::spawn(async move { service.call(request).await }).await?;
        Ok(match result {
            Ok(response) => response.map(Body::new),
            Err(_) => fault_response(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        })
    }

    /// Requests the caller to kill the client's process, and never responds.
    async fn kill(&self) -> io::Result<Response<Body>> {
        // If the caller dropped the receiver, this error resets the connection.
        self.kills.send(()).map_err(io::Error::other)?;
        pending().await
    }
}

fn fail(failure: FailureKind) -> io::Result<Response<Body>> {
    match failure {
        FailureKind::InternalError => Ok(fault_response(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")),
        FailureKind::SlowDown => Ok(fault_response(StatusCode::SERVICE_UNAVAILABLE, "SlowDown")),
        FailureKind::Reset => Err(io::ErrorKind::ConnectionReset.into()),
    }
}

fn fault_response(status: StatusCode, code: &str) -> Response<Body> {
    error_response(status, code, "The emulator injected this fault.")
}

fn error_response(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    let text = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// Sends only the first half of the body, with the `Content-Length` of the whole body, and then resets the connection.
async fn truncate(response: Response<Body>) -> io::Result<Response<Body>> {
    let (head, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.map_err(io::Error::other)?;
    let half = whole.slice(..whole.len() / 2);
    // Yielding lets the server send the first half before the reset.
    let reset = async {
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    };
    let body = stream::iter([Ok(half)]).chain(stream::once(reset));
    Ok(Response::from_parts(head, Body::from_stream(body)))
}

/// Flips one bit in the middle of the body.
async fn corrupt(response: Response<Body>) -> io::Result<Response<Body>> {
    let (head, body) = response.into_parts();
    let mut bytes = to_bytes(body, usize::MAX).await.map_err(io::Error::other)?.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    Ok(Response::from_parts(head, Body::from(Bytes::from(bytes))))
}

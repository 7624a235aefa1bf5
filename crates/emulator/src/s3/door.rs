//! An address at which the server is reached, and what goes wrong there.

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

use super::faults::{Fault, Faults, Kind, Trouble};
use super::sender;

/// A door to the server, for one client: with faults of its own. It is closed when this is dropped.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    server: JoinHandle<()>,
}

/// What every connection through a door needs.
#[derive(Clone)]
struct Way {
    service: S3Service,
    port: u16,
    faults: Faults,
    kills: UnboundedSender<()>,
}

impl Door {
    pub(super) async fn open(
        address: SocketAddr,
        service: S3Service,
        faults: Faults,
        kills: UnboundedSender<()>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let way = Way { service, port: address.port(), faults, kills };
        let server = tokio::spawn(async move {
            loop {
                // A connection that was gone before it was accepted is nobody's.
                if let Ok((connection, _)) = listener.accept().await {
                    tokio::spawn(attend(connection, way.clone()));
                }
            }
        });
        Ok(Self { address, server })
    }

    /// Where it is.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn attend(connection: TcpStream, way: Way) {
    let service = service_fn(move |request| {
        let way = way.clone();
        async move { way.answer(request).await }
    });
    // An error here is a connection that was reset, by the client or by a fault.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
}

impl Way {
    /// An error resets the connection.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        if let Some(objection) = sender::objection(&request, self.port) {
            return Ok(error(StatusCode::FORBIDDEN, "AccessDenied", &objection));
        }
        if let Some(refusal) = self.faults.refusal(&request) {
            return Ok(refusal.answer(&request));
        }
        let conditions = ["if-match", "if-none-match"];
        let kind = Kind {
            reads: request.method() == Method::GET,
            on_condition: conditions.iter().any(|name| request.headers().contains_key(*name))
                && matches!(*request.method(), Method::PUT | Method::DELETE),
        };
        match self.faults.next(kind) {
            None => self.pass(request).await,
            Some(Fault::Late(time)) => {
                tokio::time::sleep(time).await;
                self.pass(request).await
            }
            Some(Fault::Refused(trouble)) => refuse(trouble),
            Some(Fault::Conflict) => Ok(fault(StatusCode::CONFLICT, "ConditionalRequestConflict")),
            Some(Fault::Lost(trouble)) => {
                self.pass(request).await?;
                // Nothing that had its effect is asked to slow down.
                refuse(if trouble == Trouble::SlowDown { Trouble::InternalError } else { trouble })
            }
            Some(Fault::Truncated) => halved(self.pass(request).await?).await,
            Some(Fault::Corrupt) => corrupted(self.pass(request).await?).await,
            Some(Fault::KilledBefore) => self.kill().await,
            Some(Fault::KilledAfter) => {
                self.pass(request).await?;
                self.kill().await
            }
        }
    }

    /// A request whose client goes away half-way through its effect has all of it, as in S3.
    async fn pass(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let service = self.service.clone();
        let request = request.map(s3s::Body::from);
        let answer = tokio::spawn(async move { service.call(request).await }).await?;
        Ok(match answer {
            Ok(response) => response.map(Body::new),
            Err(_) => fault(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        })
    }

    /// The process that asked dies before it is answered.
    async fn kill(&self) -> io::Result<Response<Body>> {
        // Where nobody kills, the client sees a reset.
        self.kills.send(()).map_err(io::Error::other)?;
        pending().await
    }
}

fn refuse(trouble: Trouble) -> io::Result<Response<Body>> {
    match trouble {
        Trouble::InternalError => Ok(fault(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")),
        Trouble::SlowDown => Ok(fault(StatusCode::SERVICE_UNAVAILABLE, "SlowDown")),
        Trouble::Reset => Err(io::ErrorKind::ConnectionReset.into()),
    }
}

fn fault(status: StatusCode, code: &str) -> Response<Body> {
    error(status, code, "By a fault of the emulator's.")
}

fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    let text = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// The first half of the body, under the header of the whole.
async fn halved(response: Response<Body>) -> io::Result<Response<Body>> {
    let (head, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.map_err(io::Error::other)?;
    let half = whole.slice(..whole.len() / 2);
    // What has been sent by then is on its way when the reset comes.
    let reset = async {
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    };
    let body = stream::iter([Ok(half)]).chain(stream::once(reset));
    Ok(Response::from_parts(head, Body::from_stream(body)))
}

/// The body with one bit turned.
async fn corrupted(response: Response<Body>) -> io::Result<Response<Body>> {
    let (head, body) = response.into_parts();
    let mut bytes = to_bytes(body, usize::MAX).await.map_err(io::Error::other)?.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    Ok(Response::from_parts(head, Body::from(Bytes::from(bytes))))
}

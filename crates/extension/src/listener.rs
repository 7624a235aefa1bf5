//! The HTTP server that receives telemetry from Lambda.
//!
//! The crate lambda-extension also contains a server for telemetry. This crate does not use that server; it uses only
//! the Extensions API client of lambda-extension. The server of lambda-extension binds its port again for every
//! connection, and panics if the port cannot be bound. In this case, telemetry ends with the second connection. Also,
//! lambda-extension subscribes with the schema version `2022-07-01`, and rejects batches with unknown records.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, lookup_host};
use tokio::time::timeout;

use crate::pipeline::Pipeline;

/// The host name that Lambda sends telemetry to. Lambda rejects a subscription with any other name.
pub(crate) const HOST: &str = "sandbox.localdomain";

const RESOLUTION_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum size of a request. A batch has at most 1 MB plus one record.
const MAX_BATCH_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
}

impl Listener {
    /// Binds a free port at the address of [`HOST`], as AWS's example extensions do, so that no other machine can
    /// connect. If the name does not resolve to an address of this machine, binds to loopback.
    pub(crate) async fn bind() -> io::Result<Self> {
        // On Lambda, the hosts file contains the name. On other systems a name server may not respond, so there is a
        // timeout.
        let addresses = timeout(RESOLUTION_TIMEOUT, lookup_host((HOST, 0))).await;
        let addresses = addresses.ok().and_then(Result::ok).into_iter().flatten();
        for address in addresses {
            // A name server may return the address of another machine. Then `bind` fails.
            if let Ok(listener) = TcpListener::bind(address).await {
                return Ok(Self { listener });
            }
        }
        Ok(Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await? })
    }

    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Receives batches until the process exits.
    pub(crate) async fn serve(self, pipeline: Arc<Pipeline>) {
        loop {
            // `accept` fails if the client closed the connection before the listener accepted it.
            let Ok((connection, _)) = self.listener.accept().await else { continue };
            let pipeline = Arc::clone(&pipeline);
            tokio::spawn(async move {
                let service = service_fn(|request| receive(&pipeline, request));
                // `serve_connection` fails if the connection was reset. All batches that arrived completely before the
                // reset were received.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
            });
        }
    }
}

async fn receive(pipeline: &Pipeline, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut response = Response::new(Empty::new());
    match Limited::new(request.into_body(), MAX_BATCH_BYTES).collect().await {
        Ok(body) => pipeline.receive(&body.to_bytes()),
        Err(_) => *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE,
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn several_connections_stay_open_at_the_same_time() {
        let pipeline = Arc::new(Pipeline::new(&Config::parse(&BTreeMap::new()).0, None, "instance"));
        let listener = Listener::bind().await.unwrap();
        assert!(listener.listener.local_addr().unwrap().ip().is_loopback(), "other machines can connect");
        let address = (Ipv4Addr::LOCALHOST, listener.port().unwrap());
        tokio::spawn(listener.serve(Arc::clone(&pipeline)));
        let mut open = vec![];
        for _ in 0..3 {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let request = "POST / HTTP/1.1\r\nhost: sandbox\r\ncontent-length: 2\r\n\r\n[]";
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut status = [0; 15];
            timeout(Duration::from_secs(10), connection.read_exact(&mut status)).await.expect("a response").unwrap();
            assert_eq!(&status, b"HTTP/1.1 200 OK");
            open.push(connection);
        }
        assert_eq!(pipeline.batch_count(), 3);
    }
}

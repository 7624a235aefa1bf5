//! Where Lambda brings telemetry.
//!
//! lambda-extension has such a listener, too. It binds its port anew for every connection, and panics where that fails:
//! the telemetry of an environment would end with its second connection. So only its Extensions API is used, and this
//! stands in for the rest. It asks for the schema `2022-07-01` besides, and reads no record of a kind that it does not
//! know.

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

use crate::agent::Agent;

/// The host name that Lambda sends telemetry to. Lambda refuses a subscription with any other name.
pub(crate) const NAME: &str = "sandbox.localdomain";

const RESOLUTION: Duration = Duration::from_secs(1);

/// A batch has 1 MB at most, and one record over it.
const MOST_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
}

impl Listener {
    /// Binds a free port at the address of [`NAME`], as AWS's example extensions do, so that no other machine can connect.
    /// Where that name does not resolve to an address of this machine, it binds to loopback.
    pub(crate) async fn bind() -> io::Result<Self> {
        // Lambda has the name in its hosts file. Elsewhere a name server may not answer, hence the timeout.
        let addresses = timeout(RESOLUTION, lookup_host((NAME, 0))).await;
        let addresses = addresses.ok().and_then(Result::ok).into_iter().flatten();
        for address in addresses {
            // A name server may answer with another machine's address, which cannot be bound.
            if let Ok(listener) = TcpListener::bind(address).await {
                return Ok(Self { listener });
            }
        }
        Ok(Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await? })
    }

    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Takes batches for as long as the process lives.
    pub(crate) async fn serve(self, agent: Arc<Agent>) {
        loop {
            // A connection that was gone before it was accepted is nobody's.
            let Ok((connection, _)) = self.listener.accept().await else { continue };
            let agent = Arc::clone(&agent);
            tokio::spawn(async move {
                let service = service_fn(|request| take(&agent, request));
                // An error is a connection that was reset. What it brought whole is taken.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
            });
        }
    }
}

async fn take(agent: &Agent, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut response = Response::new(Empty::new());
    match Limited::new(request.into_body(), MOST_BYTES).collect().await {
        Ok(body) => agent.take(&body.to_bytes()),
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
    async fn telemetry_comes_by_as_many_connections_as_lambda_likes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("records.ndjson");
        let settings = BTreeMap::from([("TELEMETRY_FILE".into(), file.to_str().unwrap().into())]);
        let agent = Arc::new(Agent::new(&Config::parse(&settings).0, None, "instance"));
        let listener = Listener::bind().await.unwrap();
        assert!(listener.listener.local_addr().unwrap().ip().is_loopback(), "other machines can reach it");
        let address = (Ipv4Addr::LOCALHOST, listener.port().unwrap());
        tokio::spawn(listener.serve(agent));
        let mut open = vec![];
        for number in 0..3 {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let request = format!("POST / HTTP/1.1\r\nhost: sandbox\r\ncontent-length: 3\r\n\r\n[{number}]");
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut answer = [0; 15];
            timeout(Duration::from_secs(10), connection.read_exact(&mut answer)).await.expect("an answer").unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200 OK");
            open.push(connection);
        }
        assert_eq!(std::fs::read_to_string(file).unwrap(), "0\n1\n2\n");
    }
}

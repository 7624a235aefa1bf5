//! One request to the backend.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use thiserror::Error;
use tokio::time::timeout;

use crate::config::Target;

/// The most of an answer that is read: it has a number and a sentence.
const MOST_ANSWER: usize = 65_536;

/// Where one signal goes.
#[derive(Debug)]
pub(super) struct Door {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    target: Target,
}

/// What a backend did instead of taking something.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    #[error("cannot be reached: {}", model::error_chain(.0))]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("did not answer within {0:?}")]
    Late(Duration),
    #[error("answered {0}")]
    Refused(StatusCode),
    #[error("was cut off")]
    Cut,
}

impl Trouble {
    /// Whether the same may be taken another time ("OTLP/HTTP Response", "Retryable Response Codes").
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Late(_) | Self::Cut => true,
            // The specification names 429, 502, 503 and 504. A 500 is a collector's passing trouble as often.
            Self::Refused(status) => *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error(),
        }
    }
}

impl Door {
    /// Doors to these, where there are any.
    ///
    /// # Errors
    /// TLS has no certificates to go by.
    pub(super) fn all<const NUMBER: usize>(
        targets: [&Option<Target>; NUMBER],
    ) -> Result<[Option<Self>; NUMBER], String> {
        let is_https = |target: &Target| target.address.scheme_str() == Some("https");
        let connector = connector(targets.iter().any(|target| target.as_ref().is_some_and(is_https)))?;
        // Each request has a connection of its own. One that was kept would be dead when a frozen environment wakes, which
        // nobody tells and no clock in there shows, and what the end has to say would wait for it in vain.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(targets.map(|target| Some(Self { client: client.clone(), target: target.clone()? })))
    }

    /// Delivers, and gives how many items of it the backend will never take.
    pub(super) async fn send(&self, message: Vec<u8>) -> Result<u64, Trouble> {
        let limit = self.target.timeout;
        let response = timeout(limit, self.client.request(self.request(message))).await;
        let response = response.map_err(|_| Trouble::Late(limit))?.map_err(Trouble::Unreachable)?;
        if !response.status().is_success() {
            return Err(Trouble::Refused(response.status()));
        }
        // It has taken the message, whatever becomes of the rest of its answer.
        let body = timeout(limit, Limited::new(response.into_body(), MOST_ANSWER).collect()).await;
        Ok(body.ok().and_then(Result::ok).map_or(0, |body| rejected(&body.to_bytes())))
    }

    fn request(&self, message: Vec<u8>) -> Request<Full<Bytes>> {
        let message = if self.target.gzip { compressed(&message) } else { message };
        let mut request = Request::new(Full::new(Bytes::from(message)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.address.clone();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("avif-extension/", env!("CARGO_PKG_VERSION"))));
        headers.extend(self.target.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        if self.target.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        request
    }
}

/// At the fastest level: the processors are the function's.
fn compressed(message: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(message).and_then(|()| encoder.finish()).expect("memory takes everything")
}

/// What a backend says that it will never take of a message that it took ("OTLP/HTTP Response", "Partial Success"). The
/// answers for metrics, traces and logs are the same but for the names.
fn rejected(answer: &[u8]) -> u64 {
    let partial = ExportTraceServiceResponse::decode(answer).ok().and_then(|answer| answer.partial_success);
    partial.and_then(|partial| u64::try_from(partial.rejected_spans).ok()).unwrap_or_default()
}

/// With the machine's certificates where they are needed: reading them takes longer than all the rest of the start.
fn connector(tls: bool) -> Result<HttpsConnector<HttpConnector>, String> {
    let builder = HttpsConnectorBuilder::new();
    let builder = if tls {
        builder.with_native_roots().map_err(|error| format!("no certificates to go by: {error}"))?
    } else {
        builder.with_tls_config(nothing_trusted())
    };
    Ok(builder.https_or_http().enable_http1().build())
}

fn nothing_trusted() -> rustls::ClientConfig {
    rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
    };

    use super::*;

    #[test]
    fn what_a_backend_rejects_of_a_message_is_read_from_any_answer() {
        let partial = ExportMetricsPartialSuccess { rejected_data_points: 3, error_message: "too old".into() };
        let answer = ExportMetricsServiceResponse { partial_success: Some(partial) };
        assert_eq!(rejected(&answer.encode_to_vec()), 3);
        assert_eq!((rejected(b""), rejected(b"{}"), rejected(b"<html>")), (0, 0, 0));
    }
}

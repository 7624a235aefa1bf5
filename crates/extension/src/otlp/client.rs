//! The HTTP client of one signal's backend.

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

use crate::config::OtlpTarget;

/// The maximum size of a response body. A response contains only a number and a message.
const MAX_RESPONSE_BYTES: usize = 65_536;

/// Sends the messages of one signal to its backend.
#[derive(Debug)]
pub(super) struct OtlpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    target: OtlpTarget,
}

/// The error of a request. The message follows the words "the backend for metrics", for example.
#[derive(Debug, Error)]
pub(super) enum ExportError {
    #[error("cannot be reached: {}", model::error_chain(.0))]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("did not respond within {0:?}")]
    Timeout(Duration),
    #[error("responded {0}")]
    Status(StatusCode),
    #[error("was interrupted")]
    Interrupted,
}

impl ExportError {
    /// Whether a retry may succeed ("OTLP/HTTP Response", "Retryable Response Codes").
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout(_) | Self::Interrupted => true,
            // The specification lists 429, 502, 503 and 504. Collectors also respond with 500 to temporary failures.
            Self::Status(status) => *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error(),
        }
    }
}

impl OtlpClient {
    /// Creates a client for each target.
    ///
    /// # Errors
    /// A target uses HTTPS, and the CA certificates cannot be loaded.
    pub(super) fn for_targets<const NUMBER: usize>(
        targets: [&Option<OtlpTarget>; NUMBER],
    ) -> Result<[Option<Self>; NUMBER], String> {
        let is_https = |target: &OtlpTarget| target.url.scheme_str() == Some("https");
        let connector = connector(targets.iter().any(|target| target.as_ref().is_some_and(is_https)))?;
        // Each request opens a new connection. An existing connection may break while the environment is frozen. The
        // client would not detect this, and requests at shutdown would time out.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(targets.map(|target| Some(Self { client: client.clone(), target: target.clone()? })))
    }

    /// Sends a message. Returns the number of its items that the backend rejected.
    pub(super) async fn send(&self, message: Vec<u8>) -> Result<u64, ExportError> {
        let limit = self.target.timeout;
        let response = timeout(limit, self.client.request(self.request(message))).await;
        let response = response.map_err(|_| ExportError::Timeout(limit))?.map_err(ExportError::Unreachable)?;
        if !response.status().is_success() {
            return Err(ExportError::Status(response.status()));
        }
        // The backend has accepted the message, even if reading the rest of the response fails.
        let body = timeout(limit, Limited::new(response.into_body(), MAX_RESPONSE_BYTES).collect()).await;
        Ok(body.ok().and_then(Result::ok).map_or(0, |body| rejected_items(&body.to_bytes())))
    }

    fn request(&self, message: Vec<u8>) -> Request<Full<Bytes>> {
        let message = if self.target.is_gzip { compress(&message) } else { message };
        let mut request = Request::new(Full::new(Bytes::from(message)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.url.clone();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("avif-extension/", env!("CARGO_PKG_VERSION"))));
        headers.extend(self.target.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        if self.target.is_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        request
    }
}

/// Uses the fastest level, to leave the vCPUs to the function.
fn compress(message: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(message).and_then(|()| encoder.finish()).expect("writing to memory cannot fail")
}

/// Returns the number of items that the backend rejected in a message that it accepted ("OTLP/HTTP Response", "Partial
/// Success"). The responses for metrics, traces and logs have the same encoding; only the field names differ.
fn rejected_items(response: &[u8]) -> u64 {
    let partial = ExportTraceServiceResponse::decode(response).ok().and_then(|response| response.partial_success);
    partial.and_then(|partial| u64::try_from(partial.rejected_spans).ok()).unwrap_or_default()
}

/// Loads the CA certificates only for HTTPS, because loading takes longer than the rest of the extension's start.
fn connector(is_https: bool) -> Result<HttpsConnector<HttpConnector>, String> {
    let builder = HttpsConnectorBuilder::new();
    let builder = if is_https {
        builder.with_native_roots().map_err(|error| {
            format!("cannot load the CA certificates: {error}. Nothing is sent to the OpenTelemetry backends")
        })?
    } else {
        builder.with_tls_config(tls_config_without_certificates())
    };
    Ok(builder.https_or_http().enable_http1().build())
}

fn tls_config_without_certificates() -> rustls::ClientConfig {
    rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
    };

    use super::*;

    #[test]
    fn rejected_items_are_read_from_the_response_of_any_signal() {
        let partial = ExportMetricsPartialSuccess { rejected_data_points: 3, error_message: "too old".into() };
        let response = ExportMetricsServiceResponse { partial_success: Some(partial) };
        assert_eq!(rejected_items(&response.encode_to_vec()), 3);
        assert_eq!((rejected_items(b""), rejected_items(b"{}"), rejected_items(b"<html>")), (0, 0, 0));
    }
}

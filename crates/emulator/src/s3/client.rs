use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use super::credentials::ACCESS_KEY;

/// Creates a client of an S3-compatible server on loopback, with [`ACCESS_KEY`] and path-style URLs.
#[must_use]
pub fn s3_client(endpoint_url: &str, secret_key: &str) -> Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http.build_https())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(ACCESS_KEY, secret_key, None, None, "emulator"))
        .endpoint_url(endpoint_url)
        .force_path_style(true);
    Client::from_conf(config.build())
}

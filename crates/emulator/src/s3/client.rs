use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use super::{ACCESS_KEY, S3};

impl S3 {
    /// An ordinary client of this server that signs with that secret, which may be another than the server's.
    #[must_use]
    pub fn client(&self, secret: &str) -> Client {
        let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http.build_https())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(ACCESS_KEY, secret, None, None, "emulator"))
            .endpoint_url(self.endpoint())
            .force_path_style(true);
        Client::from_conf(config.build())
    }
}

use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use model::Location;
use tokio::sync::Semaphore;

use crate::Error;
use crate::error::chain;

/// S3, as this program reaches it.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    /// Whose turn it is to convert: one picture's memory is what is held against the limit, and one that overran its
    /// deadline goes on for a while.
    pub(crate) turn: Arc<Semaphore>,
}

impl Store {
    /// Connects with the region, credentials and endpoint that the AWS SDK finds in its usual places. `path_style` puts
    /// the bucket in the path, which servers other than AWS expect.
    pub async fn connect(path_style: bool) -> Self {
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let shared = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
        let config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(path_style).build();
        Self { client: Client::from_conf(config), turn: Arc::new(Semaphore::new(1)) }
    }
}

/// S3's own code and words where it answered, the connection's trouble where it did not.
pub(crate) fn failed<E, R>(action: &'static str, at: &Location, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let message = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => chain(error),
    };
    // GetObject answers 403 for a missing key too where the role may not list the bucket.
    let hint = if matches!(error.code(), Some("AccessDenied")) && action == "read" {
        " (it may be missing: without s3:ListBucket, S3 does not tell)"
    } else {
        ""
    };
    Error::Storage { action, at: at.clone(), message: format!("{message}{hint}").replace('\n', " ") }
}

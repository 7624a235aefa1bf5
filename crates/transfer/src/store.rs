use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use model::Location;

use crate::Error;
use crate::catalogue::Catalogue;
use crate::error::chain;
use crate::turn::Turns;

/// Tries of one request, where S3 throttles or fails.
const ATTEMPTS: u32 = 5;
/// The pause before the second try is up to so long, before each later one up to twice as long. The SDK's own second is
/// paid for by the millisecond.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// S3, as this program reaches it.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) catalogue: Option<Catalogue>,
    pub(crate) turns: Turns,
}

/// How S3 is reached, and what is kept beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Whether the bucket goes into the path, which servers other than AWS expect.
    pub path_style: bool,
    /// Bytes of files that are held at most beside the picture that is converted.
    pub waiting: u64,
    /// The DynamoDB table that lists what is stored, where there is one. Its partition key is `source`, a string.
    pub catalogue: Option<String>,
}

impl Store {
    /// Connects with the region, credentials and endpoints that the AWS SDK finds in its usual places.
    pub async fn connect(connection: Connection) -> Self {
        Self::with(&access().await, connection)
    }

    /// The same, by an access that there is already.
    #[must_use]
    pub fn with(access: &SdkConfig, connection: Connection) -> Self {
        let Connection { path_style, waiting, catalogue } = connection;
        let config = aws_sdk_s3::config::Builder::from(access).force_path_style(path_style).build();
        let catalogue = catalogue.map(|table| Catalogue { client: aws_sdk_dynamodb::Client::new(access), table });
        Self { client: Client::from_conf(config), catalogue, turns: Turns::new(waiting) }
    }

    /// The client of S3, for what is no job: listing, for instance.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// How every client here reaches AWS: region, credentials and endpoints as the AWS SDK finds them in its usual places.
pub async fn access() -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    // They slow down with the service where it throttles. The deadline is each job's own.
    let retries = RetryConfig::adaptive().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE);
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).retry_config(retries).load().await
}

/// The HTTP status of an answer that is an error.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// S3's own code and words where it answered, the connection's trouble where it did not.
pub(crate) fn failed<E, R>(action: &'static str, at: &Location, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let message = message(error);
    // GetObject answers 403 for a missing key too where the role may not list the bucket.
    let hint = if matches!(error.code(), Some("AccessDenied")) && action == "read" {
        " (it may be missing: without s3:ListBucket, S3 does not tell)"
    } else {
        ""
    };
    Error::storage(action, at, message + hint)
}

/// What a service answered, or what the connection met, in words and on one line.
pub fn message<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let message = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => chain(error),
    };
    message.replace('\n', " ")
}

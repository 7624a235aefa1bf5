use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Once, PoisonError, RwLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::catalog::Catalog;
use crate::operation::bucket_region;
use crate::progress::RecordFailures;
use crate::turn::Turns;
use crate::worker::Worker;

/// How often one request is tried, where S3 throttles it or fails.
const ATTEMPTS: u32 = 5;
/// The pause before the second try is at most this long, and each later one at most twice as long as the one before.
/// Lambda bills a pause like work, so the SDK's first pause of a second is too long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The last of these pauses, and the longest, whatever an answer asks for.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// S3, as this program reaches it.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    /// The clients of buckets that are in another region than the function, by the bucket's name.
    regional_clients: Arc<RwLock<HashMap<String, Client>>>,
    /// Whether requests go to a server that need not be S3 itself.
    custom_endpoint: bool,
    /// Says once that this server does not know conditional deletions.
    pub(crate) unconditional_deletion: Arc<Once>,
    pub(crate) catalog: Option<Catalog>,
    pub(crate) turns: Turns,
}

/// How S3 is reached, and what is kept beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Whether the endpoint is not AWS's own. The bucket then goes into the path, which other servers expect.
    pub custom_endpoint: bool,
    /// Bytes of files that are held at most beside the image that is converted.
    pub waiting: u64,
    /// The DynamoDB table that lists what is stored, where there is one. Its partition key is `source`, a string.
    pub catalog: Option<String>,
    /// How images are converted.
    pub worker: Worker,
}

impl Store {
    /// Connects with the region, credentials and endpoints that the AWS SDK finds in its usual places.
    pub async fn connect(connection: Connection) -> Self {
        Self::with(&access().await, connection)
    }

    /// The same, by an access that there is already.
    #[must_use]
    pub fn with(access: &SdkConfig, connection: Connection) -> Self {
        let Connection { custom_endpoint, waiting, catalog, worker } = connection;
        let config = aws_sdk_s3::config::Builder::from(access)
            .force_path_style(custom_endpoint)
            .interceptor(RecordFailures)
            .build();
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(access).interceptor(RecordFailures);
        let catalog =
            catalog.map(|table| Catalog { client: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()), table });
        let (client, turns) = (Client::from_conf(config), Turns::new(waiting, worker));
        let (regional_clients, unconditional_deletion) = (Arc::default(), Arc::new(Once::new()));
        Self { client, regional_clients, custom_endpoint, unconditional_deletion, catalog, turns }
    }

    /// The client of S3 in the function's own region.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether a server may lack what S3 itself has.
    pub(crate) fn is_custom_endpoint(&self) -> bool {
        self.custom_endpoint
    }

    /// Sends a request about this bucket to the bucket's own region. S3 names that region when it is asked elsewhere, and
    /// the SDK does not follow; the answer is remembered.
    ///
    /// # Errors
    /// As the request.
    pub async fn send<T, E, F>(
        &self,
        bucket: &str,
        request: impl Fn(Client) -> F,
    ) -> Result<T, SdkError<E, HttpResponse>>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let client = self.client_of(bucket);
        let asked = client.config().region().cloned();
        // On the heap: the SDK's futures are large, and a job has several of them.
        let answer = Box::pin(request(client)).await;
        let moved = answer.as_ref().err().and_then(bucket_region).map(Region::new);
        match moved.filter(|region| Some(region) != asked.as_ref()) {
            Some(region) => Box::pin(request(self.remember(bucket, region))).await,
            None => answer,
        }
    }

    fn client_of(&self, bucket: &str) -> Client {
        let clients = self.regional_clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.get(bucket).unwrap_or(&self.client).clone()
    }

    fn remember(&self, bucket: &str, region: Region) -> Client {
        let mut clients = self.regional_clients.write().unwrap_or_else(PoisonError::into_inner);
        // Buckets of one region share a client, and with it the connections.
        let known = clients.values().find(|client| client.config().region() == Some(&region)).cloned();
        let client =
            known.unwrap_or_else(|| Client::from_conf(self.client.config().to_builder().region(region).build()));
        clients.insert(bucket.to_owned(), client.clone());
        client
    }
}

/// How every client here reaches AWS: region, credentials and endpoints as the AWS SDK finds them in its usual places.
pub async fn access() -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    // Not the adaptive mode: after a throttled request it holds back the later ones of the client for longer than these
    // pauses, and so the images that come after it.
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE);
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).retry_config(retries).load().await
}

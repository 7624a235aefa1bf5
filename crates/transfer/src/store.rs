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
use crate::conversion_queue::ConversionQueue;
use crate::operation::bucket_region;
use crate::progress::FailureRecorder;
use crate::worker::Worker;

/// The number of attempts for a request that is throttled or fails.
const MAX_REQUEST_ATTEMPTS: u32 = 5;
/// The maximum pause before the second attempt. The maximum doubles with each attempt. Lambda bills pauses, so the
/// SDK's initial backoff of one second is too long.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
/// The maximum pause before any attempt, even if a response requests a longer pause.
const MAX_BACKOFF: Duration = Duration::from_millis(800);

/// The clients of S3 and of the catalog, and the queue of conversions, which share the memory of this process.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    /// The clients for buckets that are not in the function's region. Each key of the map is the name of a bucket.
    regional_clients: Arc<RwLock<HashMap<String, Client>>>,
    is_custom_endpoint: bool,
    /// Ensures that the warning about missing conditional deletions is logged only once.
    pub(crate) unconditional_deletion_warning: Arc<Once>,
    pub(crate) catalog: Option<Catalog>,
    pub(crate) conversions: ConversionQueue,
}

/// The settings of a [`Store`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreOptions {
    /// Whether the endpoint of S3 belongs to an S3 server other than AWS. Requests to such a server contain the bucket
    /// in the path.
    pub custom_endpoint: bool,
    /// The maximum size in bytes of the files in memory, without the file that is being converted.
    pub prefetch_memory: u64,
    /// The catalog's DynamoDB table, if there is one. Its partition key is `source`, a string.
    pub catalog: Option<String>,
    /// The settings of the processes that convert images.
    pub worker: Worker,
}

impl Store {
    /// Creates a store with the configuration of the AWS SDK, as [`load_aws_config`] loads it.
    pub async fn connect(options: StoreOptions) -> Self {
        Self::new(&load_aws_config().await, options)
    }

    /// Creates a store with a configuration that is already loaded.
    #[must_use]
    pub fn new(config: &SdkConfig, options: StoreOptions) -> Self {
        let StoreOptions { custom_endpoint, prefetch_memory, catalog, worker } = options;
        let s3 = aws_sdk_s3::config::Builder::from(config)
            .force_path_style(custom_endpoint)
            .interceptor(FailureRecorder)
            .build();
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(config).interceptor(FailureRecorder);
        let catalog =
            catalog.map(|table| Catalog { client: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()), table });
        Self {
            client: Client::from_conf(s3),
            regional_clients: Arc::default(),
            is_custom_endpoint: custom_endpoint,
            unconditional_deletion_warning: Arc::new(Once::new()),
            catalog,
            conversions: ConversionQueue::new(prefetch_memory, worker),
        }
    }

    /// Returns the client for S3 in the function's region.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the server may lack operations that S3 has.
    pub(crate) fn is_custom_endpoint(&self) -> bool {
        self.is_custom_endpoint
    }

    /// Sends a request for a bucket to the bucket's region. The first request goes to the function's region; if S3
    /// returns another region, this function repeats the request in that region, because the SDK does not repeat it.
    /// The region is saved for later requests.
    ///
    /// # Errors
    /// The error of the request.
    pub async fn send<T, E, F>(
        &self,
        bucket: &str,
        request: impl Fn(Client) -> F,
    ) -> Result<T, SdkError<E, HttpResponse>>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let client = self.client_for(bucket);
        let requested_region = client.config().region().cloned();
        // The future is boxed, because the SDK's futures are large and a job has several of them.
        let response = Box::pin(request(client)).await;
        let region = response.as_ref().err().and_then(bucket_region).map(Region::new);
        match region.filter(|region| Some(region) != requested_region.as_ref()) {
            Some(region) => Box::pin(request(self.add_regional_client(bucket, region))).await,
            None => response,
        }
    }

    fn client_for(&self, bucket: &str) -> Client {
        let clients = self.regional_clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.get(bucket).unwrap_or(&self.client).clone()
    }

    fn add_regional_client(&self, bucket: &str, region: Region) -> Client {
        let mut clients = self.regional_clients.write().unwrap_or_else(PoisonError::into_inner);
        // Buckets in the same region share a client and its connections.
        let existing = clients.values().find(|client| client.config().region() == Some(&region)).cloned();
        let client =
            existing.unwrap_or_else(|| Client::from_conf(self.client.config().to_builder().region(region).build()));
        clients.insert(bucket.to_owned(), client.clone());
        client
    }
}

/// Loads the configuration of all AWS clients: region, credentials and endpoints from the default sources of the AWS
/// SDK, and the retry settings of this crate.
pub async fn load_aws_config() -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    // The adaptive retry mode is not suitable: after a throttled request, it delays all later requests of the client.
    // These delays of the next images would be longer than the pauses between the attempts of one request.
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_REQUEST_ATTEMPTS)
        .with_initial_backoff(INITIAL_BACKOFF)
        .with_max_backoff(MAX_BACKOFF);
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).retry_config(retries).load().await
}

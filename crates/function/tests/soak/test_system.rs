//! Runs a test system: a bucket, and the execution environments that handle the events of the bucket.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use backfill::{Origin, PruneEvent, prune};
use emulator::{ACCESS_KEY, Call, Endpoint, FaultRates, Faults, InjectedResponse, Lambda, S3, SECRET_KEY, Settings};
use fastrand::Rng;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use transfer::{Store, StoreOptions};

use crate::bootstrap::function;
use crate::moto::{Moto, sdk_config};
use crate::notification::record;
use crate::outputs::Outputs;

/// The number of execution environments in each test system with each version of the settings. Several environments may handle
/// events of one source at the same time, also with different versions of the settings.
const ENVIRONMENTS: usize = 3;

/// The number of faults of each kind per 1,000 requests. A job makes about 6 to 12 requests, so a typical job has one
/// fault, and many jobs have no fault.
const FAULT_RATES: FaultRates = FaultRates {
    delayed: 60,
    unavailable: 20,
    response_lost: 20,
    truncated: 10,
    corrupted: 10,
    conflict: 15,
    killed: 15,
};

/// Use the fastest speed, because the histories do not check the codec.
const SPEED: (&str, &str) = ("AVIF_SPEED", "10");

pub(crate) struct TestSystem {
    server: Server,
    pub(crate) client: Client,
    /// The execution environments with each version of the settings.
    environments: [Vec<Environment>; 2],
    /// The outputs with each version of the settings.
    pub(crate) outputs: [Outputs; 2],
    /// A store without faults, for the prune.
    pub(crate) store: Store,
    /// Whether S3 returns empty listings. After a read fails with 403, the function then concludes that the source does
    /// not exist.
    hides_listings: bool,
    _folder: TempDir,
}

/// The S3 server of a test system.
enum Server {
    /// The emulator. It injects faults and sends events.
    Emulator { s3: S3, events: Mutex<UnboundedReceiver<Value>> },
    /// A moto server with a versioned bucket. The bucket sends no events, so the test builds the events.
    Moto { _moto: Moto, event_count: AtomicU64 },
}

/// A function with one execution environment. In a system with the emulator, each environment has its own S3 endpoint,
/// which injects faults.
pub(crate) struct Environment {
    pub(crate) lambda: Lambda,
    faults: Faults,
    _endpoint: Option<Endpoint>,
}

impl TestSystem {
    /// Starts a system with the S3 server of the emulator. The index decides which outputs a source has.
    pub(crate) async fn with_emulator(index: usize, ignores_conditions: bool, hides_listings: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let buckets = vec!["photos".to_owned()];
        let settings = Settings {
            address: ([127, 0, 0, 1], 0).into(),
            folder: folder.path().to_owned(),
            secret: SECRET_KEY.into(),
            buckets,
        };
        let (s3, events) = S3::start(settings).await.unwrap();
        s3.record_calls();
        if ignores_conditions {
            s3.ignore_conditions();
        }
        let outputs = Outputs::of_system(index);
        let mut environments = [vec![], vec![]];
        for (environments, outputs) in environments.iter_mut().zip(outputs) {
            for _ in 0..ENVIRONMENTS {
                environments.push(Environment::with_faults(&s3, outputs).await);
            }
        }
        let client = s3.client(SECRET_KEY);
        let store = store(&s3.endpoint_url());
        Self {
            server: Server::Emulator { s3, events: events.into() },
            client,
            environments,
            outputs,
            store,
            hides_listings,
            _folder: folder,
        }
    }

    /// Starts a system with moto and a versioned bucket. The index decides which outputs a source has.
    pub(crate) async fn with_moto(index: usize) -> Self {
        let moto = Moto::start().await;
        let variables = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_ENDPOINT_URL_S3", moto.endpoint.as_str()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ];
        let variables: BTreeMap<String, String> = variables.map(|(name, value)| (name.into(), value.into())).into();
        let client = moto.s3();
        client.create_bucket().bucket("photos").send().await.unwrap();
        let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        client.put_bucket_versioning().bucket("photos").versioning_configuration(versions).send().await.unwrap();
        let outputs = Outputs::of_system(index);
        let environments = outputs.map(|outputs| {
            let environment = || Environment::new(variables.clone(), Faults::none(), None, outputs);
            std::iter::repeat_with(environment).take(ENVIRONMENTS).collect()
        });
        let store = store(&moto.endpoint);
        let server = Server::Moto { _moto: moto, event_count: AtomicU64::new(0) };
        let folder = tempfile::tempdir().unwrap();
        Self { server, client, environments, outputs, store, hides_listings: false, _folder: folder }
    }

    /// Whether the history must kill the processes. The emulator kills processes as one of its faults. moto does not
    /// inject this fault.
    pub(crate) fn needs_kills(&self) -> bool {
        matches!(self.server, Server::Moto { .. })
    }

    /// Whether the server can return injected responses, which make a source unreadable. moto cannot return injected
    /// responses.
    pub(crate) fn can_inject_responses(&self) -> bool {
        matches!(self.server, Server::Emulator { .. })
    }

    /// Returns a random environment with this version of the settings.
    pub(crate) fn choose_environment(&self, settings: usize, random: &mut Rng) -> &Environment {
        let environments = &self.environments[settings];
        &environments[random.usize(0..environments.len())]
    }

    /// Deletes the outputs that this version of the settings does not contain. Returns the keys of the obsolete outputs.
    pub(crate) async fn prune(&self, settings: usize, prefix: String) -> Vec<String> {
        let variables = self.outputs[settings].settings();
        let variables = variables.into_iter().chain([SPEED]).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let plan = settings::Settings::parse(&variables.collect()).unwrap().plan;
        let sources = Origin { bucket: "photos".into(), prefix, inventory: None };
        let mut pruned = vec![];
        let on_event = |event: PruneEvent<'_>| {
            match event {
                PruneEvent::Obsolete(output) => pruned.push(output.at().key.clone()),
                PruneEvent::Failed(error) => return Err(std::io::Error::other(error)),
                PruneEvent::Page(_) => {}
            }
            Ok(())
        };
        prune(&self.store, &plan, &sources, false, on_event).await.unwrap();
        pruned
    }

    /// Makes S3 send these responses to the matching requests of each environment, instead of the responses of the
    /// previous call.
    pub(crate) fn inject_responses(&self, mut responses: Vec<InjectedResponse>) {
        if self.hides_listings {
            responses.push(InjectedResponse::empty_listing());
        }
        for environment in self.environments.iter().flatten() {
            environment.faults.inject(responses.clone());
        }
    }

    /// Starts the faults of a history.
    pub(crate) fn start_faults(&self, seed: u64) {
        for (number, environment) in self.environments.iter().flatten().enumerate() {
            environment.faults.resume(seed << 3 | number as u64);
        }
    }

    /// Stops all faults. The injected responses stay active.
    pub(crate) fn stop_faults(&self) {
        for environment in self.environments.iter().flatten() {
            environment.faults.pause();
        }
    }

    /// Returns the number of faults of each kind, and of injected responses with each error code.
    pub(crate) fn fault_counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for (fault, count) in self.environments.iter().flatten().flat_map(|environment| environment.faults.counts()) {
            *counts.entry(fault).or_default() += count;
        }
        counts
    }

    /// Returns the event of the last change of this source.
    pub(crate) async fn receive_event(&self, key: &str, change: &SourceChange) -> Value {
        match &self.server {
            Server::Emulator { events, .. } => {
                let mut events = events.lock().await;
                loop {
                    // The emulator sends the event before it responds to the request, so the channel already contains
                    // the event. Events with other keys are events of outputs.
                    let event = events.try_recv().unwrap();
                    if event["Records"][0]["s3"]["object"]["key"] == key {
                        return event;
                    }
                }
            }
            Server::Moto { event_count, .. } => change.build_event(key, event_count.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Returns the S3 requests since the last call. The list is empty with moto, because moto does not record requests.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        match &self.server {
            Server::Emulator { s3, .. } => s3.take_calls(),
            Server::Moto { .. } => vec![],
        }
    }
}

/// The response of S3 to a change of a source.
pub(crate) struct SourceChange {
    /// `None` if the source was deleted.
    pub(crate) etag: Option<String>,
    pub(crate) version: Option<String>,
}

impl SourceChange {
    fn build_event(&self, key: &str, number: u64) -> Value {
        let name = if self.etag.is_some() { "ObjectCreated:Put" } else { "ObjectRemoved:DeleteMarkerCreated" };
        let sequencer = format!("{:016X}", number + 1);
        let (etag, version) = (&self.etag, &self.version);
        let object = json!({"key": key, "eTag": etag, "versionId": version, "sequencer": sequencer});
        json!({"Records": [record(name, &object)]})
    }
}

fn store(endpoint: &str) -> Store {
    Store::new(&sdk_config(endpoint), StoreOptions { custom_endpoint: true, ..StoreOptions::default() })
}

impl Environment {
    async fn with_faults(s3: &S3, outputs: Outputs) -> Self {
        let faults = Faults::new(0, FAULT_RATES);
        let (endpoint, mut kills) = s3.open_endpoint(faults.clone()).await.unwrap();
        let environment = Self::new(s3.environment_for(&endpoint), faults, Some(endpoint), outputs);
        let lambda = environment.lambda.clone();
        tokio::spawn(async move {
            while kills.recv().await.is_some() {
                lambda.kill();
            }
        });
        environment
    }

    fn new(
        mut variables: BTreeMap<String, String>,
        faults: Faults,
        endpoint: Option<Endpoint>,
        outputs: Outputs,
    ) -> Self {
        let serving = [("AVIF_SERVE_PREFIXES", "*"), ("AVIF_SERVE_BUCKET", "photos")];
        let settings = outputs.settings().into_iter().chain([SPEED]).chain(serving);
        variables.extend(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
        // The test does not read the log of the function.
        let lambda = Lambda::new(function(variables), unbounded_channel().0);
        Self { lambda, faults, _endpoint: endpoint }
    }
}

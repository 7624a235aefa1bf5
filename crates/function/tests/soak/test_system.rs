//! A bucket, and the environments that serve it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use emulator::{ACCESS_KEY, Call, Door, Faults, Lambda, Rates, Refusal, S3, SECRET_KEY, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::bootstrap::function;
use crate::moto::Moto;
use crate::notification::record;

/// Environments that may work on one source at the same time.
const ENVIRONMENTS: usize = 3;

/// Of a thousand requests. A job makes some six to twelve, so most jobs meet one fault, and many none.
const RATES: Rates = Rates { late: 60, refused: 20, lost: 20, truncated: 10, corrupt: 10, conflict: 15, killed: 15 };

pub(crate) struct World {
    server: Server,
    pub(crate) client: Client,
    pub(crate) environments: Vec<Environment>,
    /// Whether there are several variants, and a manifest.
    pub(crate) several: bool,
    /// Whether listings contain nothing, so that a read that is denied passes for a source that is absent.
    unlisted: bool,
    _folder: TempDir,
}

/// Whose S3 it is.
enum Server {
    /// The emulator's, where things go wrong on purpose.
    Ours { s3: S3, told: Mutex<UnboundedReceiver<Value>> },
    /// moto's, which keeps versions. It tells nobody; what S3 would tell is made up here.
    Motos { _moto: Moto, events: AtomicU64 },
}

/// One function in one environment, with a door of its own to the emulator's S3.
pub(crate) struct Environment {
    pub(crate) lambda: Lambda,
    faults: Faults,
    _door: Option<Door>,
}

impl World {
    /// Every second one has several variants.
    pub(crate) async fn new(lane: usize, heedless: bool, unlisted: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let buckets = vec!["photos".to_owned()];
        let settings = Settings {
            address: ([127, 0, 0, 1], 0).into(),
            folder: folder.path().to_owned(),
            secret: SECRET_KEY.into(),
            buckets,
        };
        let (s3, told) = S3::start(settings).await.unwrap();
        s3.record_calls();
        if heedless {
            s3.ignore_conditions();
        }
        let several = lane % 2 == 1;
        let mut environments = vec![];
        for _ in 0..ENVIRONMENTS {
            environments.push(Environment::new(&s3, several).await);
        }
        let client = s3.client(SECRET_KEY);
        Self {
            server: Server::Ours { s3, told: told.into() },
            client,
            environments,
            several,
            unlisted,
            _folder: folder,
        }
    }

    /// On moto, in a bucket that keeps versions.
    pub(crate) async fn by_moto(lane: usize) -> Self {
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
        let several = lane % 2 == 1;
        let environment = || Environment::at(variables.clone(), Faults::none(), None, several);
        let environments = std::iter::repeat_with(environment).take(ENVIRONMENTS).collect();
        let (server, folder) = (Server::Motos { _moto: moto, events: AtomicU64::new(0) }, tempfile::tempdir().unwrap());
        Self { server, client, environments, several, unlisted: false, _folder: folder }
    }

    /// Whether processes are to be killed by whoever lives here: moto does not ask for it.
    pub(crate) fn wants_kills(&self) -> bool {
        matches!(self.server, Server::Motos { .. })
    }

    /// Whether sources can be made unreadable: nothing stands between the function and moto.
    pub(crate) fn can_refuse(&self) -> bool {
        matches!(self.server, Server::Ours { .. })
    }

    /// Has these requests of every environment refused from here on, and no others.
    pub(crate) fn refuse(&self, mut refusals: Vec<Refusal>) {
        if self.unlisted {
            refusals.push(Refusal::empty_listing());
        }
        for environment in &self.environments {
            environment.faults.refuse(refusals.clone());
        }
    }

    pub(crate) fn begin(&self, seed: u64) {
        for (number, environment) in self.environments.iter().enumerate() {
            environment.faults.begin_anew(seed << 2 | number as u64);
        }
    }

    pub(crate) fn rest(&self) {
        for environment in &self.environments {
            environment.faults.rest();
        }
    }

    /// How often each fault was met.
    pub(crate) fn faults(&self) -> BTreeMap<&'static str, u64> {
        let mut all = BTreeMap::new();
        for (fault, count) in self.environments.iter().flat_map(|environment| environment.faults.counts()) {
            *all.entry(fault).or_default() += count;
        }
        all
    }

    /// The event of the write that was just answered.
    pub(crate) async fn event_of(&self, key: &str, written: &Written) -> Value {
        match &self.server {
            Server::Ours { told, .. } => {
                let mut told = told.lock().await;
                loop {
                    // It is out before the answer. Others are of outputs, which are no sources.
                    let event = told.try_recv().unwrap();
                    if event["Records"][0]["s3"]["object"]["key"] == key {
                        return event;
                    }
                }
            }
            Server::Motos { events, .. } => written.event(key, events.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// What was asked for, where that is known.
    pub(crate) fn calls(&self) -> Vec<Call> {
        match &self.server {
            Server::Ours { s3, .. } => s3.take_calls(),
            Server::Motos { .. } => vec![],
        }
    }
}

/// What S3 answered to a write of a source.
pub(crate) struct Written {
    /// Nothing where it was deleted.
    pub(crate) etag: Option<String>,
    pub(crate) version: Option<String>,
}

impl Written {
    fn event(&self, key: &str, number: u64) -> Value {
        let name = if self.etag.is_some() { "ObjectCreated:Put" } else { "ObjectRemoved:DeleteMarkerCreated" };
        let sequencer = format!("{:016X}", number + 1);
        let (etag, version) = (&self.etag, &self.version);
        let object = json!({"key": key, "eTag": etag, "versionId": version, "sequencer": sequencer});
        json!({"Records": [record(name, &object)]})
    }
}

impl Environment {
    async fn new(s3: &S3, several: bool) -> Self {
        let faults = Faults::new(0, RATES);
        let (door, mut kills) = s3.door(faults.clone()).await.unwrap();
        let environment = Self::at(s3.environment_at(&door), faults, Some(door), several);
        let killed = environment.lambda.clone();
        tokio::spawn(async move {
            while kills.recv().await.is_some() {
                killed.kill();
            }
        });
        environment
    }

    fn at(mut variables: BTreeMap<String, String>, faults: Faults, door: Option<Door>, several: bool) -> Self {
        let widths = if several { "full,4" } else { "full" };
        let settings = [("AVIF_SPEED", "10"), ("AVIF_KEEP_LARGER", "true"), ("AVIF_WIDTHS", widths)];
        variables.extend(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
        // Nobody reads its log.
        let lambda = Lambda::new(function(variables), unbounded_channel().0);
        Self { lambda, faults, _door: door }
    }
}

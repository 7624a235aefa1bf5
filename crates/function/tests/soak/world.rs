//! A bucket, and the environments that serve it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_s3::Client;
use emulator::{Call, Door, Faults, Function, Lambda, Rates, S3, SECRET_KEY, Settings};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Environments that may work on one source at the same time.
const ENVIRONMENTS: usize = 3;

/// Of a thousand requests. A job makes some six to twelve, so most jobs meet one fault, and many none.
const RATES: Rates = Rates { late: 60, refused: 20, lost: 20, truncated: 10, corrupt: 10, conflict: 15, killed: 15 };

pub(crate) struct World {
    pub(crate) s3: S3,
    pub(crate) client: Client,
    pub(crate) told: Mutex<UnboundedReceiver<Value>>,
    pub(crate) environments: Vec<Environment>,
    /// Whether there are several variants, and a manifest.
    pub(crate) several: bool,
    _folder: TempDir,
}

/// One function in one environment, with a door of its own to S3.
pub(crate) struct Environment {
    pub(crate) lambda: Lambda,
    faults: Faults,
    _door: Door,
}

impl World {
    /// Every second one has several variants.
    pub(crate) async fn new(lane: usize, heedless: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let buckets = vec!["photos".to_owned()];
        let settings = Settings { address: ([127, 0, 0, 1], 0).into(), folder: folder.path().to_owned(), buckets };
        let (s3, told) = S3::start(settings).await.unwrap();
        if heedless {
            s3.ignore_conditions();
        }
        let several = lane % 2 == 1;
        let mut environments = vec![];
        for _ in 0..ENVIRONMENTS {
            environments.push(Environment::new(&s3, several).await);
        }
        let client = s3.client(SECRET_KEY);
        Self { s3, client, told: told.into(), environments, several, _folder: folder }
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

    /// The event of the write that was just answered. It is out before the answer.
    pub(crate) async fn event_of(&self, key: &str) -> Value {
        let mut told = self.told.lock().await;
        loop {
            // Others are of outputs, which are no sources.
            let event = told.try_recv().unwrap();
            if event["Records"][0]["s3"]["object"]["key"] == key {
                return event;
            }
        }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.s3.take_calls()
    }
}

impl Environment {
    async fn new(s3: &S3, several: bool) -> Self {
        let faults = Faults::new(0, RATES);
        let (door, mut kills) = s3.door(faults.clone()).await.unwrap();
        let mut environment = s3.environment_at(&door);
        let widths = if several { "full,4" } else { "full" };
        let settings = [("AVIF_SPEED", "10"), ("AVIF_KEEP_LARGER", "true"), ("AVIF_WIDTHS", widths)];
        environment.extend(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
        // Nobody reads its log.
        let lambda = Lambda::new(function(environment), unbounded_channel().0);
        let killed = lambda.clone();
        tokio::spawn(async move {
            while kills.recv().await.is_some() {
                killed.kill();
            }
        });
        Self { lambda, faults, _door: door }
    }
}

pub(crate) fn function(environment: BTreeMap<String, String>) -> Function {
    Function {
        name: "avif".into(),
        program: env!("CARGO_BIN_EXE_bootstrap").into(),
        environment,
        memory: 1024,
        timeout: Duration::from_secs(20),
        concurrency: 1,
        retry_after: [Duration::ZERO; 2],
    }
}

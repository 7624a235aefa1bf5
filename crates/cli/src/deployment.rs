//! An account in small: S3 wired to the function, on this machine.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use emulator::{Beside, Delivery, Function, Lambda, S3, wire};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::settings::Settings;

/// How the function is run.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Running {
    /// The function's binary [default: bootstrap beside this program]
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// An extension to start beside the function. Can be repeated
    #[arg(long = "extension", value_name = "FILE")]
    extensions: Vec<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// The function's memory in MiB
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: u32,
    /// Seconds that one event may take
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=900))]
    timeout: u64,
}

/// The bucket.
pub(crate) const BUCKET: &str = "photos";

pub(crate) struct Deployment {
    pub(crate) s3: S3,
    /// The key that requests to it are signed with.
    pub(crate) secret: String,
    pub(crate) lambda: Lambda,
    pub(crate) deliveries: UnboundedReceiver<Delivery>,
    pub(crate) log: UnboundedReceiver<String>,
}

impl Deployment {
    pub(crate) async fn open(running: Running, address: SocketAddr, folder: &Path) -> anyhow::Result<Self> {
        let program = match running.bootstrap {
            Some(program) => program,
            None => std::env::current_exe().context("cannot tell where this program is")?.with_file_name("bootstrap"),
        };
        if !program.is_file() {
            bail!(
                "{} is not there; build it with `cargo build --release -p function`, or name it with --bootstrap",
                program.display()
            );
        }
        for extension in &running.extensions {
            if !extension.is_file() {
                bail!("{} is not there; build it with `cargo build --release -p extension`", extension.display());
            }
        }
        let settings = running.settings.environment()?;
        let secret = emulator::folder_secret(folder)
            .with_context(|| format!("cannot keep the secret key of {}", folder.display()))?;
        let (folder_of_buckets, buckets) = (folder.to_owned(), vec![BUCKET.to_owned()]);
        let place = emulator::Settings { address, folder: folder_of_buckets, secret: secret.clone(), buckets };
        let (s3, notifications) = S3::start(place)
            .await
            .with_context(|| format!("cannot serve S3 at {address} over {}", folder.display()))?;
        let mut environment: BTreeMap<_, _> = s3.environment();
        environment.extend(settings);
        let (lines, log) = unbounded_channel();
        let function = Function {
            name: "avif".into(),
            program,
            environment,
            memory: running.memory,
            timeout: Duration::from_secs(running.timeout),
            // The encoder uses every core by itself.
            concurrency: 1,
            // Nobody waits a minute for a retry at a desk.
            retry_after: [Duration::from_secs(1), Duration::from_secs(2)],
            beside: Beside { extensions: running.extensions, ..Beside::default() },
        };
        let lambda = Lambda::new(function, lines);
        let deliveries = wire(notifications, lambda.clone());
        Ok(Self { s3, secret, lambda, deliveries, log })
    }
}

impl Running {
    /// With our own extension, where nobody named another and it lies beside this program.
    pub(crate) fn with_our_extension(mut self) -> Self {
        let ours = std::env::current_exe().map(|program| program.with_file_name("avif-extension"));
        if self.extensions.is_empty() {
            self.extensions.extend(ours.ok().filter(|program| program.is_file()));
        }
        self
    }
}

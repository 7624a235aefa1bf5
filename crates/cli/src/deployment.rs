//! A local deployment: an S3 server whose event notifications invoke the function.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use emulator::{AsyncInvocation, Extensions, Function, Lambda, S3, connect_notifications};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::settings_arguments::SettingsArguments;

/// Options for running the function locally.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct FunctionOptions {
    /// Binary of the function [default: bootstrap in the directory of this program]
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// Extension to start with the function. Can be repeated
    #[arg(long = "extension", value_name = "FILE")]
    extensions: Vec<PathBuf>,
    #[command(flatten)]
    settings: SettingsArguments,
    /// Memory of the function in MiB
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: u32,
    /// Timeout of an invocation in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=900))]
    timeout: u64,
}

/// The bucket of the local S3.
pub(crate) const BUCKET: &str = "photos";

pub(crate) struct Deployment {
    pub(crate) s3: S3,
    /// The secret key that signs requests to the local S3.
    pub(crate) secret: String,
    pub(crate) lambda: Lambda,
    pub(crate) deliveries: UnboundedReceiver<AsyncInvocation>,
    pub(crate) log: UnboundedReceiver<String>,
}

impl Deployment {
    pub(crate) async fn open(options: FunctionOptions, address: SocketAddr, folder: &Path) -> anyhow::Result<Self> {
        let program = match options.bootstrap {
            Some(program) => program,
            None => std::env::current_exe()
                .context("cannot find the directory of this program")?
                .with_file_name("bootstrap"),
        };
        if !program.is_file() {
            bail!(
                "{} does not exist; build it with `cargo build --release -p function`, or give its path with --bootstrap",
                program.display()
            );
        }
        for extension in &options.extensions {
            if !extension.is_file() {
                bail!("{} does not exist; build it with `cargo build --release -p extension`", extension.display());
            }
        }
        let settings = options.settings.variables()?;
        let secret = emulator::load_or_create_secret_key(folder)
            .with_context(|| format!("cannot create the secret key of {}", folder.display()))?;
        let (bucket_folder, buckets) = (folder.to_owned(), vec![BUCKET.to_owned()]);
        let settings_of_s3 = emulator::Settings { address, folder: bucket_folder, secret: secret.clone(), buckets };
        let (s3, notifications) = S3::start(settings_of_s3)
            .await
            .with_context(|| format!("cannot run the local S3 at {address} with the directory {}", folder.display()))?;
        let mut environment: BTreeMap<_, _> = s3.environment();
        environment.extend(settings);
        let (lines, log) = unbounded_channel();
        let function = Function {
            name: "avif".into(),
            program,
            environment,
            memory: options.memory,
            timeout: Duration::from_secs(options.timeout),
            // One environment is enough, because one conversion uses all cores.
            concurrency: 1,
            // These delays are shorter than the delays of Lambda (1 minute and 2 minutes), so that the user does not
            // have to wait.
            retry_delays: [Duration::from_secs(1), Duration::from_secs(2)],
            extensions: Extensions { programs: options.extensions, ..Extensions::default() },
        };
        let lambda = Lambda::new(function, lines);
        let deliveries = connect_notifications(notifications, lambda.clone());
        Ok(Self { s3, secret, lambda, deliveries, log })
    }
}

impl FunctionOptions {
    /// Adds avif-extension from the directory of this program, if the file exists and the user gave no extension.
    pub(crate) fn with_default_extension(mut self) -> Self {
        let default = std::env::current_exe().map(|program| program.with_file_name("avif-extension"));
        if self.extensions.is_empty() {
            self.extensions.extend(default.ok().filter(|program| program.is_file()));
        }
        self
    }
}

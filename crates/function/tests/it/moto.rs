//! Runs moto, an independent implementation of AWS services from `PyPI`. The tests use moto for services that the
//! emulator does not implement.

use std::path::Path;
use std::process::Stdio;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running moto server. The server stops when this value is dropped.
pub(crate) struct Moto {
    pub(crate) endpoint: String,
    _server: Child,
}

impl Moto {
    /// Starts the `moto_server` that `make test` installs. If this file does not exist, starts the `moto_server` on the
    /// PATH.
    pub(crate) async fn start() -> Self {
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/moto_server");
        let program = if installed.exists() { installed } else { "moto_server".into() };
        let mut server = Command::new(program)
            .args(["--host", "127.0.0.1", "--port", "0"])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("moto_server should be installed: run `make target/tools/bin/moto_server`");
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let endpoint = loop {
            let line = lines.next_line().await.unwrap().expect("moto_server should print its address");
            if let Some((_, endpoint)) = line.split_once("Running on ") {
                break endpoint.trim().to_owned();
            }
        };
        // If no task read the remaining lines, the pipe would fill up and block the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { endpoint, _server: server }
    }

    /// Returns the configuration of AWS clients for this server.
    pub(crate) fn sdk_config(&self) -> SdkConfig {
        sdk_config(&self.endpoint)
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        emulator::s3_client(&self.endpoint, emulator::SECRET_KEY)
    }
}

/// Returns the configuration of AWS clients for a server on this machine: moto, which accepts all credentials, or the emulator.
pub(crate) fn sdk_config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new(emulator::ACCESS_KEY, emulator::SECRET_KEY, None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build()
}

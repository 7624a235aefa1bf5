//! moto: an AWS on loopback by other people, from `PyPI`. Here it is asked for what the emulator has not.

use std::path::Path;
use std::process::Stdio;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running server. It ends when this is dropped.
pub(crate) struct Moto {
    pub(crate) endpoint: String,
    _server: Child,
}

impl Moto {
    /// Starts the one that `make test` installs, or the one on the PATH.
    pub(crate) async fn start() -> Self {
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/moto_server");
        let program = if installed.exists() { installed } else { "moto_server".into() };
        let mut server = Command::new(program)
            .args(["--host", "127.0.0.1", "--port", "0"])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("moto_server is installed: `make target/tools/bin/moto_server` does it");
        // It says where it listens.
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let endpoint = loop {
            let line = lines.next_line().await.unwrap().expect("moto_server says where it listens");
            if let Some((_, endpoint)) = line.split_once("Running on ") {
                break endpoint.trim().to_owned();
            }
        };
        // Its log has to go somewhere, or it would wait for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { endpoint, _server: server }
    }

    /// What any service's client needs to be one of this server.
    pub(crate) fn access(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .endpoint_url(&self.endpoint)
            .build()
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.access()).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }
}

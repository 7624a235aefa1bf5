//! `avif local`: runs a local S3 that invokes the function, until Ctrl-C.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use emulator::ACCESS_KEY;

use crate::deployment::{BUCKET, Deployment, FunctionOptions};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Port of the local S3 server (127.0.0.1)
    #[arg(short, long, default_value_t = 9900)]
    port: u16,
    /// Directory for the objects and for the secret key that signs requests
    #[arg(short, long, default_value = "avif-local", value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    function: FunctionOptions,
}

#[tokio::main]
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { port, data, function } = arguments;
    std::fs::create_dir_all(&data).with_context(|| format!("cannot create the directory {}", data.display()))?;
    let mut deployment = Deployment::open(function, ([127, 0, 0, 1], port).into(), &data).await?;
    let endpoint = deployment.s3.endpoint_url();
    println!(
        "The local S3 runs at {endpoint}. Its objects are in {}. In another terminal:\n\n  \
         export AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={} AWS_REGION=us-east-1\n  \
         aws s3 cp photo.jpg s3://{BUCKET}/ --endpoint-url {endpoint}\n\nPress Ctrl-C to stop.",
        data.display(),
        deployment.secret
    );
    loop {
        tokio::select! {
            Some(line) = deployment.log.recv() => println!("{line}"),
            Some(delivery) = deployment.deliveries.recv() => {
                if let Err(error) = delivery.last_attempt.result {
                    let attempts = delivery.failed_attempts.len() + 1;
                    println!("failed after {attempts} attempts; Lambda would send this event to the dead-letter queue: {}\n  {error}", delivery.event);
                }
            }
            stopped = tokio::signal::ctrl_c() => {
                stopped.context("cannot wait for Ctrl-C")?;
                println!("Stopping after the current image. Press Ctrl-C again to stop immediately.");
                tokio::select! {
                    () = deployment.lambda.stop() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
                // The execution environments also write log lines while they shut down.
                while let Ok(line) = deployment.log.try_recv() {
                    println!("{line}");
                }
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

//! `avif local`: the same, staying up.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use emulator::ACCESS_KEY;

use crate::deployment::{BUCKET, Deployment, Running};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The port that S3 is served at, on loopback
    #[arg(short, long, default_value_t = 9900)]
    port: u16,
    /// Where objects are kept, and the secret key that requests are signed with
    #[arg(short, long, default_value = "avif-local", value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    running: Running,
}

#[tokio::main]
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { port, data, running } = arguments;
    std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
    let mut house = Deployment::open(running, ([127, 0, 0, 1], port).into(), &data).await?;
    let endpoint = house.s3.endpoint();
    println!(
        "S3 is at {endpoint}, objects are in {}. In another terminal:\n\n  \
         export AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={} AWS_REGION=us-east-1\n  \
         aws s3 cp photo.jpg s3://{BUCKET}/ --endpoint-url {endpoint}\n\nCtrl-C ends it.",
        data.display(),
        house.secret
    );
    loop {
        tokio::select! {
            Some(line) = house.log.recv() => println!("{line}"),
            Some(delivery) = house.deliveries.recv() => {
                if let Err(error) = delivery.last.result {
                    let attempts = delivery.retried.len() + 1;
                    println!("dead after {attempts} attempts, and kept where failures go: {}\n  {error}", delivery.event);
                }
            }
            stopped = tokio::signal::ctrl_c() => {
                stopped.context("cannot wait for Ctrl-C")?;
                println!("ending when the image in hand is done; Ctrl-C again ends it now");
                tokio::select! {
                    () = house.lambda.stop() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
                // An environment has something to say at its end, too.
                while let Ok(line) = house.log.try_recv() {
                    println!("{line}");
                }
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

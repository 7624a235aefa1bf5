//! `avif demo`: uploads images to a local S3, runs the function, and shows the result.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use emulator::AsyncInvocation;
use model::{Limits, Location, Outcome, Report, VariantStatus};
use percent_encoding::percent_decode_str;

use crate::deployment::{BUCKET, Deployment, FunctionOptions};
use crate::metrics::metrics;
use crate::{Usage, inputs, output, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Photographs to upload [default: a photograph of a rocket launch, CC0]
    photo: Vec<PathBuf>,
    /// Output directory for the AVIF files
    #[arg(short, long, default_value = "avif-demo", value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    function: FunctionOptions,
}

/// The default photograph: flickr.com/photos/spacexphotos/16511594820, license CC0 1.0 (assets/README.md).
const ROCKET: &[u8] = include_bytes!("../assets/rocket.jpg");

#[tokio::main]
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let photos = photos(&arguments.photo)?;
    let folder = tempfile::tempdir().context("cannot create a temporary directory")?;
    let mut deployment =
        Deployment::open(arguments.function.with_default_extension(), ([127, 0, 0, 1], 0).into(), folder.path())
            .await?;
    let client = deployment.s3.client(&deployment.secret);
    let mut out = std::io::stdout();
    writeln!(out, "The local S3 runs at {} and invokes the function for each upload.", deployment.s3.endpoint_url())?;
    let mut rows = table::table(["variant", "size", "bytes", "saving", "time"]);
    let mut failures = vec![];
    for (key, bytes) in photos {
        writeln!(out, "Uploading {key} ({}) to s3://{BUCKET}/.", table::bytes(bytes.len() as u64))?;
        let start = Instant::now();
        let body = ByteStream::from(bytes);
        client.put_object().bucket(BUCKET).key(&key).body(body).send().await.context("cannot upload")?;
        let delivery = delivery_of(&mut deployment, &key).await?;
        let took = start.elapsed();
        match report(&delivery)?.map(|report| report.outcome) {
            Ok(Outcome::Converted { image, variants, .. }) => {
                for variant in variants {
                    let name = match variant.status {
                        VariantStatus::Stored => {
                            let bytes = download(&client, &variant.at).await?;
                            output::write(&arguments.output.join(&variant.at.key), &bytes, true)?;
                            variant.at.key
                        }
                        VariantStatus::LargerThanSource => format!("{} (not smaller: not stored)", variant.at.key),
                    };
                    rows.add_row([
                        name.into(),
                        table::size(variant.width, variant.height, image.frames).into(),
                        table::bytes(variant.bytes).into(),
                        table::saving(image.bytes, variant.bytes),
                        format!("{:.2} s", took.as_secs_f64()).into(),
                    ]);
                }
            }
            Ok(Outcome::Skipped { reason } | Outcome::Rejected { reason } | Outcome::Failed { reason }) => {
                failures.push((key, reason));
            }
            Ok(Outcome::Deleted { .. }) => failures.push((key, "it was deleted during the demo".into())),
            Err(reason) => failures.push((key, reason)),
        }
        if let Some(init) = delivery.last_attempt.init_duration {
            writeln!(out, "Cold start: {:.0} ms from the start of bootstrap to its first poll.", millis(init))?;
        }
    }
    deployment.lambda.stop().await;
    if !rows.is_empty() {
        writeln!(out, "{rows}\nThe files are in {}. The time is from upload to report.", arguments.output.display())?;
    }
    let lines: Vec<String> = std::iter::from_fn(|| deployment.log.try_recv().ok()).collect();
    if let Some(metrics) = metrics(&lines) {
        writeln!(out, "{metrics}\nCloudWatch creates these metrics from the output of the extension.")?;
    }
    if !failures.is_empty() {
        // Print the function's log, because it contains the cause of the failures.
        for line in &lines {
            eprintln!("{line}");
        }
    }
    for (key, reason) in &failures {
        eprintln!("avif: {key}: {reason}");
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the key and the bytes of each photograph.
fn photos(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    if paths.is_empty() {
        return Ok(vec![("rocket.jpg".into(), ROCKET.to_vec())]);
    }
    let photo = |path: &PathBuf| {
        let Some(key) = path.file_name().and_then(|name| name.to_str()) else {
            bail!("{}: the file name is not UTF-8", path.display());
        };
        let bytes = inputs::read(path, Limits::default().bytes).with_context(|| path.display().to_string())?;
        Ok((key.to_owned(), bytes))
    };
    let photos: Vec<_> = paths.iter().map(photo).collect::<anyhow::Result<_>>()?;
    for (at, (key, _)) in photos.iter().enumerate() {
        if photos[..at].iter().any(|(other, _)| other == key) {
            return Err(Usage(format!("two files are named {key}; a bucket can contain only one of them")).into());
        }
    }
    Ok(photos)
}

/// Waits until the function has processed the event of this object. Ignores the events of other objects, such as its
/// variants.
async fn delivery_of(deployment: &mut Deployment, key: &str) -> anyhow::Result<AsyncInvocation> {
    loop {
        let delivery = deployment.deliveries.recv().await.context("the local function stopped")?;
        let event_key = delivery.event["Records"][0]["s3"]["object"]["key"].as_str().unwrap_or_default();
        if percent_decode_str(&event_key.replace('+', " ")).decode_utf8_lossy() == key {
            return Ok(delivery);
        }
    }
}

/// Returns the function's report, or its error.
fn report(delivery: &AsyncInvocation) -> anyhow::Result<Result<Report, String>> {
    match &delivery.last_attempt.result {
        Ok(response) => {
            let report = serde_json::from_value(response["reports"][0].clone());
            Ok(Ok(report.context("the response of the function contains no report")?))
        }
        Err(error) => Ok(Err(error.to_string())),
    }
}

async fn download(client: &Client, at: &Location) -> anyhow::Result<Vec<u8>> {
    let response =
        client.get_object().bucket(&at.bucket).key(&at.key).send().await.context("cannot download a variant")?;
    Ok(response.body.collect().await?.to_vec())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

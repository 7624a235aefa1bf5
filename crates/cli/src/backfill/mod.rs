//! `avif backfill`: converts the images that are already in a bucket, and deletes the variants that the settings do not contain
//! any more.

mod prune;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use backfill::{BatchOperations, Counts, Job, JobSettings, Origin, PRICES, QueueSender, Selection, State, Workload};
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use settings::Settings;
use transfer::Store;

use crate::settings_arguments::SettingsArguments;
use crate::{Usage, account, inputs, s3_url, table};

/// Without --function and --queue, the command only writes the manifest.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The bucket with the images, and optionally a prefix of their keys
    #[arg(value_name = "s3://BUCKET[/PREFIX]")]
    source: String,
    #[command(flatten)]
    settings: SettingsArguments,
    /// Read the keys from this S3 Inventory (CSV) instead of listing the bucket
    #[arg(long, value_name = "s3://BUCKET/…/manifest.json")]
    inventory: Option<String>,
    /// Convert only keys that end in one of these suffixes, in upper or lower case; an empty suffix selects every key
    #[arg(
        long,
        value_name = "SUFFIX",
        value_delimiter = ',',
        default_value = default_suffixes()
    )]
    suffix: Vec<String>,
    /// Do not check which images are already converted. The function also checks each image, but this costs one
    /// invocation per image
    #[arg(long)]
    skip_check: bool,
    /// State directory, used to resume after an interruption
    #[arg(long, default_value = "avif-backfill", value_name = "DIR")]
    state: PathBuf,
    /// Only count the images and estimate time and cost; create no job and send no messages. With --prune, only list what
    /// would be deleted
    #[arg(long)]
    dry_run: bool,
    /// Convert nothing. Instead, delete the variants and manifests that the settings do not contain any more, for example
    /// those of a removed size. Outputs whose source is missing or not converted yet are kept. --state has no effect
    #[arg(long, conflicts_with_all = ["inventory", "suffix", "skip_check", "function", "queue"])]
    prune: bool,

    /// Create an S3 Batch Operations job that invokes this function, given as an ARN with an alias
    #[arg(long, value_name = "ARN", requires_all = ["role", "work"], conflicts_with = "queue")]
    function: Option<String>,
    /// The IAM role of the job
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// The S3 location for the manifest and the report of the job
    #[arg(long, value_name = "s3://BUCKET[/PREFIX]")]
    work: Option<String>,

    /// Send a message for each image to this SQS queue, which invokes the function
    #[arg(long, value_name = "URL")]
    queue: Option<String>,
    /// Messages per second
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,

    /// For the estimate: average megapixels of an image
    #[arg(long, default_value_t = 12.0)]
    megapixels: f64,
    /// For the estimate: the function's memory in MB
    #[arg(long, default_value_t = 1769, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: u32,
    /// For the estimate: images converted at the same time
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: u32,
}

/// The service that invokes the function for each image.
enum Target {
    /// An S3 Batch Operations job. `partition` is the beginning of each ARN, for example `arn:aws`.
    Job { settings: JobSettings, partition: String },
    /// An SQS queue, given by its URL.
    Queue(String),
    /// No service invokes the function. The command only writes the manifest.
    ManifestOnly,
}

impl Target {
    fn parse(arguments: &Arguments) -> anyhow::Result<Self> {
        let Arguments { function, role, work, queue, .. } = arguments;
        let (function, role, work) = match (function, role, work) {
            (Some(function), Some(role), Some(work)) => (function, role, work),
            (Some(_), _, _) => return Err(Usage("--function needs --role and --work".into()).into()),
            (None, _, _) => return Ok(queue.clone().map_or(Self::ManifestOnly, Self::Queue)),
        };
        // The ARN has the format arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME:ALIAS
        let parts: Vec<&str> = function.split(':').collect();
        let ["arn", partition, "lambda", _, account, "function", _, _] = parts[..] else {
            let expected = "expected arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS";
            return Err(Usage(format!("--function {function}: {expected}")).into());
        };
        let (bucket, mut prefix) = s3_url::parse(work)?;
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        let settings =
            JobSettings { account: account.to_owned(), function: function.clone(), role: role.clone(), bucket, prefix };
        Ok(Self::Job { settings, partition: format!("arn:{partition}") })
    }
}

#[tokio::main]
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (bucket, prefix) = s3_url::parse(&arguments.source)?;
    let inventory = arguments.inventory.as_deref().map(s3_url::parse).transpose()?;
    let target = Target::parse(arguments)?;
    let settings = Settings::parse_with_endpoints(&arguments.settings.variables()?)?;
    let account = account::connect().await?;
    let store = Store::new(&account, settings.store_options.clone());
    let origin = Origin { bucket, prefix, inventory };
    if arguments.prune {
        return prune::run(&store, &settings.plan, &origin, arguments.dry_run).await;
    }
    let suffixes = arguments.suffix.iter().filter(|suffix| !suffix.is_empty()).cloned().collect();
    let selection = Selection::new(origin, suffixes, !arguments.skip_check, &settings.plan);
    let mut state = State::open(&arguments.state, &selection)?;

    let bar = bar(None);
    backfill::select_sources(&store, &settings.plan, &mut state, |counts| {
        bar.set_position(counts.listed);
        bar.set_message(format!("{} to convert", HumanCount(counts.to_convert)));
    })
    .await?;
    bar.finish_and_clear();
    let mut out = std::io::stdout();
    let counts = state.counts();
    write!(out, "{}", summary(counts))?;
    if arguments.dry_run {
        write!(out, "{}", estimate(arguments, counts))?;
        return Ok(ExitCode::SUCCESS);
    }
    if counts.to_convert == 0 {
        writeln!(out, "There is nothing to convert.")?;
        return Ok(ExitCode::SUCCESS);
    }
    match target {
        Target::Job { settings, partition } => {
            let batch = BatchOperations { client: aws_sdk_s3control::Client::new(&account), partition };
            let job = batch.create_job(&store, &mut state, &settings).await?;
            write!(out, "{}", job_message(&job, &settings.account, &arguments.state))?;
        }
        Target::Queue(url) => {
            let client = aws_sdk_sqs::Client::new(&account);
            send_messages(QueueSender { client, url, rate: arguments.rate }, &mut state).await?;
        }
        Target::ManifestOnly => writeln!(out, "The manifest is {}.", state.manifest().display())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn job_message(job: &Job, account: &str, state: &Path) -> String {
    let (job, text, more) = match job {
        Job::Created(job) => (job, "is created", String::new()),
        Job::Existing(job) => {
            let state = state.display();
            (
                job,
                "was created by an earlier run",
                format!("To create another job, delete {state} or choose another directory with --state.\n"),
            )
        }
    };
    format!(
        "The job {job} {text}. Its progress: aws s3control describe-job --account-id {account} --job-id {job}\n{more}"
    )
}

async fn send_messages(sender: QueueSender, state: &mut State) -> anyhow::Result<()> {
    let total = state.counts().to_convert;
    if state.sent_messages() == total {
        println!("All {} messages were sent by an earlier run.", HumanCount(total));
        return Ok(());
    }
    let bar = bar(Some(total)).with_position(state.sent_messages());
    bar.reset_eta();
    sender.send(state, |sent| bar.set_position(sent)).await?;
    bar.finish_and_clear();
    println!("Sent {} messages.", HumanCount(state.sent_messages()));
    Ok(())
}

/// Returns a progress bar. If the total is known, the bar shows the remaining time.
fn bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{wide_bar} {human_pos}/{human_len} sent, {per_sec}, {eta} left"),
        None => (ProgressBar::no_length(), "{spinner} {human_pos} listed, {per_sec}, {msg}"),
    };
    let style = ProgressStyle::with_template(template).expect("the constant template is valid");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.with_style(style)
}

fn summary(counts: Counts) -> String {
    let Counts { listed, not_sources, too_large, converted, archived, to_convert, bytes } = counts;
    let hint = if archived == 0 { "" } else { ARCHIVED };
    let [listed, not_sources, too_large, converted, archived, to_convert] =
        [listed, not_sources, too_large, converted, archived, to_convert].map(|count| HumanCount(count).to_string());
    let bytes = table::bytes(bytes);
    format!(
        "{listed} objects: {not_sources} are not sources, {too_large} are larger than AVIF_MAX_BYTES, {converted} are converted \
         already, {archived} are archived, {to_convert} to convert ({bytes}).\n{hint}"
    )
}

/// The hint about archived objects. It excludes --inventory, because a listing contains the restore status of an
/// object, and an inventory does not.
const ARCHIVED: &str = "\
Archived objects (storage class GLACIER or DEEP_ARCHIVE, or an archive tier of INTELLIGENT_TIERING) cannot be read, so they are
skipped. Restore them (`aws s3api restore-object`, or an S3 Batch Operations job). If the function receives the event
s3:ObjectRestore:Completed, it then converts them. Otherwise run this command again after the restore, without --inventory and
with another --state.
";

fn estimate(arguments: &Arguments, counts: Counts) -> String {
    let Arguments { megapixels, memory, concurrency, .. } = *arguments;
    let uses_batch_operations = arguments.queue.is_none();
    let workload = Workload { images: counts.to_convert, megapixels, memory, concurrency, uses_batch_operations };
    let estimate = workload.estimate();
    // With a queue, the rate of messages also limits the speed.
    let sending = if uses_batch_operations { 0 } else { counts.to_convert / u64::from(arguments.rate) };
    let time = Duration::try_from_secs_f64(estimate.total_seconds).unwrap_or(Duration::MAX);
    let time = time.max(Duration::from_secs(sending));
    format!(
        "Estimate for {megapixels} megapixels per image, {memory} MB of memory and {concurrency} images at the same time:\n\
         {:.1} s per image, {} in total, about ${:.2} on arm64 or ${:.2} on x86-64{}, without S3 requests (prices: {PRICES}).\n",
        estimate.image_seconds,
        HumanDuration(time),
        estimate.arm64_dollars,
        estimate.x86_64_dollars,
        if uses_batch_operations { ", with S3 Batch Operations" } else { "" },
    )
}

/// Returns the extensions of all formats, with dots and separated by commas.
fn default_suffixes() -> String {
    inputs::source_extensions().map(|extension| format!(".{extension}")).collect::<Vec<_>>().join(",")
}

//! `avif backfill`: converts the images that are in a bucket already.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use backfill::{Batch, Counts, Feed, Job, Ledger, Order, Origin, Task, Work};
use function::config::Config;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use transfer::Store;

use crate::settings::Settings;
use crate::{Usage, account, table};

/// With neither --function nor --queue, only the manifest is written.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The bucket with the images, and optionally what their keys begin with
    #[arg(value_name = "s3://BUCKET[/PREFIX]")]
    source: String,
    #[command(flatten)]
    settings: Settings,
    /// Read the keys from this S3 Inventory (CSV) instead of listing the bucket
    #[arg(long, value_name = "s3://BUCKET/…/manifest.json")]
    inventory: Option<String>,
    /// Convert only keys that end in one of these, in upper or lower case; an empty suffix selects every key
    #[arg(
        long,
        value_name = "SUFFIX",
        value_delimiter = ',',
        default_value = ".jpg,.jpeg,.png,.webp,.gif,.tif,.tiff,.bmp"
    )]
    suffix: Vec<String>,
    /// Do not check which images are converted already. The function checks as well, at the cost of one invocation each
    #[arg(long)]
    no_look: bool,
    /// State directory, used to resume after an interruption
    #[arg(long, default_value = "avif-backfill", value_name = "DIR")]
    state: PathBuf,
    /// Only count the images and estimate time and cost; create no job and send no messages
    #[arg(long)]
    dry_run: bool,

    /// Create an S3 Batch Operations job that invokes this function, given as an ARN with an alias
    #[arg(long, value_name = "ARN", requires_all = ["role", "work"], conflicts_with = "queue")]
    function: Option<String>,
    /// The IAM role of that job
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// Where that job's manifest and report are stored
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
    /// For the estimate: the function runs on x86-64 instead of arm64
    #[arg(long)]
    x86_64: bool,
}

/// Who is handed the images.
enum Recipient {
    /// S3 Batch Operations, in a partition of AWS: `arn:aws`.
    Job { order: Order, partition: String },
    /// The queue with that URL.
    Queue(String),
    /// Nobody: the manifest stays on this machine.
    Nobody,
}

impl Recipient {
    fn parse(arguments: &Arguments) -> anyhow::Result<Self> {
        let Arguments { function, role, work, queue, .. } = arguments;
        let (function, role, work) = match (function, role, work) {
            (Some(function), Some(role), Some(work)) => (function, role, work),
            (Some(_), _, _) => return Err(Usage("--function needs --role and --work".into()).into()),
            (None, _, _) => return Ok(queue.clone().map_or(Self::Nobody, Self::Queue)),
        };
        // arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME:ALIAS
        let parts: Vec<&str> = function.split(':').collect();
        let ["arn", partition, "lambda", _, account, "function", _, _] = parts[..] else {
            let expected = "expected arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS";
            return Err(Usage(format!("--function {function}: {expected}")).into());
        };
        let (bucket, mut prefix) = location(work)?;
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        let order =
            Order { account: account.to_owned(), function: function.clone(), role: role.clone(), bucket, prefix };
        Ok(Self::Job { order, partition: format!("arn:{partition}") })
    }
}

#[tokio::main]
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (bucket, prefix) = location(&arguments.source)?;
    let inventory = arguments.inventory.as_deref().map(location).transpose()?;
    let recipient = Recipient::parse(arguments)?;
    let config = Config::here(&arguments.settings.environment()?)?;
    let account = account::connect().await?;
    let store = Store::with(&account, config.connection.clone());
    let origin = Origin { bucket, prefix, inventory };
    let suffixes = arguments.suffix.iter().filter(|suffix| !suffix.is_empty()).cloned().collect();
    let task = Task::new(origin, suffixes, !arguments.no_look, &config.plan);
    let mut ledger = Ledger::open(&arguments.state, &task)?;

    let bar = bar(None);
    backfill::list(&store, &config.plan, &mut ledger, |counts| {
        bar.set_position(counts.listed);
        bar.set_message(format!("{} to convert", HumanCount(counts.to_do)));
    })
    .await?;
    bar.finish_and_clear();
    let mut out = std::io::stdout();
    let counts = ledger.counts();
    write!(out, "{}", summary(counts))?;
    if arguments.dry_run {
        write!(out, "{}", estimate(arguments, counts))?;
        return Ok(ExitCode::SUCCESS);
    }
    if counts.to_do == 0 {
        writeln!(out, "There is nothing to convert.")?;
        return Ok(ExitCode::SUCCESS);
    }
    match recipient {
        Recipient::Job { order, partition } => {
            let batch = Batch { client: aws_sdk_s3control::Client::new(&account), partition };
            let job = batch.create(&store, &mut ledger, &order).await?;
            write!(out, "{}", created(&job, &order.account, &arguments.state))?;
        }
        Recipient::Queue(url) => {
            let client = aws_sdk_sqs::Client::new(&account);
            feed(Feed { client, url, rate: arguments.rate }, &mut ledger).await?;
        }
        Recipient::Nobody => writeln!(out, "The manifest is {}.", ledger.manifest().display())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn created(job: &Job, account: &str, state: &Path) -> String {
    let (job, text, more) = match job {
        Job::Created(job) => (job, "is created", String::new()),
        Job::Existing(job) => {
            let state = state.display();
            (
                job,
                "was created by an earlier run",
                format!("To create another job, delete {state} or give another --state.\n"),
            )
        }
    };
    format!("The job {job} {text}: aws s3control describe-job --account-id {account} --job-id {job}\n{more}")
}

async fn feed(feed: Feed, ledger: &mut Ledger) -> anyhow::Result<()> {
    let total = ledger.counts().to_do;
    if ledger.sent() == total {
        println!("All {} messages were sent by an earlier run.", HumanCount(total));
        return Ok(());
    }
    let bar = bar(Some(total)).with_position(ledger.sent());
    bar.reset_eta();
    feed.send(ledger, |sent| bar.set_position(sent)).await?;
    bar.finish_and_clear();
    println!("Sent {} messages.", HumanCount(ledger.sent()));
    Ok(())
}

/// With a total there is a time left.
fn bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{wide_bar} {human_pos}/{human_len} sent, {per_sec}, {eta} left"),
        None => (ProgressBar::no_length(), "{spinner} {human_pos} listed, {per_sec}, {msg}"),
    };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.with_style(style)
}

fn summary(counts: Counts) -> String {
    let Counts { listed, no_source, too_large, stored, archived, to_do, bytes } = counts;
    let hint = if archived == 0 { "" } else { ARCHIVED };
    let [listed, no_source, too_large, stored, archived, to_do] =
        [listed, no_source, too_large, stored, archived, to_do].map(|count| HumanCount(count).to_string());
    let bytes = table::bytes(bytes);
    format!(
        "{listed} objects: {no_source} are not sources, {too_large} are larger than AVIF_MAX_BYTES, {stored} are converted \
         already, {archived} are archived, {to_do} to convert ({bytes}).\n{hint}"
    )
}

/// A restored object is listed as such, but not in an inventory.
const ARCHIVED: &str = "\
Archived objects (storage class GLACIER or DEEP_ARCHIVE, or an archive tier of INTELLIGENT_TIERING) are left out, because they
cannot be read. Restore them (`aws s3api restore-object`, or an S3 Batch Operations job that restores). The event
s3:ObjectRestore:Completed has the function convert them, if it is sent to the function; otherwise run this again without
--inventory and with another --state once they are restored.
";

fn estimate(arguments: &Arguments, counts: Counts) -> String {
    let Arguments { megapixels, memory, concurrency, .. } = *arguments;
    let by_batch = arguments.queue.is_none();
    let is_arm = !arguments.x86_64;
    let work = Work { images: counts.to_do, megapixels, memory, is_arm, concurrency, by_batch };
    let estimate = work.estimate();
    // The queue is fed no faster than that.
    let fed = if by_batch { 0 } else { counts.to_do / u64::from(arguments.rate) };
    let time = Duration::try_from_secs_f64(estimate.seconds).unwrap_or(Duration::MAX).max(Duration::from_secs(fed));
    format!(
        "Estimate for {megapixels} megapixels per image, {memory} MB and {concurrency} images at a time: {:.1} s per image, {} in \
         total, about ${:.2} in us-east-1{}, plus S3 requests.\n",
        estimate.each,
        HumanDuration(time),
        estimate.dollars,
        if by_batch { " with S3 Batch Operations" } else { "" },
    )
}

/// Bucket and key, or the beginning of keys.
fn location(url: &str) -> anyhow::Result<(String, String)> {
    let rest =
        url.strip_prefix("s3://").ok_or_else(|| Usage(format!("{url}: expected s3://BUCKET or s3://BUCKET/KEY")))?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(Usage(format!("{url}: the bucket is missing")).into());
    }
    Ok((bucket.to_owned(), key.to_owned()))
}

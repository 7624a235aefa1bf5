//! `avif backfill`: what is in a bucket already.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use backfill::{Batch, Counts, Feed, Ledger, Order, Origin, Task, Work};
use function::config::Config;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use transfer::Store;

use crate::settings::Settings;
use crate::{Usage, account, table};

/// With neither --function nor --queue the manifest is written and nothing else.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The photographs
    #[arg(value_name = "s3://BUCKET[/PREFIX]")]
    source: String,
    #[command(flatten)]
    settings: Settings,
    /// Read the manifest.json of an S3 Inventory in CSV, instead of listing the bucket
    #[arg(long, value_name = "s3://BUCKET/KEY")]
    inventory: Option<String>,
    /// The ends of keys that count, in either case; an empty one for every key
    #[arg(
        long,
        value_name = "SUFFIX",
        value_delimiter = ',',
        default_value = ".jpg,.jpeg,.png,.webp,.gif,.tif,.tiff,.bmp"
    )]
    suffix: Vec<String>,
    /// Do not look whether a picture is stored already. The function does that, too, at the price of an invocation
    #[arg(long)]
    no_look: bool,
    /// Where it is written down what was done, so that it can go on after a stop
    #[arg(long, default_value = "avif-backfill", value_name = "DIR")]
    state: PathBuf,
    /// List, look, and tell what it would take; hand nothing over
    #[arg(long)]
    dry_run: bool,

    /// Create a job of S3 Batch Operations that invokes this function: an ARN with its alias
    #[arg(long, value_name = "ARN", requires_all = ["role", "work"], conflicts_with = "queue")]
    function: Option<String>,
    /// The role of that job
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// Where that job's manifest and report go
    #[arg(long, value_name = "s3://BUCKET[/PREFIX]")]
    work: Option<String>,

    /// Feed the queue that the function takes from, by its URL
    #[arg(long, value_name = "URL")]
    queue: Option<String>,
    /// Messages a second
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,

    /// For the estimate: megapixels of a picture, on average
    #[arg(long, default_value_t = 12.0)]
    megapixels: f64,
    /// For the estimate: the function's memory in MB
    #[arg(long, default_value_t = 1769, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: u32,
    /// For the estimate: pictures under way at a time
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: u32,
    /// For the estimate: a function on x86-64 and not on arm64
    #[arg(long)]
    x86_64: bool,
}

#[tokio::main]
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (bucket, prefix) = location(&arguments.source)?;
    let inventory = arguments.inventory.as_deref().map(location).transpose()?;
    let config = Config::here(&arguments.settings.environment()?)?;
    let access = account::connect().await?;
    let store = Store::with(&access, config.connection.clone());
    let origin = Origin { bucket, prefix, inventory };
    let suffixes = arguments.suffix.iter().filter(|suffix| !suffix.is_empty()).cloned().collect();
    let task = Task::new(origin, suffixes, !arguments.no_look, &config.plan);
    let mut ledger = Ledger::open(&arguments.state, &task)?;

    let bar = bar(None);
    backfill::list(&store, &config.plan, &mut ledger, |counts| {
        bar.set_position(counts.listed);
        bar.set_message(format!("{} to do", HumanCount(counts.to_do)));
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
        writeln!(out, "Nothing to do.")?;
        return Ok(ExitCode::SUCCESS);
    }
    match (&arguments.function, &arguments.queue) {
        (Some(function), _) => {
            let client = aws_sdk_s3control::Client::new(&access);
            create(arguments, function, client, &store, &mut ledger).await?;
        }
        (None, Some(url)) => {
            let client = aws_sdk_sqs::Client::new(&access);
            feed(Feed { client, url: url.clone(), rate: arguments.rate }, &mut ledger).await?;
        }
        (None, None) => writeln!(out, "The manifest is {}.", ledger.manifest().display())?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(
    arguments: &Arguments,
    function: &str,
    client: aws_sdk_s3control::Client,
    store: &Store,
    ledger: &mut Ledger,
) -> anyhow::Result<()> {
    let (Some(role), Some(work)) = (&arguments.role, &arguments.work) else {
        bail!("--function takes --role and --work");
    };
    // arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME:ALIAS
    let parts: Vec<&str> = function.split(':').collect();
    let ["arn", partition, "lambda", _, account, "function", _, _] = parts[..] else {
        return Err(Usage(format!("{function} is no function's ARN with an alias or version")).into());
    };
    let (bucket, mut prefix) = location(work)?;
    if !prefix.is_empty() && !prefix.ends_with('/') {
        prefix.push('/');
    }
    let batch = Batch { client, partition: format!("arn:{partition}") };
    let (account, function, role) = (account.to_owned(), function.to_owned(), role.clone());
    let before = ledger.job().is_some();
    let job = batch.create(store, ledger, &Order { account: account.clone(), function, role, bucket, prefix }).await?;
    let verb = if before { "was created already" } else { "is created" };
    println!("The job {job} {verb}: aws s3control describe-job --account-id {account} --job-id {job}");
    Ok(())
}

async fn feed(feed: Feed, ledger: &mut Ledger) -> anyhow::Result<()> {
    let total = ledger.counts().to_do;
    if ledger.sent() == total {
        println!("All {} messages were sent already.", HumanCount(total));
        return Ok(());
    }
    let bar = bar(Some(total)).with_position(ledger.sent());
    bar.reset_eta();
    feed.send(ledger, |sent| bar.set_position(sent)).await?;
    bar.finish_and_clear();
    println!("{} messages are sent.", HumanCount(ledger.sent()));
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
    let work = Work { pictures: counts.to_do, megapixels, memory, is_arm, concurrency, by_batch };
    let estimate = work.estimate();
    // The queue is fed no faster than that.
    let fed = if by_batch { 0 } else { counts.to_do / u64::from(arguments.rate) };
    let time = Duration::try_from_secs_f64(estimate.seconds).unwrap_or(Duration::MAX).max(Duration::from_secs(fed));
    format!(
        "At {megapixels} megapixels each, {memory} MB and {concurrency} at a time: {:.1} s a picture, {} in all, about ${:.2} \
         in us-east-1{}, and S3's requests.\n",
        estimate.each,
        HumanDuration(time),
        estimate.dollars,
        if by_batch { " with S3 Batch Operations" } else { "" },
    )
}

/// Bucket and key, or the beginning of keys.
fn location(url: &str) -> anyhow::Result<(String, String)> {
    let rest = url.strip_prefix("s3://").ok_or_else(|| Usage(format!("{url}: a place in S3 begins with s3://")))?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(Usage(format!("{url} names no bucket")).into());
    }
    Ok((bucket.to_owned(), key.to_owned()))
}

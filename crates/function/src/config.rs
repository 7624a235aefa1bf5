//! The function's settings, read from the environment once. To add one, change this file and README's table; a test
//! holds the two together.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;
use std::thread;

use model::{Limits, Recipe};
use thiserror::Error;
use tracing::Level;
use transfer::worker::Worker;
use transfer::{Layout, Plan, StorageOptions, StoreOptions};

/// Everything the function is told by its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// How jobs are done.
    pub plan: Plan,
    /// How the log is written.
    pub log: Log,
    /// How S3 is reached. The bucket goes into the path wherever the endpoint is not AWS's own.
    pub connection: StoreOptions,
}

/// How the log is written, as Lambda's advanced logging controls ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// JSON, unless `AWS_LAMBDA_LOG_FORMAT` is `Text`.
    pub json: bool,
    /// The least level that is written.
    pub level: Level,
}

/// Every mistake in the settings, at once.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{} in the environment:\n  {}", count(.0.len()), .0.join("\n  "))]
pub struct Mistakes(pub Vec<String>);

/// What begins our own variables' names; one that begins so and is unknown is a mistake.
const OURS: &str = "AVIF_";

impl Config {
    /// Reads the process's environment, which has to be one of Lambda's.
    ///
    /// # Errors
    /// [`Mistakes`], all of them.
    pub fn from_env() -> Result<Self, Mistakes> {
        let environment = environment();
        // The runtime would panic.
        if !environment.contains_key("AWS_LAMBDA_RUNTIME_API") {
            let started =
                "AWS_LAMBDA_RUNTIME_API is not set: this program is started by Lambda; by hand, run `avif local`";
            return Err(Mistakes(vec![started.into()]));
        }
        Self::parse(&environment)
    }

    /// Reads these settings of ours, and from the process's environment where AWS is: for a program that does the
    /// function's work elsewhere, by settings of its own.
    ///
    /// # Errors
    /// [`Mistakes`], all of them.
    pub fn here(settings: &BTreeMap<String, String>) -> Result<Self, Mistakes> {
        let elsewhere = environment().into_iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        Self::parse(&elsewhere.chain(settings.clone()).collect())
    }

    /// Reads settings from names and values.
    ///
    /// # Errors
    /// [`Mistakes`], all of them.
    pub fn parse(environment: &BTreeMap<String, String>) -> Result<Self, Mistakes> {
        let mut reader = Reader { environment, asked: vec![], mistakes: vec![] };
        let config = reader.config();
        reader.name_unknown();
        if reader.mistakes.is_empty() { Ok(config) } else { Err(Mistakes(reader.mistakes)) }
    }

    /// The names of every variable that is read.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let environment = BTreeMap::new();
        let mut reader = Reader { environment: &environment, asked: vec![], mistakes: vec![] };
        reader.config();
        reader.asked
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn environment() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    };
    std::env::vars_os().filter_map(text).collect()
}

/// Reads one variable after the other, and keeps count of names and mistakes.
struct Reader<'environment> {
    environment: &'environment BTreeMap<String, String>,
    asked: Vec<&'static str>,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    fn config(&mut self) -> Config {
        let recipe = Recipe {
            widths: self.read("AVIF_WIDTHS"),
            quality: self.read("AVIF_QUALITY"),
            speed: self.read("AVIF_SPEED"),
            metadata: self.read("AVIF_METADATA"),
        };
        let layout = Layout {
            bucket: self.optional("AVIF_OUTPUT_BUCKET"),
            prefix: self.text("AVIF_OUTPUT_PREFIX").unwrap_or_default(),
        };
        let storage = StorageOptions {
            cache_control: self.text("AVIF_CACHE_CONTROL"),
            keep_larger: self.read("AVIF_KEEP_LARGER"),
            copy_tags: self.read("AVIF_COPY_TAGS"),
            drop_headers: !self.read_or("AVIF_COPY_HEADERS", true),
            storage_class: self.optional("AVIF_STORAGE_CLASS"),
            kms_key: self.text("AVIF_KMS_KEY"),
        };
        let most = Limits::default();
        let mebibytes = self.optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
        let memory = mebibytes.map_or(most.memory, usable);
        let prefetch_memory = memory / 16;
        let limits = Limits {
            bytes: self.read_or("AVIF_MAX_BYTES", most.bytes),
            pixels: self.read_or("AVIF_MAX_PIXELS", most.pixels),
            animation_pixels: self.read_or("AVIF_MAX_ANIMATION_PIXELS", most.animation_pixels),
            memory: memory - prefetch_memory,
            cpu_seconds: self.optional("AVIF_MAX_SECONDS"),
        };
        let catalog = self.text("AVIF_CATALOG_TABLE");
        let follow_deletions = self.read_or("AVIF_FOLLOW_REMOVALS", true);
        let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = mebibytes.map_or(processors, |mebibytes| processors.min(whole_processors(mebibytes)));
        let all = f64::from(u32::try_from(processors.get()).unwrap_or(u32::MAX));
        let processors =
            mebibytes.map_or(all, |mebibytes| all.min(f64::from(mebibytes.get()) / f64::from(ONE_PROCESSOR)));
        // Where the linker finds the codec, if a layer has it.
        let linker = self.environment.iter().filter(|(name, _)| *name == "LD_LIBRARY_PATH");
        let linker = linker.map(|(name, value)| (name.clone(), value.clone()));
        let worker = Worker { environment: linker.chain([HUGE_PAGES.map(str::to_owned).into()]).collect() };
        let endpoint = [self.text("AWS_ENDPOINT_URL_S3"), self.text("AWS_ENDPOINT_URL")];
        Config {
            plan: Plan { recipe, limits, layout, storage, follow_deletions, threads, processors },
            log: self.log(),
            connection: StoreOptions {
                custom_endpoint: endpoint.iter().any(Option::is_some),
                prefetch_memory,
                catalog,
                worker,
            },
        }
    }

    fn log(&mut self) -> Log {
        let text = self.text("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("text"));
        let level = self.text("AWS_LAMBDA_LOG_LEVEL").unwrap_or_else(|| "INFO".into());
        // Lambda knows one level more than we do.
        let level = if level.eq_ignore_ascii_case("FATAL") { "ERROR".into() } else { level };
        let level = level.parse().unwrap_or_else(|_| {
            let mistake = format!("AWS_LAMBDA_LOG_LEVEL: {level:?} is none of TRACE, DEBUG, INFO, WARN, ERROR, FATAL");
            self.mistakes.push(mistake);
            Level::INFO
        });
        Log { json: !text, level }
    }

    /// An empty variable is taken as unset, since deployment tools write both alike.
    fn text(&mut self, name: &'static str) -> Option<String> {
        self.asked.push(name);
        self.environment.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn read<T: FromStr<Err: ToString> + Default>(&mut self, name: &'static str) -> T {
        self.read_or(name, T::default())
    }

    fn optional<T: FromStr<Err: ToString>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        text.parse().map_err(|error: T::Err| self.mistakes.push(format!("{name}={text}: {}", error.to_string()))).ok()
    }

    fn read_or<T: FromStr<Err: ToString>>(&mut self, name: &'static str, default: T) -> T {
        self.optional(name).unwrap_or(default)
    }

    fn name_unknown(&mut self) {
        let unknown = self.environment.keys().filter(|name| name.starts_with(OURS));
        let unknown: Vec<_> = unknown.filter(|name| !self.asked.contains(&name.as_str())).collect();
        let ours: Vec<_> = self.asked.iter().filter(|name| name.starts_with(OURS)).copied().collect();
        let ours = ours.join(", ");
        self.mistakes.extend(unknown.into_iter().map(|name| format!("{name} is unknown; known are {ours}")));
    }
}

/// glibc then asks for huge pages (glibc manual, "Memory Allocation Tunables"). A new process touches all of its memory for the
/// first time, which takes an image of 12 megapixels 53,000 page faults and .1 s, and with huge pages 6,000.
const HUGE_PAGES: [&str; 2] = ["GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"];

/// What the function may use of its memory, in bytes: all but a tenth, for what no estimate knows.
fn usable(mebibytes: NonZeroU32) -> u64 {
    (u64::from(mebibytes.get()) << 20) / 10 * 9
}

/// The MB of memory for which Lambda gives one processor. It gives them in proportion, up to the six of 10,240 MB (AWS Lambda
/// Developer Guide, "Configure Lambda function memory").
const ONE_PROCESSOR: u32 = 1769;

/// The processors that Lambda gives for that memory, to the nearest whole one, where the machine shows more of them.
fn whole_processors(mebibytes: NonZeroU32) -> NonZeroUsize {
    let processors = mebibytes.get().saturating_add(ONE_PROCESSOR / 2) / ONE_PROCESSOR;
    usize::try_from(processors).ok().and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN)
}

fn count(mistakes: usize) -> String {
    if mistakes == 1 { "1 mistake".into() } else { format!("{mistakes} mistakes") }
}

#[cfg(test)]
mod tests {
    use transfer::StorageClass;

    use super::*;

    fn parse(variables: &[(&str, &str)]) -> Result<Config, Mistakes> {
        Config::parse(&variables.iter().map(|&(name, value)| (name.into(), value.into())).collect())
    }

    #[test]
    fn nothing_set_is_the_defaults() {
        let config = parse(&[("AVIF_WIDTHS", ""), ("PATH", "/bin")]).unwrap();
        assert_eq!(config.plan.recipe, Recipe::default());
        let Limits { memory, .. } = Limits::default();
        let limits = Limits { memory: memory / 16 * 15, ..Limits::default() };
        assert_eq!((config.plan.layout, config.plan.limits), (Layout::default(), limits));
        assert!(config.plan.follow_deletions);
        assert_eq!(config.log, Log { json: true, level: Level::INFO });
        assert_eq!((config.connection.custom_endpoint, config.connection.catalog), (false, None));
    }

    #[test]
    fn every_setting_is_read() {
        let config = parse(&[
            ("AVIF_WIDTHS", "full,640"),
            ("AVIF_QUALITY", "70"),
            ("AVIF_SPEED", "4"),
            ("AVIF_METADATA", "keep"),
            ("AVIF_OUTPUT_BUCKET", "cdn"),
            ("AVIF_OUTPUT_PREFIX", "a/"),
            ("AVIF_CACHE_CONTROL", "no-store"),
            ("AVIF_KEEP_LARGER", "true"),
            ("AVIF_COPY_TAGS", "true"),
            ("AVIF_COPY_HEADERS", "false"),
            ("AVIF_STORAGE_CLASS", "STANDARD_IA"),
            ("AVIF_KMS_KEY", "alias/photos"),
            ("AVIF_CATALOG_TABLE", "images"),
            ("AVIF_FOLLOW_REMOVALS", "false"),
            ("AVIF_MAX_BYTES", "10"),
            ("AVIF_MAX_PIXELS", "20"),
            ("AVIF_MAX_ANIMATION_PIXELS", "30"),
            ("AVIF_MAX_SECONDS", "40"),
            ("LD_LIBRARY_PATH", "/opt/lib"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1000"),
            ("AWS_LAMBDA_LOG_FORMAT", "Text"),
            ("AWS_LAMBDA_LOG_LEVEL", "FATAL"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ])
        .unwrap();
        let Plan { recipe, limits, layout, storage, follow_deletions, .. } = config.plan;
        assert_eq!(recipe.widths, "full,640".parse().unwrap());
        assert_eq!((recipe.quality.to_string(), recipe.speed.number()), ("70".into(), 4));
        assert_eq!(recipe.metadata, model::Metadata::Keep);
        assert_eq!(layout, Layout { bucket: "cdn".parse().ok(), prefix: "a/".into() });
        assert_eq!(
            (storage.cache_control.as_deref(), storage.kms_key.as_deref()),
            (Some("no-store"), Some("alias/photos"))
        );
        assert_eq!(storage.storage_class.map(StorageClass::name), Some("STANDARD_IA"));
        assert!(storage.keep_larger && storage.copy_tags && storage.drop_headers && !follow_deletions);
        // Nine tenths of 1,000 MiB, of which a sixteenth is for files that wait.
        assert_eq!((limits.bytes, limits.pixels, limits.animation_pixels), (10, 20, 30));
        assert_eq!(limits.cpu_seconds, NonZeroU32::new(40));
        let worker = [HUGE_PAGES, ["LD_LIBRARY_PATH", "/opt/lib"]].map(|pair| pair.map(str::to_owned).into());
        assert_eq!(config.connection.worker.environment, worker.into());
        assert_eq!(limits.memory + config.connection.prefetch_memory, 943_718_400);
        assert_eq!(config.connection.prefetch_memory, 58_982_400);
        assert_eq!(config.log, Log { json: false, level: Level::ERROR });
        assert_eq!((config.connection.custom_endpoint, config.connection.catalog.as_deref()), (true, Some("images")));
    }

    #[test]
    fn threads_are_as_many_as_the_processors_that_the_memory_buys() {
        let bought = |mebibytes| whole_processors(NonZeroU32::new(mebibytes).unwrap()).get();
        assert_eq!([128, 1769, 2653].map(bought), [1, 1, 1]);
        assert_eq!([2654, 3008, 3538, 5307, 7076, 8845, 10_240].map(bought), [2, 2, 2, 3, 4, 5, 6]);
        let threads = |memory| parse(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)]).unwrap().plan.threads;
        assert_eq!(threads("1769").get(), 1);
        assert!(threads("10240") <= thread::available_parallelism().unwrap());
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let mistakes = parse(&[("AVIF_QUALITY", "high"), ("AVIF_SPEED", "11"), ("AVIF_WIDTH", "640")]).unwrap_err();
        let text = mistakes.to_string();
        assert!(text.starts_with("3 mistakes in the environment:\n  AVIF_QUALITY=high: quality \"high\" is"), "{text}");
        assert!(
            text.contains("AVIF_SPEED=11: ") && text.contains("AVIF_WIDTH is unknown; known are AVIF_WIDTHS, "),
            "{text}"
        );
    }

    #[test]
    fn the_readme_lists_every_setting_and_no_other() {
        // Read when the test runs, so that a build without the README has the test and can leave it out.
        let readme = std::fs::read_to_string("../../README.md").unwrap().leak();
        let row = |line: &'static str| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name);
        let ours = |name: &&str| name.starts_with(OURS) || name.starts_with("AWS_");
        let mut listed: Vec<&str> = readme.lines().filter_map(row).filter(ours).collect();
        let mut read = Config::names();
        listed.sort_unstable();
        read.sort_unstable();
        assert_eq!(listed, read);
    }
}

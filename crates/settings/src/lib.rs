//! The settings of the function.
//!
//! In: the `AVIF_` environment variables and some of Lambda's and the AWS SDK's variables, or the JSON settings file of
//! the CLI ([`read_file`]). Out: one typed [`Settings`], or all errors together ([`SettingsError`]).
//!
//! To add a setting, change this file and the tables in the README; a test compares them.
//!
//! **Architecture invariant:** this crate does not depend on the Lambda runtime and sends no requests to AWS, so the
//! CLI and the backfill can read the same settings without linking `lambda_runtime`.

#![forbid(unsafe_code)]

mod compute;
mod file;
mod rules;
mod serving;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::thread;

use compute::{usable_memory, vcpus, whole_vcpus};
use environment::Reader;
use model::{Limits, Recipe, Sizes};
use thiserror::Error;
use tracing::Level;
use transfer::worker::Worker;
use transfer::{Layout, Plan, StorageOptions, StoreOptions};

pub use file::{FileError, read_file};
pub use serving::{InvalidServedPrefixes, ServedPrefixes, Serving};

/// All settings of the function.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use settings::Settings;
///
/// let variables = BTreeMap::from([("AVIF_SIZES".to_owned(), "full,640".to_owned())]);
/// let settings = Settings::parse(&variables)?;
/// assert_eq!(settings.plan.recipe.sizes.iter().count(), 2);
///
/// let error = Settings::parse(&BTreeMap::from([("AVIF_SPEED".to_owned(), "fast".to_owned())])).unwrap_err();
/// assert!(error.to_string().contains("AVIF_SPEED=fast"));
/// # Ok::<(), settings::SettingsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Settings {
    /// The settings for jobs.
    pub plan: Plan,
    /// What the function serves over HTTP. `None` if it serves nothing.
    pub serving: Option<Serving>,
    /// The settings of the log.
    pub log: LogSettings,
    /// The settings of the connections to S3 and DynamoDB.
    pub store_options: StoreOptions,
}

/// The settings of the log (AWS Lambda Developer Guide, "Configuring advanced logging controls").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// The format is JSON unless `AWS_LAMBDA_LOG_FORMAT` is `Text`.
    pub is_json: bool,
    /// The lowest level that is written.
    pub level: Level,
}

/// All invalid environment variables, with a message for each.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "{} invalid environment variable{}:\n  {}",
    .0.len(),
    if .0.len() == 1 { "" } else { "s" },
    .0.join("\n  ")
)]
pub struct SettingsError(pub Vec<String>);

/// The prefix of the function's own variables. An unknown variable with this prefix is an error.
const PREFIX: &str = "AVIF_";
/// The quota of Lambda (AWS Lambda Developer Guide, "Lambda quotas").
const MAX_ENVIRONMENT_BYTES: usize = 4096;
/// The divisor of the usable memory that gives the prefetch memory. One sixteenth of the usable memory is for source
/// files that wait for their conversion.
const PREFETCH_DIVISOR: u64 = 16;
/// Makes glibc request huge pages (glibc manual, "Memory Allocation Tunables"). Each conversion runs in a new process,
/// whose first access to each page causes a page fault. An image of 12 megapixels causes 53,000 page faults, which take
/// 0.1 s. With huge pages, it causes 6,000.
const HUGE_PAGES: [&str; 2] = ["GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"];

impl Settings {
    /// Parses the environment variables of this process. Fails if Lambda did not start the process.
    ///
    /// # Errors
    /// [`SettingsError`] with all errors.
    pub fn from_env() -> Result<Self, SettingsError> {
        let variables = environment::variables();
        // Without this variable, the Lambda runtime would panic.
        if !variables.contains_key("AWS_LAMBDA_RUNTIME_API") {
            let error = "AWS_LAMBDA_RUNTIME_API is not set: only Lambda starts this program; to run it locally, use `avif local`";
            return Err(SettingsError(vec![error.into()]));
        }
        Self::parse(&variables)
    }

    /// Parses these variables, and reads the endpoints of AWS (`AWS_ENDPOINT_URL…`) from the environment of this
    /// process. Programs outside Lambda use this function.
    ///
    /// # Errors
    /// [`SettingsError`] with all errors.
    pub fn parse_with_endpoints(variables: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let endpoints = environment::variables().into_iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        Self::parse(&endpoints.chain(variables.clone()).collect())
    }

    /// Parses environment variables.
    ///
    /// # Errors
    /// [`SettingsError`] with all errors: invalid values, and unknown variables that begin with `AVIF_`.
    pub fn parse(variables: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(variables);
        let settings = Self::read(&mut reader, variables);
        let known: Vec<&str> =
            reader.names().iter().map(String::as_str).filter(|name| name.starts_with(PREFIX)).collect();
        let unknown = reader.unread(PREFIX).map(|name| format!("{name} is unknown; known are {}", known.join(", ")));
        let own = variables.iter().filter(|(name, _)| name.starts_with(PREFIX));
        let bytes: usize = own.map(|(name, value)| name.len() + value.len()).sum();
        let too_long = (bytes > MAX_ENVIRONMENT_BYTES).then(|| {
            format!(
                "the settings take {bytes} bytes, but all environment variables of a Lambda function together may take \
                 {MAX_ENVIRONMENT_BYTES}; shorten AVIF_RULES"
            )
        });
        let errors: Vec<String> = reader.errors().iter().cloned().chain(unknown).chain(too_long).collect();
        if errors.is_empty() { Ok(settings) } else { Err(SettingsError(errors)) }
    }

    /// Returns the names of all variables that are read.
    #[must_use]
    pub fn variable_names() -> Vec<String> {
        let variables = BTreeMap::new();
        let mut reader = Reader::new(&variables);
        Self::read(&mut reader, &variables);
        reader.names().to_vec()
    }

    fn read(reader: &mut Reader<'_>, variables: &BTreeMap<String, String>) -> Self {
        let sizes = read_sizes(reader);
        let recipe =
            read_recipe(reader, &|setting| format!("{PREFIX}{}", setting.to_uppercase()), sizes, &Recipe::default());
        let layout = Layout {
            bucket: reader.optional("AVIF_OUTPUT_BUCKET"),
            prefix: reader.text("AVIF_OUTPUT_PREFIX").unwrap_or_default().to_owned(),
            manifest: reader.parsed_or_default("AVIF_MANIFEST"),
        };
        if recipe.has_other_formats() && !has_location_for_other_formats(&layout) {
            reader.add_error("AVIF_FORMATS", OTHER_FORMATS_NEED_A_LOCATION);
        }
        let storage = StorageOptions {
            cache_control: reader.text("AVIF_CACHE_CONTROL").map(str::to_owned),
            keep_larger: reader.parsed_or_default("AVIF_KEEP_LARGER"),
            copy_tags: reader.parsed_or_default("AVIF_COPY_TAGS"),
            drop_headers: !reader.parsed_or("AVIF_COPY_HEADERS", true),
            storage_class: reader.optional("AVIF_STORAGE_CLASS"),
            kms_key: reader.text("AVIF_KMS_KEY").map(str::to_owned),
        };
        let defaults = Limits::default();
        let mebibytes: Option<NonZeroU32> = reader.optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
        let memory = mebibytes.map_or(defaults.memory, usable_memory);
        let prefetch_memory = memory / PREFETCH_DIVISOR;
        let limits = Limits {
            bytes: reader.parsed_or("AVIF_MAX_BYTES", defaults.bytes),
            pixels: reader.parsed_or("AVIF_MAX_PIXELS", defaults.pixels),
            animation_pixels: reader.parsed_or("AVIF_MAX_ANIMATION_PIXELS", defaults.animation_pixels),
            memory: memory - prefetch_memory,
            cpu_seconds: reader.optional("AVIF_MAX_SECONDS"),
        };
        let catalog = reader.text("AVIF_CATALOG_TABLE").map(str::to_owned);
        let follow_deletions = reader.parsed_or("AVIF_FOLLOW_REMOVALS", true);
        let cpus = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = mebibytes.map_or(cpus, |mebibytes| cpus.min(whole_vcpus(mebibytes)));
        let cpus = f64::from(u32::try_from(cpus.get()).unwrap_or(u32::MAX));
        let processors = mebibytes.map_or(cpus, |mebibytes| cpus.min(vcpus(mebibytes)));
        // A Lambda layer can contain the codec. The dynamic linker of the worker process then needs the path of the
        // codec.
        let library_path =
            variables.get_key_value("LD_LIBRARY_PATH").map(|(name, value)| (name.clone(), value.clone()));
        let worker =
            Worker { environment: library_path.into_iter().chain([HUGE_PAGES.map(str::to_owned).into()]).collect() };
        let endpoints = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].map(|name| reader.text(name));
        let mut plan = Plan { recipe, rules: vec![], limits, layout, storage, follow_deletions, threads, processors };
        if let Some(text) = reader.text(rules::NAME) {
            match rules::parse(text, &plan) {
                Ok(rules) => plan.rules = rules,
                Err(errors) => reader.add_errors(errors),
            }
        }
        Self {
            plan,
            serving: Serving::read(reader),
            log: LogSettings::read(reader),
            store_options: StoreOptions {
                custom_endpoint: endpoints.iter().any(Option::is_some),
                prefetch_memory,
                catalog,
                worker,
            },
        }
    }
}

/// Reads the recipe, without its sizes. `name` returns the variable of a setting. An unset variable has the value of `base`.
fn read_recipe(reader: &mut Reader<'_>, name: &dyn Fn(&str) -> String, sizes: Sizes, base: &Recipe) -> Recipe {
    Recipe {
        sizes,
        quality: reader.parsed_or(&name("quality"), base.quality),
        speed: reader.parsed_or(&name("speed"), base.speed),
        metadata: reader.parsed_or(&name("metadata"), base.metadata),
        chroma: reader.parsed_or(&name("chroma"), base.chroma),
        color: reader.parsed_or(&name("color"), base.color),
        damaged: reader.parsed_or(&name("damaged"), base.damaged),
        formats: reader.parsed_or(&name("formats"), base.formats.clone()),
        background: reader.parsed_or(&name("background"), base.background),
    }
}

/// The keys of WebP and JPEG variants end like the keys of sources, and S3 notifications cannot exclude them.
const OTHER_FORMATS_NEED_A_LOCATION: &str = "WebP and JPEG variants beside their sources would invoke the function again; set \
                                             AVIF_OUTPUT_BUCKET, or AVIF_OUTPUT_PREFIX to a prefix that does not trigger the \
                                             function";

fn has_location_for_other_formats(layout: &Layout) -> bool {
    layout.bucket.is_some() || !layout.prefix.is_empty()
}

/// Reads the sizes. `AVIF_WIDTHS` is the name that this setting had before there were other sizes than widths.
fn read_sizes(reader: &mut Reader<'_>) -> Sizes {
    let has_both = ["AVIF_SIZES", "AVIF_WIDTHS"].iter().all(|name| reader.text(name).is_some());
    let (sizes, widths) = (reader.optional("AVIF_SIZES"), reader.optional("AVIF_WIDTHS"));
    if has_both {
        reader.add_error("AVIF_WIDTHS", "this is the old name of AVIF_SIZES, which is set, too; remove AVIF_WIDTHS");
    }
    sizes.or(widths).unwrap_or_default()
}

impl LogSettings {
    fn read(reader: &mut Reader<'_>) -> Self {
        let is_text = reader.text("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("text"));
        let name = "AWS_LAMBDA_LOG_LEVEL";
        let text = reader.text(name).unwrap_or("INFO");
        // Lambda has the level FATAL, but `tracing` does not, so FATAL becomes ERROR.
        let text = if text.eq_ignore_ascii_case("FATAL") { "ERROR" } else { text };
        let level = text.parse().unwrap_or_else(|_| {
            reader.add_error(name, format!("{text:?} is none of TRACE, DEBUG, INFO, WARN, ERROR, FATAL"));
            Level::INFO
        });
        Self { is_json: !is_text, level }
    }
}

#[cfg(test)]
mod tests {
    use transfer::StorageClass;

    use super::*;

    fn parse(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::parse(&variables.iter().map(|&(name, value)| (name.into(), value.into())).collect())
    }

    #[test]
    fn empty_environment_gives_the_defaults() {
        let settings = parse(&[("AVIF_WIDTHS", ""), ("PATH", "/bin")]).unwrap();
        assert_eq!(settings.plan.recipe, Recipe::default());
        let Limits { memory, .. } = Limits::default();
        let limits = Limits { memory: memory / 16 * 15, ..Limits::default() };
        assert_eq!((settings.plan.layout, settings.plan.limits), (Layout::default(), limits));
        assert!(settings.plan.follow_deletions);
        assert_eq!(settings.log, LogSettings { is_json: true, level: Level::INFO });
        assert_eq!((settings.store_options.custom_endpoint, settings.store_options.catalog), (false, None));
    }

    #[test]
    fn every_setting_is_read() {
        let settings = parse(&[
            ("AVIF_SIZES", "full,640x360,256x256:cover"),
            ("AVIF_QUALITY", "70"),
            ("AVIF_SPEED", "4"),
            ("AVIF_METADATA", "keep"),
            ("AVIF_CHROMA", "444"),
            ("AVIF_COLOR", "srgb"),
            ("AVIF_DAMAGED", "convert"),
            ("AVIF_FORMATS", "avif,jpeg"),
            ("AVIF_BACKGROUND", "000000"),
            ("AVIF_OUTPUT_BUCKET", "cdn"),
            ("AVIF_OUTPUT_PREFIX", "a/"),
            ("AVIF_MANIFEST", "always"),
            ("AVIF_CACHE_CONTROL", "no-store"),
            ("AVIF_KEEP_LARGER", "true"),
            ("AVIF_COPY_TAGS", "true"),
            ("AVIF_COPY_HEADERS", "false"),
            ("AVIF_STORAGE_CLASS", "STANDARD_IA"),
            ("AVIF_KMS_KEY", "alias/photos"),
            ("AVIF_CATALOG_TABLE", "images"),
            ("AVIF_FOLLOW_REMOVALS", "false"),
            ("AVIF_SERVE_PREFIXES", "photos/"),
            ("AVIF_SERVE_BUCKET", "sources"),
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
        let serving = Serving { bucket: "sources".parse().unwrap(), prefixes: "photos/".parse().unwrap() };
        assert_eq!(settings.serving, Some(serving));
        let Plan { recipe, limits, layout, storage, follow_deletions, .. } = settings.plan;
        assert_eq!(recipe.sizes, "full,640x360,256x256:cover".parse().unwrap());
        assert_eq!((recipe.quality.to_string(), recipe.speed.number()), ("70".into(), 4));
        assert_eq!(recipe.metadata, model::Metadata::Keep);
        assert_eq!((recipe.chroma, recipe.color), (model::ChromaMode::Yuv444, model::ColorMode::Srgb));
        assert_eq!(recipe.damaged, model::DamagedMode::Convert);
        assert_eq!((recipe.formats, recipe.background.rgb), ("avif,jpeg".parse().unwrap(), [0; 3]));
        assert_eq!(
            layout,
            Layout { bucket: "cdn".parse().ok(), prefix: "a/".into(), manifest: model::ManifestMode::Always }
        );
        assert_eq!(
            (storage.cache_control.as_deref(), storage.kms_key.as_deref()),
            (Some("no-store"), Some("alias/photos"))
        );
        assert_eq!(storage.storage_class.map(StorageClass::name), Some("STANDARD_IA"));
        assert!(storage.keep_larger && storage.copy_tags && storage.drop_headers && !follow_deletions);
        // The usable memory is nine tenths of 1,000 MiB. One sixteenth of the usable memory is for prefetched files.
        assert_eq!((limits.bytes, limits.pixels, limits.animation_pixels), (10, 20, 30));
        assert_eq!(limits.cpu_seconds, NonZeroU32::new(40));
        let worker = [HUGE_PAGES, ["LD_LIBRARY_PATH", "/opt/lib"]].map(|pair| pair.map(str::to_owned).into());
        assert_eq!(settings.store_options.worker.environment, worker.into());
        assert_eq!(limits.memory + settings.store_options.prefetch_memory, 943_718_400);
        assert_eq!(settings.store_options.prefetch_memory, 58_982_400);
        assert_eq!(settings.log, LogSettings { is_json: false, level: Level::ERROR });
        assert_eq!(
            (settings.store_options.custom_endpoint, settings.store_options.catalog.as_deref()),
            (true, Some("images"))
        );
    }

    #[test]
    fn settings_of_a_recipe_are_parsed_to_the_same_recipe() {
        let rules = r#"[{"sizes": "640x360,full", "quality": "70", "speed": 4, "metadata": "copyright", "chroma": "444",
            "color": "srgb", "damaged": "convert", "formats": "jpeg,avif", "background": "1a2b3c"}]"#;
        let plan = parse(&[("AVIF_RULES", rules), ("AVIF_OUTPUT_BUCKET", "cdn")]).unwrap().plan;
        let transfer::RuleEffect::Convert(rule) = &plan.rules[0].effect else { panic!("{:?}", plan.rules) };
        let variables = rule.recipe.settings().map(|(name, value)| (format!("AVIF_{}", name.to_uppercase()), value));
        let variables: BTreeMap<_, _> =
            variables.into_iter().chain([("AVIF_OUTPUT_BUCKET".into(), "cdn".into())]).collect();
        assert_eq!(Settings::parse(&variables).unwrap().plan.recipe, rule.recipe);
    }

    #[test]
    fn old_name_of_the_sizes_is_read() {
        let settings = parse(&[("AVIF_WIDTHS", "full,640")]).unwrap();
        assert_eq!(settings.plan.recipe.sizes, "full,640".parse().unwrap());
        let error = parse(&[("AVIF_WIDTHS", "full"), ("AVIF_SIZES", "full")]).unwrap_err().to_string();
        assert!(error.contains("AVIF_WIDTHS: this is the old name of AVIF_SIZES"), "{error}");
    }

    #[test]
    fn all_invalid_variables_are_reported_together() {
        let error = parse(&[("AVIF_QUALITY", "high"), ("AVIF_SPEED", "11"), ("AVIF_WIDTH", "640")]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("3 invalid environment variables:\n  AVIF_QUALITY=high: quality \"high\" is"),
            "{text}"
        );
        assert!(
            text.contains("AVIF_SPEED=11: ") && text.contains("AVIF_WIDTH is unknown; known are AVIF_SIZES, "),
            "{text}"
        );
    }

    #[test]
    fn formats_that_would_trigger_the_function_need_another_location() {
        let error = parse(&[("AVIF_FORMATS", "avif,webp")]).unwrap_err().to_string();
        assert!(error.contains("AVIF_FORMATS: WebP and JPEG variants beside their sources"), "{error}");
        for location in [("AVIF_OUTPUT_BUCKET", "cdn"), ("AVIF_OUTPUT_PREFIX", "variants/")] {
            assert!(parse(&[("AVIF_FORMATS", "avif,webp"), location]).is_ok());
        }
    }

    #[test]
    fn unknown_log_level_is_an_error() {
        let error = parse(&[("AWS_LAMBDA_LOG_LEVEL", "LOUD")]).unwrap_err().to_string();
        assert!(
            error.starts_with("1 invalid environment variable:\n  AWS_LAMBDA_LOG_LEVEL: \"LOUD\" is none"),
            "{error}"
        );
    }

    #[test]
    fn variables_in_the_readme_are_exactly_the_variables_that_are_read() {
        // The test reads the README when it runs, not when it is compiled. The sources of the Nix build do not contain
        // the README, so the Nix build skips this test by its name.
        let readme = std::fs::read_to_string("../../README.md").unwrap();
        let variable = |line: &str| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name.to_owned());
        let is_setting = |name: &String| name.starts_with(PREFIX) || name.starts_with("AWS_");
        let mut listed: Vec<String> = readme.lines().filter_map(variable).filter(is_setting).collect();
        let mut read = Settings::variable_names();
        listed.sort_unstable();
        read.sort_unstable();
        assert_eq!(listed, read);
    }
}

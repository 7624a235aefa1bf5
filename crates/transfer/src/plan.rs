use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;
use std::time::{Duration, Instant};

use model::{Limits, OutputFormat, Recipe, SourceInfo, VariantStatus};
use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{Layout, Rule, RuleEffect};

/// The settings for all jobs of a process.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The settings of the conversion.
    pub recipe: Recipe,
    /// The sources with another recipe, or without variants.
    pub rules: Vec<Rule>,
    /// The limits for one image.
    pub limits: Limits,
    /// The locations of outputs.
    pub layout: Layout,
    /// The settings for storing outputs.
    pub storage: StorageOptions,
    /// Whether the outputs are deleted when their source is deleted.
    pub follow_deletions: bool,
    /// The number of threads for one conversion.
    pub threads: NonZeroUsize,
    /// The CPU seconds that are available per second of wall-clock time. The number is less than 1 for a function with
    /// less than 1,769 MB of memory.
    pub processors: f64,
}

/// The deadline for the response to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The time at which the response is due.
    pub at: Instant,
    /// The time for the whole event, from its arrival to the deadline.
    pub timeout: Duration,
}

/// The maximum timeout of a Lambda function (AWS Lambda Developer Guide, "Lambda quotas").
const MAX_LAMBDA_TIMEOUT: Duration = Duration::from_mins(15);

/// The settings for storing outputs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StorageOptions {
    /// The Cache-Control header of outputs. If it is `None`, outputs get the header of the source.
    pub cache_control: Option<String>,
    /// Whether a variant is stored if it is not smaller than its source.
    pub keep_larger: bool,
    /// Whether the source's tags are copied.
    pub copy_tags: bool,
    /// Whether the source's headers and user metadata are not copied.
    // The fingerprint does not contain this setting while the setting has its default value, so variants of earlier
    // releases remain up to date.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drop_headers: bool,
    /// The storage class; `None` for the bucket's default.
    pub storage_class: Option<StorageClass>,
    /// ID, ARN or alias of the KMS key; `None` for the bucket's default encryption.
    pub kms_key: Option<String>,
}

/// A storage class from which objects can be read immediately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StorageClass(&'static str);

/// The text is not a storage class for variants.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("storage class {0:?} is not one of {known}", known = StorageClass::KNOWN.join(", "))]
pub struct InvalidStorageClass(String);

impl StorageClass {
    /// The list excludes the archive classes, because a variant in an archive class cannot be read immediately.
    const KNOWN: [&str; 5] = ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"];

    /// Returns the name in the S3 API.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl FromStr for StorageClass {
    type Err = InvalidStorageClass;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::KNOWN.into_iter().find(|known| *known == text);
        known.map(Self).ok_or_else(|| InvalidStorageClass(text.to_owned()))
    }
}

impl StorageOptions {
    /// Decides whether a variant is stored. A variant that is not smaller than its source is not stored, with three
    /// exceptions: `keep_larger` is set, or the variant is a copy of an AVIF source (web pages request the copy by the
    /// key of the variant), or a client that needs the format of the variant cannot show the source.
    #[must_use]
    pub fn variant_status(&self, variant: &convert::Variant, source: &SourceInfo) -> VariantStatus {
        let is_smaller = (variant.bytes.len() as u64) < source.bytes;
        // An AVIF is only worth storing if it saves bytes, whatever the source is.
        let format = variant.id.format;
        let is_fallback = format != OutputFormat::Avif && !source.is_shown_by_clients_of(format);
        if is_smaller || variant.is_source || self.keep_larger || is_fallback {
            VariantStatus::Stored
        } else {
            VariantStatus::LargerThanSource
        }
    }
}

impl Plan {
    /// Returns the limits for an image of an event with this deadline. By default, one image may use the CPU time of
    /// half of the event's time. The other half is left for the other images of the event.
    pub(crate) fn limits_within(&self, deadline: Option<Deadline>) -> Limits {
        let timeout = deadline.map_or(MAX_LAMBDA_TIMEOUT, |deadline| deadline.timeout);
        let half = timeout.mul_f64(self.processors / 2.0).as_secs_f64().ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates at the ends of the range"
        )]
        let default = NonZeroU32::new(half as u32).unwrap_or(NonZeroU32::MIN);
        Limits { cpu_seconds: Some(self.limits.cpu_seconds.unwrap_or(default)), ..self.limits }
    }

    /// Returns the fingerprint of the recipe and the storage options, without the rules: 16 hexadecimal digits. A stored variant with
    /// another fingerprint is outdated. The fingerprint does not contain the limits and the number of threads, because
    /// they do not change the result.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Structs without maps always serialize to the same text.
        hash(&serde_json::json!([self.recipe, self.storage]))
    }

    /// Returns the fingerprint of the plan with its rules. Without rules, it is the [fingerprint](Self::fingerprint).
    #[must_use]
    pub fn fingerprint_with_rules(&self) -> String {
        if self.rules.is_empty() {
            return self.fingerprint();
        }
        let fingerprint = |rule: &Rule| match &rule.effect {
            RuleEffect::Skip => None,
            RuleEffect::Convert(plan) => Some(plan.fingerprint()),
        };
        let rules: Vec<_> = self.rules.iter().map(|rule| (&rule.keys, fingerprint(rule))).collect();
        hash(&serde_json::json!([self.fingerprint(), rules]))
    }
}

/// Returns the first 8 bytes of the SHA-256 digest in hexadecimal.
fn hash(value: &serde_json::Value) -> String {
    let digest = Sha256::digest(value.to_string());
    let number = digest.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte));
    format!("{number:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            recipe: Recipe::default(),
            rules: vec![],
            limits: Limits::default(),
            layout: Layout::default(),
            storage: StorageOptions::default(),
            follow_deletions: true,
            threads: NonZeroUsize::MIN,
            processors: 1.0,
        }
    }

    #[test]
    fn default_cpu_time_limit_is_half_the_timeout() {
        let plan = plan();
        let seconds = |plan: &Plan, timeout: Option<f64>| {
            let deadline =
                timeout.map(|timeout| Deadline { at: Instant::now(), timeout: Duration::from_secs_f64(timeout) });
            plan.limits_within(deadline).cpu_seconds.unwrap().get()
        };
        assert_eq!([Some(60.0), Some(59.1), Some(0.1), None].map(|timeout| seconds(&plan, timeout)), [30, 30, 1, 450]);
        let small = Plan { processors: 0.29, ..plan.clone() };
        assert_eq!(seconds(&small, Some(60.0)), 9);
        let limits = Limits { cpu_seconds: NonZeroU32::new(7), ..plan.limits };
        assert_eq!(seconds(&Plan { limits, ..plan }, Some(60.0)), 7);
    }

    #[test]
    fn fingerprint_changes_with_the_recipe_and_not_with_the_limits() {
        let plan = plan();
        let same = Plan { limits: Limits { bytes: 1, ..plan.limits }, ..plan.clone() };
        assert_eq!((plan.fingerprint().len(), same.fingerprint()), (16, plan.fingerprint()));
        let recipe = Recipe { quality: "61".parse().unwrap(), ..Recipe::default() };
        let other = Plan { recipe, ..plan.clone() };
        assert_ne!(other.fingerprint(), plan.fingerprint());
    }

    #[test]
    fn default_storage_options_serialize_as_in_earlier_releases() {
        let text = |storage: &StorageOptions| serde_json::to_string(storage).unwrap();
        let earlier =
            r#"{"cache_control":null,"keep_larger":false,"copy_tags":false,"storage_class":null,"kms_key":null}"#;
        assert_eq!(text(&StorageOptions::default()), earlier);
        assert_ne!(text(&StorageOptions { drop_headers: true, ..StorageOptions::default() }), earlier);
    }

    #[test]
    fn archive_storage_class_is_rejected() {
        assert_eq!("GLACIER_IR".parse::<StorageClass>().unwrap().name(), "GLACIER_IR");
        let error = "DEEP_ARCHIVE".parse::<StorageClass>().unwrap_err().to_string();
        assert!(error.starts_with("storage class \"DEEP_ARCHIVE\" is not one of STANDARD, STANDARD_IA"), "{error}");
    }
}

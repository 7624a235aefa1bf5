use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;
use std::time::{Duration, Instant};

use model::{Limits, Recipe};
use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::Layout;

/// How jobs are done: the same for every job of a program's run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is made of an image.
    pub recipe: Recipe,
    /// What one image may take.
    pub limits: Limits,
    /// Where variants go.
    pub layout: Layout,
    /// How they are stored.
    pub storage: StorageOptions,
    /// Whether a source's outputs go when it goes.
    pub follow_deletions: bool,
    /// Threads that one conversion may use.
    pub threads: NonZeroUsize,
    /// CPU seconds that there are in a second; less than 1 with little memory.
    pub processors: f64,
}

/// When the answer to an event must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The moment.
    pub at: Instant,
    /// The time that there was for the whole event.
    pub timeout: Duration,
}

/// Of a Lambda function (AWS Lambda Developer Guide, "Lambda quotas").
const LONGEST_TIMEOUT: Duration = Duration::from_mins(15);

/// How variants are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StorageOptions {
    /// The variants' Cache-Control header; the source's own where none is named.
    pub cache_control: Option<String>,
    /// Whether a variant is stored that came out larger than its source.
    pub keep_larger: bool,
    /// Whether the source's tags go along.
    pub copy_tags: bool,
    /// Whether the source's headers and user metadata do not go along.
    // Left out of the fingerprint while it has its default, so that variants of earlier versions stay what is wanted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drop_headers: bool,
    /// The bucket's own choice where none is named.
    pub storage_class: Option<StorageClass>,
    /// The KMS key to encrypt with, by id, ARN or alias; the bucket's default encryption where none is named.
    pub kms_key: Option<String>,
}

/// A storage class that can be read from at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StorageClass(&'static str);

/// The text is not a storage class that variants can be in.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("storage class {0:?} is none of {known}", known = StorageClass::KNOWN.join(", "))]
pub struct InvalidStorageClass(String);

impl StorageClass {
    /// All but the archives, from which a variant could not be served.
    const KNOWN: [&str; 5] = ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"];

    /// As S3 has it.
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

impl Plan {
    /// The limits for an image of an event with this deadline. Without a setting, one image has the CPU time that there is in
    /// half of the time for the event, so that the other half is left for the other images.
    pub(crate) fn limits_within(&self, deadline: Option<Deadline>) -> Limits {
        let timeout = deadline.map_or(LONGEST_TIMEOUT, |deadline| deadline.timeout);
        let half = timeout.mul_f64(self.processors / 2.0).as_secs_f64().ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` stops at the ends of the range"
        )]
        let default = NonZeroU32::new(half as u32).unwrap_or(NonZeroU32::MIN);
        Limits { cpu_seconds: Some(self.limits.cpu_seconds.unwrap_or(default)), ..self.limits }
    }

    /// 16 hexadecimal digits that tell whether a stored variant was made and stored as this plan would: a digest of the
    /// recipe and of how it is stored. Limits and threads change nothing about the result.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Plain structs without maps always serialize, and to the same text each time.
        let text = serde_json::json!([self.recipe, self.storage]).to_string();
        let number = Sha256::digest(text).iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte));
        format!("{number:016x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            recipe: Recipe::default(),
            limits: Limits::default(),
            layout: Layout::default(),
            storage: StorageOptions::default(),
            follow_deletions: true,
            threads: NonZeroUsize::MIN,
            processors: 1.0,
        }
    }

    #[test]
    fn an_image_has_the_cpu_time_of_half_the_timeout_unless_a_limit_is_set() {
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
    fn a_fingerprint_changes_with_what_is_made_and_with_nothing_else() {
        let plan = plan();
        let same = Plan { limits: Limits { bytes: 1, ..plan.limits }, ..plan.clone() };
        assert_eq!((plan.fingerprint().len(), same.fingerprint()), (16, plan.fingerprint()));
        let recipe = Recipe { quality: "61".parse().unwrap(), ..Recipe::default() };
        let other = Plan { recipe, ..plan.clone() };
        assert_ne!(other.fingerprint(), plan.fingerprint());
    }

    #[test]
    fn fingerprint_of_an_unchanged_plan_is_the_one_of_earlier_versions() {
        let text = |storage: &StorageOptions| serde_json::to_string(storage).unwrap();
        let earlier =
            r#"{"cache_control":null,"keep_larger":false,"copy_tags":false,"storage_class":null,"kms_key":null}"#;
        assert_eq!(text(&StorageOptions::default()), earlier);
        assert_ne!(text(&StorageOptions { drop_headers: true, ..StorageOptions::default() }), earlier);
    }

    #[test]
    fn a_class_that_cannot_be_served_from_is_refused() {
        assert_eq!("GLACIER_IR".parse::<StorageClass>().unwrap().name(), "GLACIER_IR");
        let error = "DEEP_ARCHIVE".parse::<StorageClass>().unwrap_err().to_string();
        assert!(error.starts_with("storage class \"DEEP_ARCHIVE\" is none of STANDARD, STANDARD_IA"), "{error}");
    }
}

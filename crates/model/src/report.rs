use serde::{Deserialize, Serialize};

use crate::{Job, Location, Width};

/// What came of one job: one JSON line in the log, one entry in the function's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was to be done.
    pub job: Job,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Wall-clock time of each stage.
    pub timings: Timings,
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The variants were made.
    Converted {
        /// What the source was.
        image: SourceInfo,
        /// What was made of it, in the recipe's order.
        variants: Vec<VariantReport>,
        /// What a person should know about the result: a profile that was left out, say.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        notes: Vec<String>,
    },
    /// The source was deleted, so its outputs were deleted.
    Deleted {
        /// The outputs that were deleted.
        outputs: Vec<Location>,
    },
    /// There was nothing to do.
    Skipped {
        /// Why there was nothing to do, in one line.
        reason: String,
    },
    /// The input cannot be converted. A retry cannot succeed.
    Rejected {
        /// What is wrong with it, in one line.
        reason: String,
    },
    /// Something other than the input failed. A retry may succeed.
    Failed {
        /// What went wrong, in one line.
        reason: String,
    },
}

/// What the source was found to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// `jpeg`, `png`, `webp`, `gif`, `tiff`, `bmp` or `avif`.
    pub format: String,
    /// Pixels across, upright.
    pub width: u32,
    /// Pixels down, upright.
    pub height: u32,
    /// The file's size in bytes.
    pub bytes: u64,
    /// How many images follow one another; 1 where nothing moves.
    pub frames: u32,
}

/// One variant: what was asked for, where it belongs, what it became.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariantReport {
    /// The width that the recipe requests.
    pub requested: Width,
    /// Where it belongs.
    pub at: Location,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The AVIF's size in bytes.
    pub bytes: u64,
    /// The SSIMULACRA2 score that it reached (100: the same), where the quality was searched for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<f32>,
    /// What became of it.
    pub status: VariantStatus,
}

/// What became of an encoded variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariantStatus {
    /// It was stored.
    Stored,
    /// The variant is larger than its source, so it was not stored.
    LargerThanSource,
}

/// Wall-clock milliseconds for each stage; 0 for a stage that was not reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Reading the source object.
    pub fetch_ms: f64,
    /// File bytes to pixels.
    pub decode_ms: f64,
    /// Upright, color, sizes, luma and chroma.
    pub transform_ms: f64,
    /// Pixels to AVIF, all variants.
    pub encode_ms: f64,
    /// Writing the variants.
    pub store_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, Source};

    #[test]
    fn a_report_reads_back_from_its_own_line() {
        let at = Location { bucket: "photos".into(), key: "写真 1+2%.jpg".into() };
        let source = Source { at: at.clone(), version: None, etag: Some("e".into()), sequencer: "0A".parse().ok() };
        let variant = VariantReport {
            requested: Width::Full,
            at,
            width: 4,
            height: 3,
            bytes: 9,
            score: Some(75.25),
            status: VariantStatus::Stored,
        };
        let facts = SourceInfo { format: "jpeg".into(), width: 4, height: 3, bytes: 20, frames: 1 };
        let report = Report {
            job: Job { source, change: Change::Created },
            outcome: Outcome::Converted { image: facts, variants: vec![variant], notes: vec![] },
            timings: Timings::default(),
        };
        let line = serde_json::to_string(&report).unwrap();
        assert!(line.contains(r#""outcome":"converted""#) && !line.contains('\n'));
        assert_eq!(serde_json::from_str::<Report>(&line).unwrap(), report);
    }
}

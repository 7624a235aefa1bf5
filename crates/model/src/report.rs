use serde::{Deserialize, Serialize};

use crate::{Area, Job, Location, OutputFormat, Size, VariantId};

/// The result of one job: a JSON line in the log and an entry in the function's response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The job.
    pub job: Job,
    /// The rule that holds for the source, such as `AVIF_RULES[0]`. `None` if no rule matches its key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<String>,
    /// The outcome of the job.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Wall-clock time of each stage.
    pub timings: Timings,
}

/// The outcome of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The source was converted.
    Converted {
        /// Properties of the source.
        image: SourceInfo,
        /// The variants, widest first.
        variants: Vec<VariantReport>,
        /// Remarks about the result, for example that a color profile was omitted.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        notes: Vec<String>,
    },
    /// The source was deleted, so its outputs were deleted.
    Deleted {
        /// The outputs that were deleted.
        outputs: Vec<Location>,
    },
    /// The job needed no work.
    Skipped {
        /// The reason, on one line.
        reason: String,
    },
    /// The input cannot be converted. A retry cannot succeed.
    Rejected {
        /// The reason, on one line.
        reason: String,
    },
    /// Something other than the input failed. A retry may succeed.
    Failed {
        /// The reason, on one line.
        reason: String,
    },
}

/// Properties of the source image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// `jpeg`, `png`, `webp`, `gif`, `tiff`, `bmp`, `heic` or `avif`.
    pub format: String,
    /// Width in pixels, after the orientation is applied.
    pub width: u32,
    /// Height in pixels, after the orientation is applied.
    pub height: u32,
    /// The file's size in bytes.
    pub bytes: u64,
    /// Number of frames; 1 unless the image is an animation.
    pub frames: u32,
}

impl SourceInfo {
    /// Whether every client that shows images in this format also shows the source. All browsers show JPEG, PNG, GIF and WebP,
    /// and mail programs without WebP show the first three.
    #[must_use]
    pub fn is_shown_by_clients_of(&self, format: OutputFormat) -> bool {
        let shown: &[&str] = match format {
            OutputFormat::Avif => &["jpeg", "png", "gif", "webp", "avif"],
            OutputFormat::Webp => &["jpeg", "png", "gif", "webp"],
            OutputFormat::Jpeg => &["jpeg", "png", "gif"],
        };
        shown.contains(&self.format.as_str())
    }
}

/// One variant of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariantReport {
    /// The size that the recipe requests.
    pub requested: Size,
    /// The format of the variant.
    #[serde(default)]
    pub format: OutputFormat,
    /// The location of the variant.
    pub at: Location,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The part of the source that the variant shows, unless it shows the whole source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub crop: Option<Area>,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// The SSIMULACRA2 score of the variant (100 is identical), if a quality search measured it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<f32>,
    /// Whether the variant was stored.
    pub status: VariantStatus,
}

impl VariantReport {
    /// Returns the size and the format that the recipe requests.
    #[must_use]
    pub fn id(&self) -> VariantId {
        VariantId { size: self.requested, format: self.format }
    }
}

/// Whether an encoded variant was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariantStatus {
    /// The variant was stored.
    Stored,
    /// The variant is larger than its source, so it was not stored.
    LargerThanSource,
}

/// Wall-clock milliseconds of each stage; 0 for a stage that was not reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// The time to read the source object.
    pub fetch_ms: f64,
    /// The time to decode the file to pixels.
    pub decode_ms: f64,
    /// The time to apply the orientation, convert colors, resize and convert to YUV.
    pub transform_ms: f64,
    /// The time to encode all variants.
    pub encode_ms: f64,
    /// The time to write the outputs.
    pub store_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, Source};

    #[test]
    fn report_is_parsed_from_its_own_json_line() {
        let at = Location { bucket: "photos".into(), key: "写真 1+2%.jpg".into() };
        let source = Source { at: at.clone(), version: None, etag: Some("e".into()), sequencer: "0A".parse().ok() };
        let variant = VariantReport {
            requested: Size::Full,
            format: OutputFormat::Webp,
            at,
            width: 4,
            height: 3,
            crop: Some(Area { x: 1, y: 0, width: 4, height: 3 }),
            bytes: 9,
            score: Some(75.25),
            status: VariantStatus::Stored,
        };
        let info = SourceInfo { format: "jpeg".into(), width: 4, height: 3, bytes: 20, frames: 1 };
        let report = Report {
            job: Job { source, change: Change::Created },
            rule: Some("AVIF_RULES[0]".into()),
            outcome: Outcome::Converted { image: info, variants: vec![variant], notes: vec![] },
            timings: Timings::default(),
        };
        let line = serde_json::to_string(&report).unwrap();
        assert!(line.contains(r#""outcome":"converted""#) && !line.contains('\n'));
        assert_eq!(serde_json::from_str::<Report>(&line).unwrap(), report);
    }
}

//! Creates the samples of one invocation or of one report.

use model::{Outcome, Report, VariantStatus};

use crate::metric::{Metric, Sample, count};
use crate::span::Stage;

/// Creates the samples of an invocation that ended with this status: `success`, `error`, `failure` or `timeout`.
pub(crate) fn invocation_samples(status: &str, at: u64) -> Vec<Sample> {
    let mut metrics = vec![Metric::Invocations];
    if status != "success" {
        metrics.push(Metric::Errors);
    }
    if status == "timeout" {
        metrics.push(Metric::Timeouts);
    }
    metrics.into_iter().map(|metric| Sample { metric, value: 1.0, at }).collect()
}

/// Creates the samples of the report of one image.
pub(crate) fn report_samples(report: &Report, at: u64) -> Vec<Sample> {
    let mut samples = vec![];
    let mut push = |metric, value| samples.push(Sample { metric, value, at });
    match &report.outcome {
        Outcome::Converted { image, variants, .. } => {
            push(Metric::Converted, 1.0);
            push(Metric::BytesIn, count(image.bytes));
            let stored = || variants.iter().filter(|variant| variant.status == VariantStatus::Stored);
            push(Metric::BytesOut, stored().map(|variant| count(variant.bytes)).sum());
            // The widest variants are in the order of the formats, so this is the AVIF if AVIF is configured.
            if let Some(widest) = stored().rev().max_by_key(|variant| variant.width) {
                push(Metric::Saving, 100.0 * (1.0 - count(widest.bytes) / count(image.bytes.max(1))));
            }
            for score in variants.iter().filter_map(|variant| variant.score) {
                push(Metric::Score, f64::from(score));
            }
        }
        Outcome::Deleted { .. } => push(Metric::Deleted, 1.0),
        Outcome::Skipped { .. } => push(Metric::Skipped, 1.0),
        Outcome::Rejected { .. } => push(Metric::Rejected, 1.0),
        Outcome::Failed { .. } => push(Metric::Failed, 1.0),
    }
    for (stage, milliseconds) in Stage::reached(&report.timings) {
        push(stage.metric(), milliseconds);
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saving_is_the_one_of_the_widest_avif() {
        let variant = |format: &str, width: u32, bytes: u32| {
            format!(
                r#"{{"requested": "full", "format": "{format}", "at": {{"bucket": "b", "key": "k"}}, "width": {width},
                    "height": 1, "bytes": {bytes}, "status": "stored"}}"#
            )
        };
        let variants = [variant("avif", 9, 20), variant("webp", 9, 30), variant("jpeg", 9, 40), variant("avif", 5, 10)];
        let report = format!(
            r#"{{"job": {{"source": {{"at": {{"bucket": "b", "key": "k"}}}}, "change": "created"}}, "outcome": "converted",
                "image": {{"format": "png", "width": 9, "height": 1, "bytes": 100, "frames": 1}}, "variants": [{}],
                "timings": {{"fetch_ms": 0, "decode_ms": 0, "transform_ms": 0, "encode_ms": 0, "store_ms": 0}}}}"#,
            variants.join(",")
        );
        let samples = report_samples(&serde_json::from_str(&report).unwrap(), 0);
        let saving = samples.iter().find(|sample| matches!(sample.metric, Metric::Saving)).unwrap();
        assert!((saving.value - 80.0).abs() < 1e-9, "{}", saving.value);
    }
}

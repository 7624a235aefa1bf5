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
            // Of several formats of the same width, the first is meant: AVIF, unless it is not configured.
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

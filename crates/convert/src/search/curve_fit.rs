//! Measures the curve of an image near the target score.

use avif::{Quantizer, QuantizerStep};
use model::Score;

use super::comparison::{Comparison, ScoredFile, SearchError};
use super::curve::{ScoreCurve, coarsest_quantizer};

/// The result of encoding an image or a sample.
#[derive(Clone, Copy)]
pub(super) struct CurveFit {
    pub(super) curve: ScoreCurve,
    /// The quantizer at which the target score is expected.
    pub(super) quantizer: Quantizer,
    /// The estimated number of bytes of the file at the target score. It is infinite if no file is expected to reach
    /// the target.
    pub(super) bytes: f32,
}

impl CurveFit {
    /// Estimates the file at the target score. `scored` was encoded at the quantizer `encoded_at`.
    pub(super) fn new(
        curve: ScoreCurve,
        scored: &ScoredFile,
        encoded_at: Quantizer,
        target: f32,
        step: QuantizerStep,
    ) -> Self {
        let quantizer = curve.quantizer_for(target, step);
        let saving = curve.shape.log_bytes_per_quantizer * (encoded_at.value() - quantizer.value());
        let is_unreachable = scored.score < target && quantizer == Quantizer::FINEST;
        let bytes = if is_unreachable { f32::INFINITY } else { scored.bytes() * saving.exp() };
        Self { curve, quantizer, bytes }
    }
}

/// A quick measurement: of a sample, or of the whole image at a faster speed.
#[derive(Clone, Copy)]
pub(super) struct Probe<'a> {
    pub(super) comparison: Comparison<'a>,
    /// By how much the score of the real encode exceeds the score of this one.
    pub(super) score_bias: f32,
    /// The curve is reliable up to this distance, in quantizers, from the measurement.
    pub(super) max_distance: f32,
}

/// Measures the curve near the target score with one or two encodes.
pub(super) fn fit_curve(probe: Probe<'_>, expected: ScoreCurve, target: Score) -> Result<CurveFit, SearchError> {
    let (target, step) = (target.value(), QuantizerStep::Whole);
    let coarsest = coarsest_quantizer(probe.comparison.encoder);
    let first = expected.quantizer_for(target, step).min(coarsest);
    let encode = |quantizer| {
        let scored = probe.comparison.encode(quantizer)?;
        Ok::<_, SearchError>(ScoredFile { score: scored.score + probe.score_bias, ..scored })
    };
    let scored = encode(first)?;
    let fit = CurveFit::new(expected.through(first, scored.score), &scored, first, target, step);
    let second = fit.quantizer.min(coarsest);
    if (second.value() - first.value()).abs() < probe.max_distance {
        return Ok(fit);
    }
    let scored = encode(second)?;
    Ok(CurveFit::new(fit.curve.refined(second, scored.score), &scored, second, target, step))
}

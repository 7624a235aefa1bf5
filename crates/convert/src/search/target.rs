//! Searches the smallest encode of a whole image that reaches the target score.

use avif::{Quantizer, QuantizerStep};
use model::Score;

use super::MAX_EXTRAPOLATION;
use super::comparison::{Comparison, ScoredFile, SearchError};
use super::curve::{ScoreCurve, coarsest_quantizer};
use super::curve_fit::CurveFit;

/// The maximum number of full encodes of a search, if one of them reaches the target. Most images need one or two:
/// with the bundled codec, 33 of 45 photographs.
const MAX_ENCODES: usize = 4;
/// The margins that are added to the target score of the first encode and of later encodes. Without a probe, the score of the
/// first encode is predicted with a standard deviation of 1.0, the scores of later encodes more precisely. The margins were
/// chosen on the measured curves of 37 photographs. With them and [`score_tolerance`], the bundled codec takes 2.0 encodes
/// on average of 45 photographs, and ends 0.4 above the target.
pub(super) const FIRST_MARGIN: f32 = 0.4;
/// The margin for the first encode if a probe of the whole image measured the curve. Its score is then predicted with a
/// standard deviation of 0.3.
pub(super) const MARGIN_AFTER_PROBE: f32 = 0.15;
const LATER_MARGIN: f32 = 0.1;
/// After an encode that exceeds the target by more than this, the search goes on beyond [`MAX_ENCODES`], up to
/// [`MAX_ENCODES_IF_FAR`]. The scores of a few images jump by three points between neighboring qualities of WebP.
const MAX_OVERSHOOT: f32 = 3.0;
const MAX_ENCODES_IF_FAR: usize = 7;

/// The score of an encode of the whole image.
#[derive(Clone, Copy)]
struct Measurement {
    quantizer: Quantizer,
    score: f32,
}

/// A search for the quantizer of one image.
pub(super) struct TargetSearch<'a> {
    comparison: Comparison<'a>,
    target: f32,
    step: QuantizerStep,
    /// What is known from the latest encode.
    pub(super) expected: CurveFit,
    /// The quantizer of the next encode. `None` if the search has ended.
    next: Option<Quantizer>,
    /// The coarsest encode that reached the target. The next quantizers are coarser.
    reached: Option<Measurement>,
    /// The finest encode that missed the target. The next quantizers are finer.
    missed: Option<Measurement>,
    encodes: usize,
    /// The encode at the coarsest quantizer that reached the target, or the encode with the highest score.
    best: ScoredFile,
}

impl<'a> TargetSearch<'a> {
    /// Encodes the image at the quantizer that the curve predicts for the target plus this margin.
    pub(super) fn start(
        comparison: Comparison<'a>,
        curve: ScoreCurve,
        target: Score,
        margin: f32,
    ) -> Result<Self, SearchError> {
        let target = target.value();
        let step = comparison.encoder.step();
        let first = curve.quantizer_for(target + margin, step).min(coarsest_quantizer(comparison.encoder));
        let scored = comparison.encode(first)?;
        // The expected curve was not measured on encodes of this whole image, so its measurement and this measurement
        // do not define a slope.
        let curve = curve.through(first, scored.score);
        let expected = CurveFit::new(curve, &scored, first, target, step);
        let (best, encodes, next) = (scored, 1, None);
        let (reached, missed) = (None, None);
        let mut search = Self { comparison, target, step, expected, next, reached, missed, encodes, best };
        search.next = search.next_quantizer(first, search.best.score);
        Ok(search)
    }

    /// Encodes until the search ends. Returns the best encode.
    pub(super) fn finish(mut self) -> Result<ScoredFile, SearchError> {
        while let Some(quantizer) = self.next {
            let scored = self.comparison.encode(quantizer)?;
            self.encodes += 1;
            let curve = self.expected.curve.refined(quantizer, scored.score);
            self.expected = CurveFit::new(curve, &scored, quantizer, self.target, self.step);
            self.next = self.next_quantizer(quantizer, scored.score);
            // A later encode that reaches the target has a coarser quantizer than the earlier ones.
            if scored.score >= self.target || scored.score > self.best.score {
                self.best = scored;
            }
        }
        Ok(self.best)
    }

    /// Returns the quantizer of the next encode, after an encode at `quantizer`. Returns `None` if another encode would
    /// not be better.
    fn next_quantizer(&mut self, quantizer: Quantizer, score: f32) -> Option<Quantizer> {
        let is_reached = score >= self.target;
        let side = if is_reached { &mut self.reached } else { &mut self.missed };
        *side = Some(Measurement { quantizer, score });
        let lowest = self.reached.map_or(Quantizer::FINEST, |reached| reached.quantizer.coarser(self.step));
        let coarsest = coarsest_quantizer(self.comparison.encoder);
        let highest = self.missed.map_or(coarsest, |missed| missed.quantizer.finer(self.step));
        let is_close = is_reached && score <= self.target + score_tolerance(self.step);
        let is_finest = !is_reached && quantizer == Quantizer::FINEST;
        let is_far = self.reached.is_some_and(|reached| reached.score > self.target + MAX_OVERSHOOT);
        let max_encodes = if is_far { MAX_ENCODES_IF_FAR } else { MAX_ENCODES };
        let is_exhausted = self.reached.is_some() && self.encodes >= max_encodes;
        if is_close || is_finest || lowest > highest || is_exhausted {
            return None;
        }
        let aim = self.target + LATER_MARGIN;
        let expected = match (self.reached, self.missed) {
            (Some(reached), Some(missed)) => interpolate(reached, missed, aim, self.step),
            _ => self.expected.curve.quantizer_for(aim, self.step),
        };
        let expected = expected.clamp(lowest, highest);
        // If the scores of many encodes are below the target, the curve is wrong. Reaching the target is more important
        // than a small file.
        Some(match self.encodes {
            MAX_ENCODES if self.reached.is_none() => {
                Quantizer::at_most(expected.value() - MAX_EXTRAPOLATION, self.step)
            }
            MAX_ENCODES.. if self.reached.is_none() => Quantizer::FINEST,
            _ => expected,
        })
    }
}

/// Returns the coarsest quantizer between two encodes that is expected to have this score.
fn interpolate(reached: Measurement, missed: Measurement, score: f32, step: QuantizerStep) -> Quantizer {
    let part = (reached.score - score) / (reached.score - missed.score);
    let (from, to) = (reached.quantizer.value(), missed.quantizer.value());
    Quantizer::at_most(from + part * (to - from), step)
}

/// Returns by how much the score of an encode may exceed the target. Within this tolerance, another encode would save
/// too few bytes. One point of the score is 6 to 7 % of the bytes. A step of a whole quantizer changes the score by about
/// one point, so a lower tolerance would often cost an encode that saves nothing: on 45 photographs, 0.75 instead of 1.5
/// saves 1.5 % of the bytes for a fifth more CPU time.
fn score_tolerance(step: QuantizerStep) -> f32 {
    match step {
        QuantizerStep::Quarter => 1.0,
        QuantizerStep::Whole => 0.75,
    }
}

//! The search for the smallest encode that reaches a target score.
//!
//! The same quality number gives different images very different scores: one number for all images wastes a fifth of
//! all bytes. The search encodes a sample of the image first. Then it encodes the whole image, measures the score, and
//! encodes again if the score misses the target. The curve of the score by quantizer has a similar shape for every
//! image and differs mostly in height, so one measurement predicts most of it.

mod compared_image;
mod comparison;
mod curve;
mod sample;
mod score;
mod weights;

use avif::{Attachments, Quantizer, QuantizerStep};
use image::DynamicImage;
use model::{PlanarImage, Score};

use self::compared_image::ComparedImage;
use self::comparison::Comparison;
pub(crate) use self::comparison::{ScoredFile, SearchError};
pub(crate) use self::curve::ScoreCurve;
use self::curve::coarsest_quantizer;
use self::sample::Sample;
pub(crate) use self::score::CELL_MEMORY;
use self::score::cells;
use crate::encoder::EncoderSettings;
use crate::ten_bits;

/// The maximum number of full encodes of a search. Hardly any image needs more than two.
const MAX_ENCODES: usize = 4;
/// The margin that is added to the target score of an encode, so that most images need only one encode.
const TARGET_MARGIN: f32 = 0.25;
/// The distance in quantizers from its measurement up to which a curve is reliable.
const MAX_EXTRAPOLATION: f32 = 4.0;
/// The logarithm of the bytes that one quantizer saves: the median of six photographs, at 8 and at 10 bits.
const LOG_BYTES_PER_QUANTIZER: f32 = 0.05;
/// 10 bits are tried only if a photograph needs this quantizer or a finer one at 8 bits. Of three that needed coarser ones,
/// none was more than 1 % smaller at 10 bits.
const MAX_QUANTIZER_FOR_TEN_BITS: f32 = 20.0;
/// 10 bits are used only if the size is at most this fraction of the size at 8 bits: they take a quarter more CPU.
const MAX_TEN_BIT_SIZE_RATIO: f32 = 0.98;
/// The maximum number of pixels that are compared. In larger images, cells from all over the image are compared.
const MAX_COMPARED_PIXELS: u64 = 6_000_000;

/// The result of encoding a sample.
struct CurveFit {
    curve: ScoreCurve,
    /// The bytes that the sample would need to reach the target.
    bytes: f32,
}

impl CurveFit {
    /// `file` was encoded at `quantizer`; the target needs `target_quantizer`.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn new(curve: ScoreCurve, file: &[u8], quantizer: Quantizer, target_quantizer: Quantizer) -> Self {
        let saving = LOG_BYTES_PER_QUANTIZER * (quantizer.value() - target_quantizer.value());
        Self { curve, bytes: file.len() as f32 * saving.exp() }
    }
}

/// How to encode an image, measured on a sample of it.
#[derive(Clone, Copy)]
pub(crate) struct SampleAnalysis {
    pub(crate) curve: ScoreCurve,
    /// Whether the image and its other sizes are smaller at 10 bits than at 8.
    pub(crate) prefers_ten_bits: bool,
}

/// Measures the curve of a large image on a sample, and whether it is smaller at 10 bits. A small image gets the `typical`
/// curve, because encoding all of it takes little time.
pub(crate) fn analyze_sample(
    planar: &PlanarImage,
    reference: Option<&DynamicImage>,
    typical: ScoreCurve,
    target: Score,
    settings: &EncoderSettings,
) -> Result<SampleAnalysis, SearchError> {
    let Some(sample) = Sample::new(planar, compared_image(planar, reference))? else {
        return Ok(SampleAnalysis { curve: typical, prefers_ten_bits: false });
    };
    let at_eight = fit_curve(&sample.comparison(), typical, target, settings)?;
    let quantizer = at_eight.curve.quantizer_for(target.value(), QuantizerStep::Whole);
    if quantizer.value() > MAX_QUANTIZER_FOR_TEN_BITS || !ten_bits::may_be_smaller(planar, settings.content) {
        return Ok(SampleAnalysis { curve: at_eight.curve, prefers_ten_bits: false });
    }
    let expected = at_eight.curve.at_ten_bits(target.value());
    let at_ten = fit_curve(&sample.into_ten_bits()?.comparison(), expected, target, settings)?;
    let prefers_ten_bits = at_ten.bytes < at_eight.bytes * MAX_TEN_BIT_SIZE_RATIO;
    Ok(SampleAnalysis { curve: if prefers_ten_bits { at_ten.curve } else { at_eight.curve }, prefers_ten_bits })
}

/// Measures the curve of a large image on a sample, starting from the `expected` curve. A small image gets the expected
/// curve.
pub(crate) fn fit_sample_curve(
    planar: &PlanarImage,
    reference: Option<&DynamicImage>,
    expected: ScoreCurve,
    target: Score,
    settings: &EncoderSettings,
) -> Result<ScoreCurve, SearchError> {
    match Sample::new(planar, compared_image(planar, reference))? {
        Some(sample) => Ok(fit_curve(&sample.comparison(), expected, target, settings)?.curve),
        None => Ok(expected),
    }
}

/// Measures a curve near the target score with one or two encodes.
fn fit_curve(
    sample: &Comparison<'_>,
    expected: ScoreCurve,
    target: Score,
    settings: &EncoderSettings,
) -> Result<CurveFit, SearchError> {
    let coarsest = coarsest_quantizer(settings.content);
    let quantizer = |curve: ScoreCurve| curve.quantizer_for(target.value(), QuantizerStep::Whole).min(coarsest);
    let first = quantizer(expected);
    let encode = sample.encode(first, &Attachments::default(), settings)?;
    let curve = expected.through(first, encode.score);
    let second = quantizer(curve);
    if (second.value() - first.value()).abs() < MAX_EXTRAPOLATION {
        return Ok(CurveFit::new(curve, &encode.file, first, second));
    }
    let encode = sample.encode(second, &Attachments::default(), settings)?;
    let curve = curve.refined(second, encode.score);
    Ok(CurveFit::new(curve, &encode.file, second, quantizer(curve)))
}

/// Encodes an image at the coarsest quantizer that reaches the target, or at a fine quantizer if none of the encodes reaches
/// it.
pub(crate) fn encode_at_target(
    planar: &PlanarImage,
    reference: Option<&DynamicImage>,
    mut curve: ScoreCurve,
    target: Score,
    attachments: &Attachments,
    settings: &EncoderSettings,
) -> Result<ScoredFile, SearchError> {
    let reference = compared_image(planar, reference);
    let cells = cells(reference.size(), MAX_COMPARED_PIXELS);
    let comparison = Comparison { planar, reference, cells: &cells };
    let target = target.value();
    let coarsest = coarsest_quantizer(settings.content);
    let step = settings.quantizer_step(planar, attachments);
    let mut quantizer = curve.quantizer_for(target + TARGET_MARGIN, step).min(coarsest);
    // An encode below the target is an upper bound for further quantizers. An encode above the target is a lower bound.
    let (mut lowest, mut highest, mut best) = (Quantizer::FINEST, coarsest, None);
    for encode in 0..MAX_ENCODES {
        let scored = comparison.encode(quantizer, attachments, settings)?;
        curve = match encode {
            // The expected curve was measured on other encodes, so its measurement and this one do not define a slope.
            0 => curve.through(quantizer, scored.score),
            _ => curve.refined(quantizer, scored.score),
        };
        let is_below_target = scored.score < target;
        let is_close = !is_below_target && scored.score <= target + score_tolerance(step);
        if is_below_target && quantizer != Quantizer::FINEST {
            highest = quantizer.finer(step);
        } else {
            lowest = quantizer.coarser(step);
            best = Some(scored);
        }
        if is_close || lowest > highest {
            break;
        }
        quantizer = curve.quantizer_for(target + TARGET_MARGIN, step).clamp(lowest, highest);
    }
    if let Some(scored) = best {
        return Ok(scored);
    }
    // Every encode is below the target, so the curve is wrong. The score is more important than the size.
    let quantizer = Quantizer::at_most(quantizer.value() - MAX_EXTRAPOLATION, step);
    comparison.encode(quantizer, attachments, settings)
}

/// Returns by how much the score of an encode may exceed the target: within this tolerance, another encode would save
/// too little. A whole quantizer changes the score by one point or more.
fn score_tolerance(step: QuantizerStep) -> f32 {
    match step {
        QuantizerStep::Quarter => 0.75,
        QuantizerStep::Whole => 1.5,
    }
}

/// Returns the reference of an encode: the given pixels, or the planes.
fn compared_image<'a>(planar: &'a PlanarImage, reference: Option<&'a DynamicImage>) -> ComparedImage<'a> {
    reference.map_or(ComparedImage::Planar(planar), ComparedImage::Interleaved)
}

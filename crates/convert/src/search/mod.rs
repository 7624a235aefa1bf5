//! Searches the smallest encode of an image that reaches a target score.
//!
//! At the same quality number, different images have very different scores. One number for all images would therefore
//! waste a fifth of all bytes. The search encodes a sample of the image first. Then it encodes the whole image,
//! measures the score, and encodes again if the score misses the target. The curve of the score as a function of the
//! quantizer has a similar shape for every image and differs mostly in its height. So one measurement is enough to
//! predict most of the curve.

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
use crate::pixels::ten_bits;
use crate::write::avif::EncoderSettings;

/// The maximum number of full encodes of a search. Hardly any image needs more than two.
const MAX_ENCODES: usize = 4;
/// The margin that is added to the target score of an encode, so that most images need only one encode.
const TARGET_MARGIN: f32 = 0.25;
/// A curve is reliable up to this distance, in quantizers, from its measurement.
const MAX_EXTRAPOLATION: f32 = 4.0;
/// If the quantizer is coarser by 1, the natural logarithm of the file size is smaller by this number. It is the median
/// of six photographs, at 8 and at 10 bits.
const LOG_BYTES_PER_QUANTIZER: f32 = 0.05;
/// 10 bits are tried only if a photograph needs this quantizer or a finer one at 8 bits. Three photographs needed
/// coarser quantizers, and none of them was more than 1 % smaller at 10 bits.
const MAX_QUANTIZER_FOR_TEN_BITS: f32 = 20.0;
/// 10 bits are used only if the size at 10 bits is less than this fraction of the size at 8 bits, because encoding 10
/// bits takes a quarter more CPU time.
const MAX_TEN_BIT_SIZE_RATIO: f32 = 0.98;
/// The maximum number of pixels that are compared. In larger images, only some cells are compared, which are
/// distributed over the whole image.
const MAX_COMPARED_PIXELS: u64 = 6_000_000;

/// The result of encoding a sample.
struct CurveFit {
    curve: ScoreCurve,
    /// The estimated number of bytes of the sample's file at the target score.
    bytes: f32,
}

impl CurveFit {
    /// Estimates the file size at the target score. `file` was encoded at `quantizer`, and `target_quantizer` is the
    /// quantizer at which the target score is expected.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn new(curve: ScoreCurve, file: &[u8], quantizer: Quantizer, target_quantizer: Quantizer) -> Self {
        let saving = LOG_BYTES_PER_QUANTIZER * (quantizer.value() - target_quantizer.value());
        Self { curve, bytes: file.len() as f32 * saving.exp() }
    }
}

/// The expected curve and the better depth of an image, measured on a sample of the image.
#[derive(Clone, Copy)]
pub(crate) struct SampleAnalysis {
    pub(crate) curve: ScoreCurve,
    /// Whether the image has a smaller file at 10 bits than at 8 bits. The same result is used for all sizes of the
    /// image.
    pub(crate) prefers_ten_bits: bool,
}

/// Measures the curve of a large image on a sample. Also measures whether the sample's file is smaller at 10 bits than
/// at 8 bits. For a small image, returns the `typical` curve, because encoding the whole image takes little time.
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

/// Measures the curve of a large image on a sample, starting from the `expected` curve. For a small image, returns the
/// `expected` curve.
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

/// Encodes an image at the coarsest quantizer that reaches the target, or at a finer quantizer if no encode reaches the
/// target.
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
    // If the score of an encode is below the target, its quantizer is an upper bound for the next quantizers. If the
    // score is above the target, its quantizer is a lower bound.
    let (mut lowest, mut highest, mut best) = (Quantizer::FINEST, coarsest, None);
    for encode in 0..MAX_ENCODES {
        let scored = comparison.encode(quantizer, attachments, settings)?;
        curve = match encode {
            // The expected curve was not measured on encodes of this whole image, so its measurement and this
            // measurement do not define a slope.
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
    // The score of every encode is below the target, so the curve is wrong. Reaching the target is more important than
    // a small file.
    let quantizer = Quantizer::at_most(quantizer.value() - MAX_EXTRAPOLATION, step);
    comparison.encode(quantizer, attachments, settings)
}

/// Returns by how much the score of an encode may exceed the target. Within this tolerance, another encode would save
/// too few bytes. A step of a whole quantizer changes the score by one point or more.
fn score_tolerance(step: QuantizerStep) -> f32 {
    match step {
        QuantizerStep::Quarter => 0.75,
        QuantizerStep::Whole => 1.5,
    }
}

/// Returns the reference that encodes are compared with: the pixels if they are given, otherwise the planes.
fn compared_image<'a>(planar: &'a PlanarImage, reference: Option<&'a DynamicImage>) -> ComparedImage<'a> {
    reference.map_or(ComparedImage::Planar(planar), ComparedImage::Interleaved)
}

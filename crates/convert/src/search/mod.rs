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
mod searched_image;
mod target;
mod weights;

use avif::{Attachments, Quantizer, QuantizerStep};
use image::DynamicImage;
use model::{Score, Speed};

use self::comparison::Comparison;
pub(crate) use self::comparison::{ScoredFile, SearchError};
pub(crate) use self::curve::ScoreCurve;
use self::curve::coarsest_quantizer;
use self::sample::Sample;
pub(crate) use self::score::CELL_MEMORY;
pub(crate) use self::searched_image::{FullChroma, SearchedImage};
pub(crate) use self::target::encode_at_target;
use crate::pixels::chroma_detail::chroma_detail;
use crate::pixels::ten_bits;
use crate::write::avif::EncoderSettings;

/// A curve is reliable up to this distance, in quantizers, from its measurement.
const MAX_EXTRAPOLATION: f32 = 4.0;
/// The slowest speed at which a sample is encoded. At the same quantizer, the score hardly depends on the speed.
const SAMPLE_SPEED: Speed = Speed::FAST;
/// By how much the score of an image exceeds the score of its sample: the median of 11 photographs. Edges between tiles
/// and the fast speed lower the score of the sample.
const SAMPLE_SCORE_BIAS: f32 = 0.9;
/// If the quantizer is coarser by 1, the natural logarithm of the file size is smaller by this number. It is the median
/// of six photographs, at 8 and at 10 bits.
const LOG_BYTES_PER_QUANTIZER: f32 = 0.05;
/// 10 bits are tried only if a photograph needs this quantizer or a finer one at 8 bits. Three photographs needed
/// coarser quantizers, and none of them was more than 1 % smaller at 10 bits.
const MAX_QUANTIZER_FOR_TEN_BITS: f32 = 20.0;
/// 10 bits are used only if the size at 10 bits is less than this fraction of the size at 8 bits, because encoding 10
/// bits takes a quarter more CPU time.
const MAX_TEN_BIT_SIZE_RATIO: f32 = 0.98;
/// If the chroma detail is below this, a low score in 4:2:0 has another cause. Gray and sepia photographs have 0, and a
/// red caption of 300 letters in a photograph of 12 megapixels has 4.
const MIN_CHROMA_DETAIL: f64 = 0.5;
/// 4:4:4 is also tried if the quantizer that 4:2:0 needs is finer than this fraction of the typical quantizer.
const FINE_QUANTIZER_RATIO: f32 = 0.75;
/// 4:4:4 is used only if its file is smaller than this fraction of the file in 4:2:0, because encoding 4:4:4 takes more
/// CPU time.
const MAX_FULL_CHROMA_SIZE_RATIO: f32 = 0.97;

/// The result of encoding an image or a sample.
#[derive(Clone, Copy)]
struct CurveFit {
    curve: ScoreCurve,
    /// The quantizer at which the target score is expected.
    quantizer: Quantizer,
    /// The estimated number of bytes of the file at the target score. It is infinite if no file is expected to reach
    /// the target.
    bytes: f32,
}

impl CurveFit {
    /// Estimates the file at the target score. `scored` was encoded at the quantizer `encoded_at`.
    fn new(curve: ScoreCurve, scored: &ScoredFile, encoded_at: Quantizer, target: f32, step: QuantizerStep) -> Self {
        let quantizer = curve.quantizer_for(target, step);
        let saving = LOG_BYTES_PER_QUANTIZER * (encoded_at.value() - quantizer.value());
        let is_unreachable = scored.score < target && quantizer == Quantizer::FINEST;
        let bytes = if is_unreachable { f32::INFINITY } else { scored.bytes() * saving.exp() };
        Self { curve, quantizer, bytes }
    }

    /// Whether the 4:4:4 planes of this image may have a smaller file, so that it is worth encoding them too. `pixels`
    /// are the image or a sample of it.
    fn may_exceed_full_chroma(
        &self,
        image: SearchedImage<'_>,
        pixels: Option<&DynamicImage>,
        target: Score,
        settings: &EncoderSettings,
    ) -> bool {
        let typical = ScoreCurve::typical(settings.content, image.planar.shape());
        let typical = typical.quantizer_for(target.value(), QuantizerStep::Whole);
        let is_fine = self.quantizer.value() < FINE_QUANTIZER_RATIO * typical.value();
        let is_tried = match image.full_chroma {
            FullChroma::Never => false,
            FullChroma::IfMissed => self.bytes.is_infinite(),
            FullChroma::IfSmaller => is_fine || self.bytes.is_infinite(),
        };
        is_tried && pixels.is_some_and(|pixels| chroma_detail(pixels) >= MIN_CHROMA_DETAIL)
    }

    /// Whether this number of bytes of a 4:4:4 file is smaller than the expected 4:2:0 file.
    fn is_larger_than_full_chroma(&self, bytes: f32) -> bool {
        bytes < self.bytes * MAX_FULL_CHROMA_SIZE_RATIO
    }
}

/// What the search found out about a sample of an image.
#[derive(Clone, Copy)]
pub(crate) struct SampleAnalysis {
    pub(crate) curve: ScoreCurve,
    pub(crate) preferred_planes: PreferredPlanes,
    /// Whether the search of the whole image may encode 4:4:4 planes.
    pub(crate) full_chroma: FullChroma,
}

/// The planes with the smallest file. The same planes are used for all sizes of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PreferredPlanes {
    /// The planes that the image has.
    Unchanged,
    /// The same planes at 10 bits.
    TenBits,
    /// 4:4:4 planes.
    FullChroma,
}

/// Measures the curve of a large image on a sample. Also measures whether the sample's file is smaller at 10 bits than
/// at 8 bits, or in 4:4:4 than in 4:2:0. For a small image, returns the `typical` curve, because encoding the whole
/// image takes little time.
pub(crate) fn analyze_sample(
    image: SearchedImage<'_>,
    typical: ScoreCurve,
    target: Score,
    settings: &EncoderSettings,
) -> Result<SampleAnalysis, SearchError> {
    let mut analysis =
        SampleAnalysis { curve: typical, preferred_planes: PreferredPlanes::Unchanged, full_chroma: image.full_chroma };
    let Some(sample) = Sample::new(image.planar, image.reference())? else { return Ok(analysis) };
    let fit = fit_curve(&sample.comparison(), typical, target, settings)?;
    analysis.curve = fit.curve;
    if fit.may_exceed_full_chroma(image, sample.pixels(), target, settings)
        && let Some(planar) = image.full_chroma_planes()?
        && let Some(sample) = Sample::new(&planar, image.reference())?
    {
        let expected = ScoreCurve::typical(settings.content, planar.shape());
        let full_chroma = fit_curve(&sample.comparison(), expected, target, settings)?;
        if fit.bytes.is_infinite() || fit.is_larger_than_full_chroma(full_chroma.bytes) {
            let preferred_planes = PreferredPlanes::FullChroma;
            return Ok(SampleAnalysis { curve: full_chroma.curve, preferred_planes, ..analysis });
        }
        analysis.full_chroma = FullChroma::IfMissed;
    }
    if fit.quantizer.value() > MAX_QUANTIZER_FOR_TEN_BITS || !ten_bits::may_be_smaller(image.planar, settings.content) {
        return Ok(analysis);
    }
    let expected = fit.curve.at_ten_bits(target.value());
    let at_ten = fit_curve(&sample.into_ten_bits()?.comparison(), expected, target, settings)?;
    if at_ten.bytes < fit.bytes * MAX_TEN_BIT_SIZE_RATIO {
        return Ok(SampleAnalysis { curve: at_ten.curve, preferred_planes: PreferredPlanes::TenBits, ..analysis });
    }
    Ok(analysis)
}

/// Measures the curve of a large image on a sample, starting from the `expected` curve. For a small image, returns the
/// `expected` curve.
pub(crate) fn fit_sample_curve(
    image: SearchedImage<'_>,
    expected: ScoreCurve,
    target: Score,
    settings: &EncoderSettings,
) -> Result<ScoreCurve, SearchError> {
    match Sample::new(image.planar, image.reference())? {
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
    let (target, step) = (target.value(), QuantizerStep::Whole);
    let settings = &EncoderSettings { speed: settings.speed.max(SAMPLE_SPEED), ..*settings };
    let coarsest = coarsest_quantizer(settings.content);
    let first = expected.quantizer_for(target, step).min(coarsest);
    let encode = |quantizer| {
        let scored = sample.encode(quantizer, &Attachments::default(), settings)?;
        Ok::<_, SearchError>(ScoredFile { score: scored.score + SAMPLE_SCORE_BIAS, ..scored })
    };
    let scored = encode(first)?;
    let fit = CurveFit::new(expected.through(first, scored.score), &scored, first, target, step);
    let second = fit.quantizer.min(coarsest);
    if (second.value() - first.value()).abs() < MAX_EXTRAPOLATION {
        return Ok(fit);
    }
    let scored = encode(second)?;
    Ok(CurveFit::new(fit.curve.refined(second, scored.score), &scored, second, target, step))
}

//! Searches the quantizer and the planes of an AVIF.

use avif::{Attachments, QuantizerStep};
use image::DynamicImage;
use model::{Score, Speed};

use super::chroma;
use super::compared_image::ComparedImage;
use super::comparison::{Comparison, ScoredFile, SearchError};
use super::curve::ScoreCurve;
use super::curve_fit::{CurveFit, Probe, fit_curve};
use super::sample::Sample;
use super::searched_image::{FullChroma, SearchedImage};
use super::target::{FIRST_MARGIN, MARGIN_AFTER_PROBE, TargetSearch};
use crate::pixels::ten_bits;
use crate::write::avif::{AvifEncoder, EncoderSettings};

/// The slowest speed at which a sample is encoded. At the same quantizer, the score hardly depends on the speed.
const SAMPLE_SPEED: Speed = Speed::FAST;
/// Before the first encode with SVT-AV1, the whole image is encoded at this speed.
const PROBE_SPEED: Speed = Speed::QUICK;
/// By how much the score at the default speed exceeds the score at the speed of the probe, at the same quantizer. On 25
/// photographs, the standard deviation of this difference was 0.15. The score of a sample predicts the score of the image with
/// a standard deviation of more than 1.
const PROBE_BIAS: f32 = 0.1;
/// The curve is reliable up to this distance, in quantizers, from the probe.
const PROBE_DISTANCE: f32 = 2.0;
/// 10 bits are tried only if a photograph needs this quantizer or a finer one at 8 bits. Three photographs needed
/// coarser quantizers, and none of them was more than 1 % smaller at 10 bits.
const MAX_QUANTIZER_FOR_TEN_BITS: f32 = 20.0;
/// 10 bits are used only if the size at 10 bits is less than this fraction of the size at 8 bits, because encoding 10
/// bits takes a quarter more CPU time.
const MAX_TEN_BIT_SIZE_RATIO: f32 = 0.98;

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
    let fit = fit_sample(&sample, typical, target, settings)?;
    analysis.curve = fit.curve;
    if may_exceed_full_chroma(&fit, image, sample.source_pixels(), target, settings)
        && let Some(planar) = image.full_chroma_planes()?
        && let Some(sample) = Sample::new(&planar, image.reference())?
    {
        let expected = ScoreCurve::typical_avif(settings.content, planar.shape());
        let full_chroma = fit_sample(&sample, expected, target, settings)?;
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
    let at_ten = fit_sample(&sample.into_ten_bits()?, expected, target, settings)?;
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
        Some(sample) => Ok(fit_sample(&sample, expected, target, settings)?.curve),
        None => Ok(expected),
    }
}

fn fit_sample(
    sample: &Sample,
    expected: ScoreCurve,
    target: Score,
    settings: &EncoderSettings,
) -> Result<CurveFit, SearchError> {
    let settings = EncoderSettings { speed: settings.speed.max(SAMPLE_SPEED), ..*settings };
    let encoder = AvifEncoder { planar: &sample.planar, attachments: &Attachments::default(), settings: &settings };
    fit_curve(sample.pixels.probe(&encoder, expected.shape), expected, target)
}

/// Encodes an image at the coarsest quantizer that reaches the target. If the 4:2:0 planes of the image do not reach
/// the target, or are expected to need more bytes than 4:4:4 planes, encodes 4:4:4 planes. If no encode reaches the
/// target, returns the encode with the highest score.
pub(crate) fn encode_at_target(
    image: SearchedImage<'_>,
    curve: ScoreCurve,
    target: Score,
    attachments: &Attachments,
    settings: &EncoderSettings,
) -> Result<ScoredFile, SearchError> {
    let reference = image.reference();
    let search_full_chroma = || -> Result<Option<ScoredFile>, SearchError> {
        let Some(planar) = image.full_chroma_planes()? else { return Ok(None) };
        let curve = ScoreCurve::typical_avif(settings.content, planar.shape());
        let encoder = AvifEncoder { planar: &planar, attachments, settings };
        start_search(&encoder, reference, curve, target)?.finish().map(Some)
    };
    let encoder = AvifEncoder { planar: image.planar, attachments, settings };
    let search = start_search(&encoder, reference, curve, target)?;
    let expected = search.expected;
    let mut full_chroma = None;
    if may_exceed_full_chroma(&expected, image, image.pixels, target, settings) {
        full_chroma = search_full_chroma()?;
        let is_smaller =
            |file: &ScoredFile| file.score >= target.value() && expected.is_larger_than_full_chroma(file.bytes());
        if let Some(file) = full_chroma.take_if(|file| is_smaller(file)) {
            return Ok(file);
        }
    }
    let subsampled = search.finish()?;
    if full_chroma.is_none() && subsampled.score < target.value() {
        full_chroma = search_full_chroma()?;
    }
    Ok(match full_chroma {
        Some(full_chroma) => subsampled.better(full_chroma, target.value()),
        None => subsampled,
    })
}

/// Starts the search for the quantizer of a whole image. If SVT-AV1 encodes it, a probe of the image measures the curve first.
/// libaom has no speed at which an encode takes so little time and predicts the score so well.
fn start_search<'a>(
    encoder: &'a AvifEncoder<'a>,
    reference: ComparedImage<'a>,
    expected: ScoreCurve,
    target: Score,
) -> Result<TargetSearch<'a>, SearchError> {
    let settings = encoder.settings;
    let comparison = Comparison { encoder, reference };
    if !encoder.uses_svt() || settings.speed >= PROBE_SPEED {
        return TargetSearch::start(comparison, expected, target, FIRST_MARGIN);
    }
    let settings = EncoderSettings { speed: PROBE_SPEED, ..*settings };
    let probe = AvifEncoder { settings: &settings, ..*encoder };
    let comparison_of_probe = Comparison { encoder: &probe, reference };
    let probe = Probe { comparison: comparison_of_probe, score_bias: PROBE_BIAS, max_distance: PROBE_DISTANCE };
    let curve = fit_curve(probe, expected, target)?.curve;
    TargetSearch::start(comparison, curve, target, MARGIN_AFTER_PROBE)
}

/// Whether the 4:4:4 planes of this image may have a smaller file, so that it is worth encoding them too. `pixels`
/// are the image or a sample of it.
fn may_exceed_full_chroma(
    fit: &CurveFit,
    image: SearchedImage<'_>,
    pixels: Option<&DynamicImage>,
    target: Score,
    settings: &EncoderSettings,
) -> bool {
    let typical = ScoreCurve::typical_avif(settings.content, image.planar.shape());
    let typical = typical.quantizer_for(target.value(), QuantizerStep::Whole);
    let is_tried = match image.full_chroma {
        FullChroma::Never => false,
        FullChroma::IfMissed => fit.bytes.is_infinite(),
        FullChroma::IfSmaller => fit.is_fine(typical.value()) || fit.bytes.is_infinite(),
    };
    is_tried && pixels.is_some_and(chroma::has_detail)
}

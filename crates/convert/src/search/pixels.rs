//! Searches the quality of a WebP or a JPEG, and the chroma resolution of a JPEG.

use avif::QuantizerStep;
use image::DynamicImage;
use model::{ChromaMode, Score, Speed};

use super::chroma;
use super::compared_image::ComparedImage;
use super::comparison::{Comparison, ScoredFile, SearchError};
use super::curve::ScoreCurve;
use super::curve_fit::fit_curve;
use super::sample::PixelSample;
use super::target::{FIRST_MARGIN, TargetSearch};
use crate::pixels::content::Content;
use crate::write::jpeg::{JpegChroma, JpegEncoder};
use crate::write::webp::WebpEncoder;
use crate::write::{Encoder, FileMetadata};

/// The score of a lossless file.
const LOSSLESS_SCORE: f32 = 100.0;

/// Encodes the smallest WebP that reaches the target. Graphics may be smaller in the lossless mode, which always reaches the
/// target. If no lossy encode of a photograph reaches the target, returns the encode with the highest score.
pub(crate) fn encode_webp_at_target(
    pixels: &DynamicImage,
    content: Content,
    speed: Speed,
    metadata: &FileMetadata,
    target: Score,
) -> Result<ScoredFile, SearchError> {
    let reference = ComparedImage::Interleaved(pixels);
    let expected = ScoreCurve::typical_webp();
    let curve = match PixelSample::new(reference)? {
        Some(sample) => {
            let encoder = WebpEncoder::new(&sample.pixels, content, speed, &FileMetadata::default());
            fit_curve(sample.probe(&encoder, expected.shape), expected, target)?.curve
        }
        None => expected,
    };
    let encoder = WebpEncoder::new(pixels, content, speed, metadata);
    let lossy = search(&encoder, reference, curve, target)?;
    if content == Content::Photograph {
        return Ok(lossy);
    }
    let lossless = ScoredFile { file: encoder.encode_lossless()?, score: LOSSLESS_SCORE };
    Ok(lossy.better(lossless, target.value()))
}

/// Encodes the smallest JPEG that reaches the target, with the chroma resolution that makes it smaller. If no encode reaches
/// the target, returns the encode with the highest score.
pub(crate) fn encode_jpeg_at_target(
    pixels: &DynamicImage,
    content: Content,
    chroma: ChromaMode,
    metadata: &FileMetadata,
    target: Score,
) -> Result<ScoredFile, SearchError> {
    let reference = ComparedImage::Interleaved(pixels);
    let sample = PixelSample::new(reference)?;
    let expected = ScoreCurve::typical_jpeg();
    let typical = expected.quantizer_for(target.value(), QuantizerStep::Whole).value();
    let fit = |chroma, curve: ScoreCurve| match &sample {
        Some(sample) => {
            let encoder = JpegEncoder::new(&sample.pixels, content, chroma, &FileMetadata::default());
            fit_curve(sample.probe(&encoder, curve.shape), curve, target).map(Some)
        }
        None => Ok(None),
    };
    let search = |chroma, curve| search(&JpegEncoder::new(pixels, content, chroma, metadata), reference, curve, target);
    let first = if chroma == ChromaMode::Yuv444 { JpegChroma::Full } else { JpegChroma::Half };
    let fit_first = fit(first, expected)?;
    let curve = fit_first.map_or(expected, |fit| fit.curve);
    if first == JpegChroma::Full || chroma != ChromaMode::Auto || !chroma::has_detail(pixels) {
        return search(first, curve);
    }
    // The sample shows which resolution makes the file smaller.
    if let Some(half) = fit_first
        && (half.is_fine(typical) || half.bytes.is_infinite())
    {
        let full = fit(JpegChroma::Full, expected)?.unwrap_or(half);
        if half.bytes.is_infinite() || half.is_larger_than_full_chroma(full.bytes) {
            return search(JpegChroma::Full, full.curve);
        }
    }
    let half = search(JpegChroma::Half, curve)?;
    // Of 20 screenshots and diagrams, most were smaller with half chroma, and some were smaller with full chroma.
    if half.score >= target.value() && content == Content::Photograph {
        return Ok(half);
    }
    let full = search(JpegChroma::Full, expected)?;
    Ok(half.better(full, target.value()))
}

/// Returns the chroma resolution that a JPEG has without a search.
pub(crate) fn jpeg_chroma(content: Content, chroma: ChromaMode, pixels: &DynamicImage) -> JpegChroma {
    match (chroma, content) {
        (ChromaMode::Yuv444, _) => JpegChroma::Full,
        (ChromaMode::Auto, Content::Graphic) if chroma::has_detail(pixels) => JpegChroma::Full,
        (ChromaMode::Yuv420, _) | (ChromaMode::Auto, Content::Graphic | Content::Photograph) => JpegChroma::Half,
    }
}

fn search(
    encoder: &dyn Encoder,
    reference: ComparedImage<'_>,
    curve: ScoreCurve,
    target: Score,
) -> Result<ScoredFile, SearchError> {
    TargetSearch::start(Comparison { encoder, reference }, curve, target, FIRST_MARGIN)?.finish()
}
